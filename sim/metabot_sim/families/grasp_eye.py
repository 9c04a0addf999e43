"""`grasp-eye`: an arm whose camera was knocked out of its place brings a box to a bin."""

from __future__ import annotations

import numpy as np

from metabot.task import Interval
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EYE_X, EYE_YAW
from metabot_sim.families.base import Rules
from metabot_sim.families.grasp_one import GraspOne, GraspOneRules


class GraspEye(GraspOne):
    """An arm whose camera was knocked out of its place brings a box to a bin.

    The camera sees box and bin turned about the arm's base and shifted; where its hand is the arm
    knows from its joints. That the two do not agree, only touch and what it is paid tell.
    """

    name = "grasp-eye"
    summary = "an arm whose camera was knocked out of its place brings a box to a bin"
    looks = True
    dynamics = {  # noqa: RUF012
        "eye_yaw": Interval(low=-0.7, high=0.7),
        "eye_x": Interval(low=-0.06, high=0.06),
        "eye_y": Interval(low=-0.06, high=0.06),
    }
    held_out = {  # noqa: RUF012
        "eye_x": Interval(low=0.06, high=0.08, signed=True),
        "eye_y": Interval(low=0.06, high=0.08, signed=True),
    }

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspEyeRules(world)


class GraspEyeRules(GraspOneRules):
    """Success: the box lies at rest in the bin, let go of."""

    def seen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `GraspOneRules.seen`: as the camera has it."""
        box, place, yaw = super().seen()
        dynamics = self.world.episodes.robot_dynamics
        turn = dynamics[..., EYE_YAW]
        for point in (box, place):
            x, y = point[..., 0].copy(), point[..., 1].copy()
            point[..., 0] = np.cos(turn) * x - np.sin(turn) * y
            point[..., 1] = np.sin(turn) * x + np.cos(turn) * y
            point[..., :2] += dynamics[..., EYE_X : EYE_X + 2]
        return box, place, yaw + turn


FAMILY = GraspEye()

"""`grasp-frames`: an arm whose command frame is turned about all axes brings a box to a bin."""

from __future__ import annotations

from metabot.task import Interval
from metabot_sim.batch import BatchedWorld
from metabot_sim.families.base import Rules
from metabot_sim.families.grasp_one import GraspOne, GraspOneRules


class GraspFrames(GraspOne):
    """An arm whose command frame is turned about all axes brings a box to a bin.

    What it commands is turned about the vertical by any angle and tilted, and its wrist may turn the
    wrong way. It sees box and bin as they are.
    """

    name = "grasp-frames"
    summary = "an arm whose command frame is turned about all axes brings a box to a bin"
    angles = frozenset({"steer_bias"})
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.8, high=1.2),
        "steer_gain": Interval(low=0.8, high=1.2, signed=True),
        "steer_bias": Interval(low=-3.14159, high=3.14159),
        "frame_roll": Interval(low=-0.8, high=0.8),
        "frame_pitch": Interval(low=-0.8, high=0.8),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.65, high=0.8),
        "frame_roll": Interval(low=0.8, high=1.0, signed=True),
    }

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspOneRules(world)


FAMILY = GraspFrames()

"""`drive-odometry`: each robot to its own pad by dead reckoning that is turned, scaled and drifts."""

from __future__ import annotations

import numpy as np

from metabot.task import Interval, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.families import driving
from metabot_sim.families.base import Rules
from metabot_sim.families.drive_goal import DriveGoal, DriveGoalRules
from metabot_sim.robots import diffdrive


class DriveOdometry(DriveGoal):
    """Each robot to its own pad, by an odometry that is turned, scaled and drifts.

    A robot knows where its pad lies on the map and sees the way there through its own odometry. Where
    that is wrong nothing tells it so within an episode: it arrives, as it believes, and stands
    somewhere else. Only what it is paid, progress towards the true pad, says what is wrong.
    """

    name = "drive-odometry"
    summary = "each robot to its own pad, by an odometry that is turned, scaled and drifts"
    also_kinds = frozenset({"ackermann", "mjcf"})
    dynamics = {  # noqa: RUF012
        "heading_offset": Interval(low=-3.14159, high=3.14159),
        "odometry_scale": Interval(low=0.8, high=1.25),
        "odometry_drift": Interval(low=-0.2, high=0.2),
    }
    held_out = {  # noqa: RUF012
        "odometry_scale": Interval(low=1.25, high=1.4),
        "odometry_drift": Interval(low=0.2, high=0.3, signed=True),
    }

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        usual = super().template(robots)
        success = usual.success.model_copy(update={"radius_m": 0.25, "hold_s": 0.5})
        longer = 5.0 if robots == 1 else usual.horizon_s + 2.0
        return usual.model_copy(update={"family": self.name, "success": success, "horizon_s": longer})

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveOdometryRules(world)


class DriveOdometryRules(DriveGoalRules):
    """Success: the robot has stood still on its pad for half a second, and touched no other robot.

    It observes its pad from where it started and the way it has come since, both as it believes them
    and as seen from its believed heading. Both are needed: whose compass is turned believes to leave
    the pad behind while it drives there.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        self.task_names = (*diffdrive.RECKONING_NAMES[:6], *driving.neighbour_names(world.num_robots))

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        believed = self.world.odometry.poses(self._poses)
        seen = np.empty((*believed.shape[:2], len(self.task_names)))
        started = self.world.episodes.spawns[..., :2]
        seen[..., :6] = diffdrive.reckon_places(believed, self.world.goals, started)
        if seen.shape[-1] > 6:
            seen[..., 6:] = driving.see_neighbours(self._poses)
        return seen


FAMILY = DriveOdometry()

"""`drive-search`: a place that nobody names, found by what is paid."""

from __future__ import annotations

import numpy as np

from metabot.task import Interval, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.base import SPLITS, Family, Hidden, Rules, Split
from metabot_sim.families.drive_goal import DriveGoal, DriveGoalRules
from metabot_sim.robots import diffdrive

PLACE = 6
"""Stream of random numbers that places of tasks are drawn from."""
AROUND = Interval(low=-3.14159, high=3.14159)


def hidden_places(family: Family, split: Split, tasks: np.ndarray) -> np.ndarray:
    """Places of tasks whose distance and bearing are hidden, (n, 2) in metres.

    Args:
        family: its `places` are ``distance_m`` and ``bearing_rad``.
        split: whose ranges and seeds.
        tasks: (n,) numbers of tasks.
    """
    draws = rng.Draws(rng.keys(PLACE, SPLITS.index(split), tasks))
    distance, bearing = (family.places[name].draw(draws, split) for name in ("distance_m", "bearing_rad"))
    return frames.polar(distance, bearing)


class DriveSearch(DriveGoal):
    """A robot to a place that nobody names: only what it is paid, metres closer, tells where it is.

    A task is a place. The robot starts at the same spot in every episode, its heading drawn anew, and
    knows where it has come to.
    """

    name = "drive-search"
    summary = "a robot to a place that nobody names, found by what it is paid"
    robots = (1, 1, 1)
    dynamics = {}  # noqa: RUF012
    held_out = {}  # noqa: RUF012
    places = {  # noqa: RUF012
        "distance_m": Hidden(Interval(low=0.8, high=1.9), Interval(low=1.9, high=2.2), "of the place from the start"),
        "bearing_rad": Hidden(AROUND, AROUND, "of the place from the start, on the map"),
    }

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        usual = super().template(robots)
        success = usual.success.model_copy(update={"radius_m": 0.25, "hold_s": 0.5})
        return usual.model_copy(update={"family": self.name, "success": success, "horizon_s": 5.0})

    def draw(
        self, spec: TaskSpec, split: Split, tasks: np.ndarray, episodes: np.ndarray, seed: int = 0
    ) -> EpisodeBatch:
        """See `Family.draw`: the place is the task's, the heading the episode's."""
        batch = super().draw(spec, split, tasks, episodes, seed)
        batch.pads[:, 0] = hidden_places(self, split, tasks)
        return batch

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        batch.spawns[...] = 0.0
        batch.spawns[:, 0, 2] = draws.uniform(-np.pi, np.pi)

    def hidden(self, batch: EpisodeBatch) -> np.ndarray:
        """See `Family.hidden`: the place, (n, 2) in metres."""
        return batch.pads[:, 0].copy()

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveSearchRules(world)


class DriveSearchRules(DriveGoalRules):
    """Success: the robot has stood still at the place for half a second."""

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        self.task_names = ("x", "y", "heading_cos", "heading_sin", "start_forward", "start_left")

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        believed = self.world.odometry.poses(self._poses)
        seen = np.empty((*believed.shape[:2], len(self.task_names)))
        seen[..., :2] = believed[..., :2] / diffdrive.GOAL_SCALE_M
        seen[..., 2], seen[..., 3] = np.cos(believed[..., 2]), np.sin(believed[..., 2])
        seen[..., 4:] = frames.in_frame(believed, np.zeros(2)) / diffdrive.GOAL_SCALE_M
        return seen


FAMILY = DriveSearch()

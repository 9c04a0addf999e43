"""`grasp-bin`: an arm brings a box to a place that nobody names."""

from __future__ import annotations

import numpy as np

from metabot.task import Interval, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families import grasping
from metabot_sim.families.base import SPLITS, Hidden, Rules, Split
from metabot_sim.families.drive_search import PLACE, hidden_places
from metabot_sim.families.grasp_one import BEARING_RAD, RADIUS_M, GraspOne, GraspOneRules

_FARTHEST_M = 0.48
"""In training; beyond it are held-out places, to the edge of what the arm reaches."""
_BEARING = Interval(low=BEARING_RAD[0], high=BEARING_RAD[1])
_TRIES = 16
_APART_M = 0.17


class GraspBin(GraspOne):
    """An arm brings a box to a place that nobody names: only what it is paid tells where it belongs.

    A task is a place. Where the box lies is drawn anew in every episode.
    """

    name = "grasp-bin"
    summary = "an arm brings a box to a place that nobody names"
    dynamics = {}  # noqa: RUF012
    held_out = {}  # noqa: RUF012
    places = {  # noqa: RUF012
        "distance_m": Hidden(
            Interval(low=RADIUS_M[0], high=_FARTHEST_M),
            Interval(low=_FARTHEST_M, high=RADIUS_M[1]),
            "of the place from the arm's base",
        ),
        "bearing_rad": Hidden(_BEARING, _BEARING, "of the place from straight ahead of the arm"),
    }

    def draw(
        self, spec: TaskSpec, split: Split, tasks: np.ndarray, episodes: np.ndarray, seed: int = 0
    ) -> EpisodeBatch:
        """See `Family.draw`: the place is the task's, where the box lies the episode's."""
        batch = super().draw(spec, split, tasks, episodes, seed)
        batch.pads[:, 0] = hidden_places(self, split, tasks)
        draws = rng.Draws(rng.keys(PLACE + 1, SPLITS.index(split), seed, tasks, episodes))
        tries = grasping.scatter(draws, 1, np.zeros((_TRIES, _TRIES)), RADIUS_M, BEARING_RAD)[:, 0]
        offset = tries - batch.pads[:, :1]
        # The first that is not in the bin already.
        free = np.argmax(np.hypot(offset[..., 0], offset[..., 1]) > _APART_M, axis=1)
        batch.objects[:, 0, :2] = tries[np.arange(len(tries)), free]
        return batch

    def hidden(self, batch: EpisodeBatch) -> np.ndarray:
        """See `Family.hidden`: the place, (n, 2) in metres."""
        return batch.pads[:, 0].copy()

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspBinRules(world)


class GraspBinRules(GraspOneRules):
    """Success: the box lies at rest at the place, let go of."""

    task_names = GraspOneRules.task_names[:6]


FAMILY = GraspBin()

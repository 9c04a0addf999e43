"""`drive-race`: one pad after the other appears, and whoever is there first scores."""

from __future__ import annotations

import numpy as np

from metabot.task import COLOR_NAMES, Arena, Interval, Pad, Pose, RobotSpec, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.driver import Driver
from metabot_sim.families import driving
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step

PADS = 5
RING_M = 2.0
"""Everybody starts at this distance from the first pad."""
_NEXT_M = 1.2
"""Least distance from one pad to the next."""
_HALF_M = 2.3
"""Half of the square in which pads appear."""


class DriveRace(Family):
    """Be first on most of the pads, which appear one after the other."""

    name = "drive-race"
    summary = "one pad after the other appears: who is there first scores"
    mode = "competitive"
    robots = (2, 3, 16)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=1.0, signed=True),
        "steer_gain": Interval(low=0.8, high=1.3, signed=True),
        "steer_bias": Interval(low=-0.25, high=0.25),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.7, signed=True),
        "steer_bias": Interval(low=0.25, high=0.4, signed=True),
    }
    provides = frozenset({"approach_m", "collided", "scored"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        side = 2.0 * (_HALF_M + 0.5)
        angles = 2.0 * np.pi * np.arange(robots) / robots
        spots = [(0.0, 0.0), (1.5, 1.5), (-1.5, 1.5), (-1.5, -1.5), (1.5, -1.5)]
        return TaskSpec(
            family="drive-race",
            world=Arena(length_m=side, width_m=side),
            # Everybody for itself: nobody shares a team.
            robots=tuple(
                RobotSpec(
                    name=f"robot_{i + 1}",
                    team=f"robot_{i + 1}",
                    spawn=Pose(x=float(RING_M * np.cos(angle)), y=float(RING_M * np.sin(angle))),
                )
                for i, angle in enumerate(angles)
            ),
            pads=tuple(Pad(color=color, x=x, y=y) for color, (x, y) in zip(COLOR_NAMES, spots, strict=False)),
            reward={"score": 1.0, "progress": 0.5, "success": 1.0, "effort": -0.01},
            horizon_s=35.0,
        )

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        n, robots = len(batch), len(spec.robots)
        # As far for one as for the other.
        angles = draws.uniform(-np.pi, np.pi)[:, None] + 2.0 * np.pi * np.arange(robots) / robots
        batch.spawns[..., 0], batch.spawns[..., 1] = RING_M * np.cos(angles), RING_M * np.sin(angles)
        batch.spawns[..., 2] = draws.uniform(-np.pi, np.pi, robots)
        place = np.zeros((n, 2))
        for pad in range(1, len(spec.pads)):
            # The first of several candidates that is far enough; the last of them if none is.
            tries = draws.uniform(-_HALF_M, _HALF_M, 16, 2)
            far = np.hypot(*np.moveaxis(tries - place[:, None], -1, 0)) >= _NEXT_M
            far[:, -1] = True
            place = tries[np.arange(n), np.argmax(far, axis=1)]
            batch.pads[:, pad] = place
        batch.pads[:, 0] = 0.0

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveRaceRules(world)


class DriveRaceRules(Rules):
    """Success: strictly more points than every other robot once the race is decided.

    A pad is scored by the nearest of those within its radius; then the next one counts. The race
    is decided when no pad is left, when nobody can catch up any more, or when time is up.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n, robots = world.num_sims, world.num_robots
        self._radius = world.spec.success.radius_m
        self._pads = len(world.spec.pads)
        self._horizon = world.spec.horizon_steps
        self._sims = np.arange(n)
        self._tick = np.zeros(n, dtype=np.int64)
        self._current = np.zeros(n, dtype=np.int64)
        self._points = np.zeros((n, robots), dtype=np.int64)
        self._won = np.zeros((n, robots), dtype=bool)
        self._distance = np.zeros((n, robots))
        self._poses = world.poses()
        self._driver = Driver(world, careful=False)
        self.task_names = (
            "pad_ahead",
            "pad_left",
            "pad_cos",
            "pad_sin",
            "own_points",
            "best_others_points",
            "pads_left",
            *driving.neighbour_names(robots),
        )

    @property
    def points(self) -> np.ndarray:
        """(n, R): what each robot has scored in this episode."""
        return self._points

    @property
    def goals(self) -> np.ndarray:
        """(n, 1, 2): centre of the pad that counts."""
        return self.world.episodes.pads[self._sims, np.minimum(self._current, self._pads - 1)][:, None]

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._tick[ids] = self._current[ids] = 0
        self._points[ids] = 0
        self._won[ids] = False
        self._poses = self.world.poses()
        self._distance = self._distances()
        self._show()

    def _distances(self) -> np.ndarray:
        offset = self.goals - self._poses[..., :2]
        return np.hypot(offset[..., 0], offset[..., 1])

    def _show(self) -> None:
        self.world.show_pads(np.arange(self._pads) == self._current[:, None])

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._poses = self.world.poses()
        self._tick += 1
        distance = self._distances()
        approach = self._distance - distance
        first = np.argmin(distance, axis=1)
        # A race that is over goes on only in the engine.
        scored = (distance[self._sims, first] < self._radius) & (self._current < self._pads) & ~self._won.any(axis=1)
        gained = np.zeros(distance.shape)
        gained[self._sims, first] = scored
        self._points[self._sims, first] += scored
        self._current += scored
        if scored.any():
            distance = self._distances()
            self._show()
        self._distance = distance
        lead = self._points - self._best_of_others()
        left = (self._pads - self._current)[:, None]
        decided = (left == 0).any(axis=1) | (lead > left).any(axis=1)
        won = (lead > 0) & (decided | (self._tick >= self._horizon))[:, None]
        arrived = won & ~self._won
        self._won = won
        return Step(
            actions=actions,
            success=won,
            arrived=arrived,
            ended=decided,
            approach_m=approach,
            collided=self.world.contacts(self._poses),
            scored=gained,
        )

    def _best_of_others(self) -> np.ndarray:
        ordered = np.sort(self._points, axis=1)
        best, second = ordered[:, -1:], ordered[:, -2:-1]
        return np.where(self._points == best, np.where(best == second, best, second), best)

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        pad = frames.in_frame(self._poses, self.goals)
        distance = np.maximum(self._distance, 1e-6)[..., None]
        left = np.broadcast_to((self._pads - self._current)[:, None], self._points.shape)
        table = np.stack([self._points, self._best_of_others(), left], axis=-1) / self._pads
        return np.concatenate([pad / 2.0, pad / distance, table, driving.see_neighbours(self._poses)], axis=-1)

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        return self._driver(self._poses, np.broadcast_to(self.goals, (*self._points.shape, 2)))


FAMILY = DriveRace()

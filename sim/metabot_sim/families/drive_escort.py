"""`drive-escort`: keep the place beside a leader that it likes and does not name."""

from __future__ import annotations

import numpy as np

from metabot.task import Arena, Interval, Pad, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts import drive
from metabot_sim.families.base import Family, Hidden, Rules, Split
from metabot_sim.families.drive_search import AROUND, hidden_places
from metabot_sim.rewards import Step

LEADER, TOWARDS, LIKED = range(3)
"""Pads: where the leader is (it moves along), where it will be at the end, and the place it likes at the start."""
_SPEED_MPS = (0.3, 0.45)
_SCALE_M = 2.0


class DriveEscort(Family):
    """Keep the place beside a leader that it likes and does not name.

    A task is a leader's liking: how far off it wants its escort, and on which side. It goes straight
    on at a steady pace, on another course in every episode. The robot sees the leader; that it is in
    the right place only what it is paid tells.
    """

    name = "drive-escort"
    summary = "keep the place beside a leader that it likes and does not name"
    mode = "independent"
    robots = (1, 1, 1)
    dynamics = {}  # noqa: RUF012
    held_out = {}  # noqa: RUF012
    provides = frozenset({"approach_m"})
    places = {  # noqa: RUF012
        "distance_m": Hidden(Interval(low=0.5, high=1.1), Interval(low=1.1, high=1.3), "of the place from the leader"),
        "bearing_rad": Hidden(AROUND, AROUND, "of the place, as the leader sees it"),
    }
    holds = True

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        return TaskSpec(
            family=self.name,
            world=Arena(length_m=11.0, width_m=11.0),
            robots=(RobotSpec(name="robot_1"),),
            pads=(Pad(color="blue", x=1.0, y=0.0), Pad(color="navy", x=2.5, y=0.0), Pad(color="red", x=1.0, y=0.7)),
            success=Success(radius_m=0.2, hold_s=1.5),
            horizon_s=6.0,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        if len(spec.pads) != 3:
            raise SpecError(f"pads: {len(spec.pads)}; allowed: 3: the leader, where it goes, the place that it likes")
        if np.hypot(spec.pads[TOWARDS].x - spec.pads[LEADER].x, spec.pads[TOWARDS].y - spec.pads[LEADER].y) < 0.1:
            raise SpecError("pads: the leader does not move; allowed: its first two pads at least 0.1 m apart")

    def draw(
        self, spec: TaskSpec, split: Split, tasks: np.ndarray, episodes: np.ndarray, seed: int = 0
    ) -> EpisodeBatch:
        """See `Family.draw`: the liking is the task's, the leader's course the episode's."""
        batch = super().draw(spec, split, tasks, episodes, seed)
        batch.pads[:, LIKED] = frames.to_world(leaders(batch.pads), hidden_places(self, split, tasks))
        return batch

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        batch.spawns[...] = 0.0
        batch.spawns[:, 0, 2] = draws.uniform(-np.pi, np.pi)
        away, bearing, course = draws.uniform(0.8, 1.4), *draws.uniform(-np.pi, np.pi, 2).T
        way = draws.uniform(*_SPEED_MPS) * spec.horizon_s
        batch.pads[:, LEADER] = frames.polar(away, bearing)
        batch.pads[:, TOWARDS] = batch.pads[:, LEADER] + frames.polar(way, course)

    def hidden(self, batch: EpisodeBatch) -> np.ndarray:
        """See `Family.hidden`: the liked place as the leader sees it, (n, 2) in metres."""
        return frames.in_frame(leaders(batch.pads), batch.pads[:, LIKED])

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveEscortRules(world)


def leaders(pads: np.ndarray) -> np.ndarray:
    """Poses of the leaders at the start, (n, 3), from (n, 3, 2) pads."""
    course = pads[:, TOWARDS] - pads[:, LEADER]
    return np.concatenate([pads[:, LEADER], np.arctan2(course[:, 1:], course[:, :1])], axis=-1)


class DriveEscortRules(Rules):
    """Success: the robot has been within `success.radius_m` of the liked place for a second and a half on end."""

    task_names = (
        "leader_ahead",
        "leader_left",
        "leader_cos",
        "leader_sin",
        "leader_speed",
        "seen_ahead",
        "seen_left",
    )

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n = world.num_sims
        self._radius = world.spec.success.radius_m
        self._hold = max(1, round(world.spec.success.hold_s * world.spec.control_hz))
        self._tick, self._kept = np.zeros(n), np.zeros(n, dtype=np.int64)
        self._kept_long = np.zeros((n, 1), dtype=bool)
        self._offset, self._distance = np.zeros((n, 2)), np.zeros((n, 1))
        self._start, self._speed = np.zeros((n, 3)), np.zeros(n)
        self._poses = world.poses()

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        pads = self.world.episodes.pads[ids]
        self._start[ids] = start = leaders(pads)
        way = np.hypot(*(pads[:, TOWARDS] - pads[:, LEADER]).T)
        self._speed[ids] = way / self.world.spec.horizon_s
        self._offset[ids] = frames.in_frame(start, pads[:, LIKED])
        self._tick[ids], self._kept[ids], self._kept_long[ids] = 0.0, 0, False
        self._look()
        self._distance[ids] = self._error()[ids]

    def _look(self) -> None:
        """Where the robot, the leader and the liked place are now."""
        self._poses = self.world.poses()
        gone = self._speed * self._tick / self.world.spec.control_hz
        self._leader = self._start.copy()
        self._leader[:, :2] += frames.polar(gone, self._start[:, 2])
        self._place = frames.to_world(self._leader, self._offset)
        self.world.move_pad(LEADER, self._leader[:, :2])
        self.world.move_pad(LIKED, self._place)

    def _error(self) -> np.ndarray:
        offset = self._place - self._poses[:, 0, :2]
        return np.hypot(offset[:, :1], offset[:, 1:])

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._tick += 1.0
        self._look()
        error = self._error()
        self._kept = np.where(error[:, 0] < self._radius, self._kept + 1, 0)
        before = self._kept_long
        self._kept_long = before | (self._kept >= self._hold)[:, None]
        step = Step(
            actions=actions,
            success=self._kept_long,
            arrived=self._kept_long & ~before,
            ended=self._kept_long[:, 0],
            approach_m=self._distance - error,
        )
        self._distance = error
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: the leader as the robot sees it, and the robot as the leader does."""
        poses = self._poses[:, 0]
        heading = self._leader[:, 2] - poses[:, 2]
        seen = np.empty((len(poses), 1, len(self.task_names)))
        seen[:, 0, :2] = frames.in_frame(poses, self._leader[:, :2]) / _SCALE_M
        seen[:, 0, 2], seen[:, 0, 3], seen[:, 0, 4] = np.cos(heading), np.sin(heading), self._speed / _SPEED_MPS[1]
        seen[:, 0, 5:] = frames.in_frame(self._leader, poses[:, :2]) / _SCALE_M
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`: the place's own velocity and a share of what is missing."""
        poses, cars = self._poses, self.world.cars
        wanted = 2.0 * (self._place[:, None] - poses[..., :2]) + frames.polar(self._speed, self._start[:, 2])[:, None]
        speed = np.hypot(wanted[..., 0], wanted[..., 1])
        dynamics = self.world.episodes.robot_dynamics
        error = frames.wrap(np.arctan2(wanted[..., 1], wanted[..., 0]) - poses[..., 2])
        # A place that is hardly missed is no reason to turn.
        turn = 4.0 * error * np.clip(speed / 0.1, 0.0, 1.0) / cars.max_yaw_rate_radps
        forward = np.minimum(speed, cars.max_speed_mps) * np.clip(np.cos(error), 0.0, 1.0) ** 2 / cars.max_speed_mps
        return drive.undo(forward, turn, dynamics)


FAMILY = DriveEscort()

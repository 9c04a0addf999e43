"""`drive-goal`: each robot to its own pad, without touching another."""

from __future__ import annotations

import numpy as np

from metabot.task import (
    COLOR_NAMES,
    Arena,
    Interval,
    Pad,
    Pose,
    RobotSpec,
    SpecError,
    TaskSpec,
)
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.driver import Driver
from metabot_sim.families import driving
from metabot_sim.families.base import Family, Rules
from metabot_sim.families.parking import Parking
from metabot_sim.rewards import Step
from metabot_sim.robots import diffdrive

ALONE_M, ALONE_S = (0.8, 2.0), 4.0
"""How far the pad of one robot by itself is, and how long it has."""


class DriveGoal(Family):
    """Each robot to its own pad, without touching another."""

    name = "drive-goal"
    summary = "each robot to its own pad, without touching another"
    mode = "independent"
    robots = (1, 3, 16)
    also_kinds = frozenset({"ackermann", "mjcf"})
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=1.0, signed=True),
        "steer_gain": Interval(low=0.8, high=1.3, signed=True),
        "steer_bias": Interval(low=-0.25, high=0.25),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.7, signed=True),
        "steer_bias": Interval(low=0.25, high=0.4, signed=True),
    }
    provides = frozenset({"approach_m", "collided"})
    believes = True
    holds = True

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        # As much floor for each robot however many there are.
        side = driving.arena_side_m(1) if robots == 1 else 3.0 + 1.7 * robots**0.5
        colors = COLOR_NAMES[:robots]
        across = np.linspace(-side / 2 + 0.6, side / 2 - 0.6, robots) if robots > 1 else np.zeros(1)
        return TaskSpec(
            family="drive-goal",
            world=Arena(length_m=side, width_m=side),
            robots=tuple(
                RobotSpec(name=f"robot_{i + 1}", goal=color, spawn=Pose(x=-1.0, y=float(across[i])))
                for i, color in enumerate(colors)
            ),
            pads=tuple(Pad(color=color, x=1.0, y=float(across[i])) for i, color in enumerate(colors)),
            horizon_s=ALONE_S if robots == 1 else 12.0 + 0.5 * robots,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        kinds = sorted({robot.kind for robot in spec.robots})
        if len(kinds) > 1:
            raise SpecError(f"robots: {', '.join(kinds)} cannot share an arena; allowed: one kind of robot")

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        robots = len(spec.robots)
        if robots == 1:
            distance = draws.uniform(*ALONE_M)
            bearing = draws.uniform(-np.pi, np.pi)
            batch.spawns[...] = 0.0
            batch.pads[:, 0] = frames.polar(distance, bearing)
            return
        radius = max(robot.footprint_m for robot in spec.robots)
        half = spec.world.length_m / 2 - 0.27 - radius
        batch.spawns[..., :2] = driving.scatter(draws, robots, half, 0.54 + 2.0 * radius)
        batch.spawns[..., 2] = draws.uniform(-np.pi, np.pi, robots)
        # Far enough that nobody gets there by chance, near enough for the slowest.
        batch.pads[...] = driving.scatter(
            draws, robots, half, 0.64 + 2.0 * radius, starts=batch.spawns, away_m=(1.2, 4.0)
        )

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveGoalRules(world)


class DriveGoalRules(Rules):
    """Success: the robot's centre within the pad's radius, and it has touched no other robot.

    Where the task wants it to hold (``success.hold_s``), it has to stand still there for so long.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        shape = (world.num_sims, world.num_robots)
        self._radius = world.spec.success.radius_m
        self._driver = Driver(world)
        self._forbidden = world.spec.success.contact == "forbidden"
        self._parking = Parking(world)
        self._reached, self._spoiled = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
        self._distance = np.zeros(shape)
        self._poses = world.poses()
        self.task_names = (*diffdrive.OBSERVATION_NAMES[:4], *driving.neighbour_names(world.num_robots))

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._reached[ids] = self._spoiled[ids] = False
        self._parking.reset(ids)
        self._poses[ids] = started = self.world.poses(ids)
        goals = self.world.episodes.pads[ids[:, None], self.world.episodes.targets[ids]]
        offset = goals - started[..., :2]
        self._distance[ids] = np.hypot(offset[..., 0], offset[..., 1])

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._poses = self.world.poses()
        distance = self.world.distances(self._poses)
        touching = self.world.contacts(self._poses)
        if self._forbidden:
            self._spoiled |= touching
        before = self._reached & ~self._spoiled
        self._reached |= self._parking(distance < self._radius, self._poses)
        success = self._reached & ~self._spoiled
        step = Step(
            actions=actions,
            success=success,
            arrived=success & ~before,
            ended=np.asarray(success.all(axis=1)),
            approach_m=self._distance - distance,
            collided=touching,
        )
        self._distance = distance
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        seen = np.empty((*self._poses.shape[:2], len(self.task_names)))
        goal = frames.in_frame(self.world.odometry.poses(self._poses), self.world.goals)
        seen[..., :2] = goal / diffdrive.GOAL_SCALE_M
        seen[..., 2:4] = goal / np.maximum(np.hypot(goal[..., 0], goal[..., 1]), 1e-6)[..., None]
        if seen.shape[-1] > 4:
            seen[..., 4:] = driving.see_neighbours(self._poses)
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        return self._driver(self._poses, self.world.goals)


FAMILY = DriveGoal()

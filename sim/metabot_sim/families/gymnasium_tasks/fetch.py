"""`gymnasium:Fetch…`: Reach, Push, Slide and PickAndPlace of gymnasium-robotics, 1 to 5 arms side by side.

Robot, control (25 Hz, 2 ms steps), the 5 cm to the goal that count and the ranges of places are
the package's. Ours are the hidden dynamics, an infinite table, that a start is never almost at
its goal, and success: to have been at the goal for `HOLD_STEPS` steps on end.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from metabot.task import COLOR_NAMES, Arena, Interval, ObjectSpec, Pad, Pose, RobotSpec, Success, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts import fetch as expert
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step
from metabot_sim.robots.fetch import HOME_M, Fetch

THRESHOLD_M = 0.05
"""Distance from the goal that counts as there."""
HOLD_STEPS = 10
"""Control steps on end that it has to last."""
_APART_M = 1.2
_TRIES = 8


class FetchTask(Family):
    """What the four tasks share: one arm each, each with its own goal and at most one object."""

    mode = "independent"
    robots = (1, 1, 5)
    shape: ClassVar[str | None] = "box"
    """Of the object; None where there is none."""
    horizon_s: ClassVar[float] = 4.0
    grips: ClassVar[bool] = False
    reach_m: ClassVar[tuple[float, float, float]] = (0.15, 0.15, 0.0)
    """Half of the extent of the goals, ahead, left and up."""
    offset_m: ClassVar[float] = 0.0
    """How far ahead of the fingertips' start the middle of the goals is."""
    object_reach_m: ClassVar[float] = 0.15
    friction: ClassVar[float] = 1.0

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        colors = COLOR_NAMES[:robots]
        across = _APART_M * (np.arange(robots) - (robots - 1) / 2)
        things = (
            ()
            if self.shape is None
            else tuple(
                ObjectSpec(
                    name=f"object_{i + 1}",
                    color=color,
                    shape=self.shape,  # type: ignore[arg-type]
                    size_m=0.05,
                    mass_kg=2.0,
                    friction=self.friction,
                    pose=Pose(x=0.1, y=float(across[i])),
                    goal=color,
                )
                for i, color in enumerate(colors)
            )
        )
        return TaskSpec(
            family=self.name,
            world=Arena(length_m=3.0, width_m=_APART_M * robots + 0.8),
            robots=tuple(
                RobotSpec(
                    name=f"robot_{i + 1}",
                    kind="fetch",
                    spawn=Pose(x=-HOME_M[0], y=float(across[i])),
                    # Where there is an object, it is the object that belongs somewhere.
                    goal=color if self.shape is None else None,
                )
                for i, color in enumerate(colors)
            ),
            pads=tuple(Pad(color=color, x=self.offset_m, y=float(across[i]), z=0.0) for i, color in enumerate(colors)),
            objects=things,
            success=Success(radius_m=THRESHOLD_M, contact="allowed"),
            horizon_s=self.horizon_s,
            control_hz=25,
        )

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        robots = len(spec.robots)
        middle = np.array([(robot.spawn.x + HOME_M[0], robot.spawn.y) for robot in spec.robots])
        starts = np.zeros((len(batch), robots, 3))
        starts[..., 2] = HOME_M[2]
        if self.shape is not None:
            # Beside the fingers and not under them, as in the package.
            starts[..., :2] = self._away(draws, robots, self.object_reach_m, np.zeros((len(batch), robots, 2)))
            batch.objects[..., :2] = middle + starts[..., :2]
            starts[..., 2] = 0.025 * batch.object_dynamics[..., 1]
        goals = self._goals(draws, starts)
        batch.pads[...] = middle + goals[..., :2]
        batch.pad_heights[...] = goals[..., 2]

    def _away(self, draws: rng.Draws, robots: int, reach_m: float, start: np.ndarray) -> np.ndarray:
        """Points in a square at least 0.1 m from a point; always the same number of draws."""
        tries = draws.uniform(-reach_m, reach_m, _TRIES, robots, 2)
        far = np.square(tries - start[:, None]).sum(-1) >= 0.1**2
        # If all are near, the last one is taken: once in some thousand episodes.
        chosen = np.argmax(far, axis=1)
        return np.take_along_axis(tries, chosen[:, None, :, None], axis=1)[:, 0]

    def _goals(self, draws: rng.Draws, starts: np.ndarray) -> np.ndarray:
        """(n, R, 3) goals relative to the fingertips' start on the table, at least 0.1 m from `starts`."""
        robots = starts.shape[1]
        tries = draws.uniform(-1.0, 1.0, _TRIES, robots, 3) * np.array(self.reach_m)
        tries[..., 0] += self.offset_m
        tries[..., 2] += starts[:, None, :, 2]
        far = np.square(tries - starts[:, None]).sum(-1) >= 0.1**2
        chosen = np.argmax(far, axis=1)
        return np.take_along_axis(tries, chosen[:, None, :, None], axis=1)[:, 0]

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return FetchRules(world, self)


class Reach(FetchTask):
    """The fingertips to a point in the air."""

    name = "gymnasium:FetchReach-v4"
    summary = "Fetch: the fingertips to a point in the air"
    shape = None
    horizon_s = 2.0
    reach_m = (0.15, 0.15, 0.13)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.6, high=1.0, signed=True),
        "steer_bias": Interval(low=-0.6, high=0.6),
        "damping": Interval(low=0.7, high=1.5),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.4, high=0.6, signed=True),
        "steer_bias": Interval(low=0.6, high=1.0, signed=True),
    }
    provides = frozenset({"approach_m"})


class Push(FetchTask):
    """A block to a place on the table, fingers closed."""

    name = "gymnasium:FetchPush-v4"
    summary = "Fetch: push a block to a place on the table"
    horizon_s = 4.0
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=1.0, signed=True),
        "steer_bias": Interval(low=-0.4, high=0.4),
        "object_mass_kg": Interval(low=0.5, high=2.5),
        "object_friction": Interval(low=0.4, high=1.0),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.5, high=0.7, signed=True),
        "object_mass_kg": Interval(low=2.5, high=4.0),
    }
    provides = frozenset({"approach_m"})


class PickAndPlace(FetchTask):
    """A block to a place on the table or in the air above it."""

    name = "gymnasium:FetchPickAndPlace-v4"
    summary = "Fetch: bring a block to a place on the table or in the air"
    horizon_s = 2.6
    grips = True
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=1.0, signed=True),
        "steer_bias": Interval(low=-0.4, high=0.4),
        "object_mass_kg": Interval(low=0.5, high=2.5),
        "object_friction": Interval(low=0.8, high=1.3),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.5, high=0.7, signed=True),
        "object_mass_kg": Interval(low=2.5, high=3.5),
    }
    provides = frozenset({"approach_m", "grasped", "lifted_m"})

    def _goals(self, draws: rng.Draws, starts: np.ndarray) -> np.ndarray:
        goals = super()._goals(draws, starts)
        air = draws.uniform(0.0, 0.35, starts.shape[1]) * (draws.unit(starts.shape[1]) < 0.5)
        goals[..., 2] += air
        return goals


class Slide(FetchTask):
    """A puck to a place out of reach, by a push that is exactly strong enough."""

    name = "gymnasium:FetchSlide-v4"
    summary = "Fetch: push a puck so that it slides to a place out of reach"
    shape = "cylinder"
    horizon_s = 6.0
    reach_m = (0.12, 0.15, 0.0)
    offset_m = 0.4
    object_reach_m = 0.1
    friction = 0.1
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.8, high=1.0, signed=True),
        "steer_bias": Interval(low=-0.4, high=0.4),
        "object_mass_kg": Interval(low=0.5, high=2.0),
        "object_friction": Interval(low=0.05, high=0.1),
    }
    held_out = {  # noqa: RUF012
        "object_mass_kg": Interval(low=2.0, high=3.0),
        "object_friction": Interval(low=0.035, high=0.05),
    }
    provides = frozenset({"approach_m"})


class FetchRules(Rules):
    """Success: fingertips or object within 5 cm of the goal for `HOLD_STEPS` control steps on end."""

    def __init__(self, world: BatchedWorld, task: FetchTask) -> None:
        """See `Rules`.

        Args:
            world: made for `task.template(n)` or an equal scene.
            task: which of the four.
        """
        super().__init__(world)
        fetch = world.group("fetch")
        assert isinstance(fetch, Fetch)
        self._fetch, self._task = fetch, task
        if not task.grips:
            fetch.hold_closed()
        self._has_object = task.shape is not None
        shape = (world.num_sims, world.num_robots)
        self._sims = np.arange(world.num_sims)[:, None]
        self._goal = np.zeros((*shape, 3))
        self._held = np.zeros(shape, dtype=np.int64)
        self._done = np.zeros(shape, dtype=bool)
        self._distance = np.zeros(shape)
        self._phase = np.zeros(shape, dtype=np.int64)
        names = [f"goal_{axis}" for axis in ("ahead", "left", "up")]
        if self._has_object:
            names += [f"object_{axis}" for axis in ("ahead", "left", "up")]
            names += [f"object_velocity_{axis}" for axis in ("ahead", "left", "up")]
        self.task_names = tuple(names)
        self._sense()

    def _sense(self) -> None:
        world = self.world
        self._grip = self._fetch.positions()
        episodes = world.episodes
        pads = episodes.object_targets if self._has_object else episodes.targets
        self._goal[..., :2] = episodes.pads[self._sims, pads]
        self._goal[..., 2] = episodes.pad_heights[self._sims, pads]
        self._object = world.object_positions() if self._has_object else self._grip
        self._to_go = self._goal - self._object

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._held[ids] = self._phase[ids] = 0
        self._done[ids] = False
        self._sense()
        self._distance[ids] = np.sqrt(np.square(self._to_go[ids]).sum(-1))

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._sense()
        distance = np.sqrt(np.square(self._to_go).sum(-1))
        self._held = np.where(distance < THRESHOLD_M, self._held + 1, 0)
        before = self._done
        self._done = before | (self._held >= HOLD_STEPS)
        approach, self._distance = self._distance - distance, distance
        grasped = lifted = None
        if self._task.grips:
            near = np.square(self._object - self._grip).sum(-1) < 0.04**2
            grasped = near & (self._object[..., 2] > 0.04)
            lifted = self._object[..., 2]
        return Step(
            actions=actions,
            success=self._done,
            arrived=self._done & ~before,
            ended=np.asarray(self._done.all(axis=1)),
            approach_m=approach,
            grasped=grasped,
            lifted_m=lifted,
        )

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        fetch = self._fetch
        seen = np.empty((*self._done.shape, len(self.task_names)))
        seen[..., :3] = fetch.into_base_frame(self._to_go) / 0.2
        if self._has_object:
            seen[..., 3:6] = fetch.into_base_frame(self._object - self._grip) / 0.2
            seen[..., 6:] = fetch.into_base_frame(self.world.object_velocities())
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        world, fetch = self.world, self._fetch
        dynamics = world.episodes.robot_dynamics
        if not self._has_object:
            return expert.command(fetch.into_base_frame(self._to_go), dynamics)
        offset = fetch.into_base_frame(self._object - self._grip)
        to_go = fetch.into_base_frame(self._to_go)
        height = self._grip[..., 2]
        if self._task.grips:
            size = 0.05 * world.episodes.object_dynamics[..., 1]
            move, fingers = expert.pick_and_place(offset, to_go, fetch.opening(), size)
            return expert.command(move, dynamics, fingers)
        velocity = fetch.into_base_frame(world.object_velocities())
        if isinstance(self._task, Push):
            move = expert.push(offset, to_go, height)
        else:
            friction = world.episodes.object_dynamics[..., 2]
            move, self._phase = expert.slide(offset, to_go, height, velocity, friction, self._phase)
        return expert.command(move, dynamics)

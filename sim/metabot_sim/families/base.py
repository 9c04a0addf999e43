"""What a family of tasks is: `Family` describes it, `Rules` play it in a batch of simulations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from metabot.task import OF_OBJECTS, WHOLE_DYNAMICS, Interval, RobotDynamics, RobotSpec, SpecError, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import OBJECT_DYNAMICS, ROBOT_DYNAMICS, EpisodeBatch
from metabot_sim.rewards import Step
from metabot_sim.robots.arm.own import has_gripper
from metabot_sim.robots.registry import ROBOTS

Split = Literal["train", "validation", "test", "held-out"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "held-out")
"""The first three draw tasks from the same ranges with other seeds, the last from other ranges."""

Mode = Literal["independent", "cooperative", "competitive", "mixed"]


@dataclass(frozen=True)
class Hidden:
    """What is hidden of a place: a range in training and one that is kept from training.

    Attributes:
        training: drawn from for train, validation and test.
        held_out: drawn from for held-out.
        meaning: for people.
    """

    training: Interval
    held_out: Interval
    meaning: str

    def draw(self, draws: rng.Draws, split: Split) -> np.ndarray:
        """One value of each task, (n,)."""
        interval = self.held_out if split == "held-out" else self.training
        values = draws.uniform(interval.low, interval.high)
        return values * draws.sign() if interval.signed else values


class Family(ABC):
    """A distribution of tasks: a scene, ranges of hidden dynamics, starts and goals, and rules."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for people."""
    mode: ClassVar[Mode]
    robots: ClassVar[tuple[int, int, int]]
    """Fewest, usual and most robots."""
    also_kinds: ClassVar[frozenset[str]] = frozenset()
    """Kinds of robots that can play it beside those of `template`."""
    dynamics: ClassVar[Mapping[str, Interval]]
    """Ranges in training; `object_`-prefixed names are those of objects. What is not named is healthy."""
    held_out: ClassVar[Mapping[str, Interval]]
    """Ranges that are kept from training; what is not named has its range of training."""
    places: ClassVar[Mapping[str, Hidden]] = {}
    """What a task hides of a place that nobody names; beside `dynamics`."""
    angles: ClassVar[frozenset[str]] = frozenset({"heading_offset", "eye_yaw"})
    """Hidden dynamics that are angles, told by their direction: the ends of their range are the same."""
    believes: ClassVar[bool] = False
    """Whether robots see places through their own odometry, so that its errors matter."""
    looks: ClassVar[bool] = False
    """Whether arms see places through a camera of their own, so that its errors matter."""
    needs_gripper: ClassVar[bool] = True
    """Whether its arms have to have a gripper; where they need none, nothing is grasped."""
    holds: ClassVar[bool] = False
    """Whether a task may want robots to stand still where they are sent."""
    provides: ClassVar[frozenset[str]]
    """Fields of `Step` that the rules fill in, beside actions and success."""

    @abstractmethod
    def template(self, robots: int) -> TaskSpec:
        """The scene for that many robots, everything at nominal places."""

    @abstractmethod
    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """Draw starts and goals of new episodes, in place.

        Args:
            draws: one stream of random numbers per episode.
            batch: as many episodes, filled in as `spec` says; overwrite what varies.
            spec: the scene.
        """

    @abstractmethod
    def rules(self, world: BatchedWorld) -> Rules:
        """The rules, playing in a world made for `template(n)` or an equal scene."""

    def spec(self, robots: int | None = None) -> TaskSpec:
        """`template` with the number of robots checked.

        Raises:
            SpecError: if the family cannot be played by that many.
        """
        fewest, usual, most = self.robots
        count = usual if robots is None else robots
        if not fewest <= count <= most:
            raise SpecError(f"robots: {count} cannot play {self.name}; allowed: {fewest} to {most}")
        return self.template(count)

    def check(self, spec: TaskSpec) -> None:
        """Refuse a scene that this family cannot be played in.

        Raises:
            SpecError: with the field, its value and what is allowed.
        """
        fewest, _, most = self.robots
        if not fewest <= len(spec.robots) <= most:
            raise SpecError(f"robots: {len(spec.robots)} cannot play {self.name}; allowed: {fewest} to {most}")
        usual = self.spec(len(spec.robots))
        kinds = {robot.kind for robot in usual.robots}
        # A user's own robot may take part wherever its model keeps the contract of the kind it stands for.
        for robot in spec.robots:
            if robot.kind not in kinds | self.also_kinds:
                allowed = ", ".join(sorted(kinds | self.also_kinds))
                raise SpecError(f"robots.{robot.name}.kind: {robot.kind} cannot play {self.name}; allowed: {allowed}")
            self.check_dynamics(robot)
        if any(robot.kind == "mjcf" for robot in spec.robots):
            # What every robot of metabot's can have goes wrong here, a user's own may not have.
            self.check_ranges(self.intervals("held-out"), spec)
        self.check_grippers(spec)
        if spec.success.hold_s and not self.holds:
            raise SpecError(
                f"success.hold_s: {spec.success.hold_s:g}, but nobody stands still in {self.name}; allowed: 0"
            )
        sent = all(robot.goal for robot in usual.robots)
        for robot in spec.robots:
            if sent and robot.goal is None:
                allowed = ", ".join(pad.color for pad in spec.pads) or "a pad's colour"
                raise SpecError(f"robots.{robot.name}.goal: none, but {self.name} wants one; allowed: {allowed}")
        if not sent and len(spec.pads) < len(usual.pads):
            raise SpecError(f"pads: {len(spec.pads)} are too few for {self.name}; allowed: at least {len(usual.pads)}")
        if len(spec.objects) < len(usual.objects):
            raise SpecError(
                f"objects: {len(spec.objects)} are too few for {self.name}; allowed: at least {len(usual.objects)}"
            )

    def check_grippers(self, spec: TaskSpec) -> None:
        """Refuse arms without a gripper where one is needed.

        Raises:
            SpecError: with the robot, the family and what is allowed; also where an arm's file cannot be read.
        """
        for robot in spec.robots:
            if robot.kind != "arm" or robot.mjcf is None or not self.needs_gripper:
                continue
            try:
                grips = has_gripper(robot)
            except ValueError as problem:
                raise SpecError(f"robots.{robot.name}: {problem}") from None
            if not grips:
                from metabot_sim.families.registry import available, family

                others = ", ".join(name for name in available() if not family(name).needs_gripper)
                raise SpecError(
                    f"robots.{robot.name}: mjcf {robot.mjcf}: an arm without a gripper cannot play {self.name}; wanted:"
                    f" a hand with two fingers, or a family that needs none: {others}"
                )

    def check_dynamics(self, robot: RobotSpec) -> None:
        """Refuse hidden dynamics that would have no effect.

        Raises:
            SpecError: with the field, its value and what is allowed.
        """
        healthy = RobotDynamics()
        rolls = _rolls(robot)
        for names, works, why in (
            (WHEELS, rolls, f"{'its file' if robot.mjcf else robot.kind} has no wheels"),
            (TYRES, rolls or robot.kind != "mjcf", "its file has no tyres"),
            (FRAMES, robot.kind == "arm", f"{robot.kind} has no command frame in space"),
            (GRIPS, robot.kind != "arm" or self.needs_gripper, f"nothing is grasped in {self.name}"),
            (GRIPS[:1], self._has_arms, f"{robot.kind} has no gripper"),
            (EYES, self.looks, f"arms see places as they are in {self.name}"),
            (ODOMETRY, self.believes, f"robots see places as they are in {self.name}"),
        ):
            for name in names if not works else ():
                value, usual = getattr(robot.dynamics, name), getattr(healthy, name)
                if value != usual:
                    raise SpecError(f"robots.{robot.name}.dynamics.{name}: {value:g}, but {why}; allowed: {usual:g}")

    @cached_property
    def _has_arms(self) -> bool:
        """Whether an arm plays: what is wrong with grippers is drawn for every robot of a family then."""
        return any(robot.kind in ("arm", "fetch") for robot in self.spec().robots)

    def check_ranges(self, ranges: Mapping[str, Interval], spec: TaskSpec) -> None:
        """Refuse ranges of hidden dynamics that no robot or object can have, or that would have no effect.

        Args:
            ranges: by name.
            spec: of the robots.

        Raises:
            SpecError: with the name, its value and what is allowed.
        """
        for name, interval in ranges.items():
            for value in {interval.low, interval.high, *((-interval.low, -interval.high) if interval.signed else ())}:
                if name.startswith(OF_OBJECTS):
                    if not spec.objects:
                        raise SpecError(f"dynamics.{name}: there are no objects in {self.name}")
                    if not value > 0.0:
                        raise SpecError(f"dynamics.{name}: {value:g} is not above 0")
                    continue
                dynamics = RobotDynamics.parse({name: round(value) if name in WHOLE_DYNAMICS else value})
                for robot in spec.robots:
                    self.check_dynamics(robot.model_copy(update={"dynamics": dynamics}))

    def hidden(self, batch: EpisodeBatch) -> np.ndarray:
        """What differs from task to task and no robot is told, (n, numbers); near ones mean nearly the same."""
        return told_by(batch, [*self.dynamics, *self.held_out], self.angles)

    def intervals(self, split: Split) -> dict[str, Interval]:
        """The ranges of a split."""
        return {**self.dynamics, **(self.held_out if split == "held-out" else {})}

    def draw_dynamics(
        self, tasks: np.ndarray, split: Split, batch: EpisodeBatch, ranges: Mapping[str, Interval] | None = None
    ) -> None:
        """Draw the hidden dynamics of tasks, in place.

        Args:
            tasks: (n,) numbers of tasks; the same number and split give the same dynamics.
            split: whose ranges and seeds.
            batch: n episodes.
            ranges: in place of the split's.
        """
        draws = rng.Draws(rng.keys(_DYNAMICS, SPLITS.index(split), tasks))
        for name, interval in (self.intervals(split) if ranges is None else ranges).items():
            target, columns = batch.robot_dynamics, ROBOT_DYNAMICS
            column_name = name
            if name.startswith(OF_OBJECTS):
                target, columns = batch.object_dynamics, OBJECT_DYNAMICS
                column_name = name.removeprefix(OF_OBJECTS)
            column = columns.index(column_name)
            # One draw per robot or object, in order, so that a robot more changes no other's.
            width = target.shape[1]
            values = draws.uniform(interval.low, interval.high, width)
            signs = draws.sign(width) if interval.signed else 1.0
            if column_name in WHOLE_DYNAMICS:
                values = np.floor(draws.uniform(interval.low, interval.high + 1.0, width))
            target[..., column] = values * signs

    def draw(
        self, spec: TaskSpec, split: Split, tasks: np.ndarray, episodes: np.ndarray, seed: int = 0
    ) -> EpisodeBatch:
        """Draw whole episodes.

        Args:
            spec: the scene.
            split: train, validation, test or held-out.
            tasks: (n,) numbers of tasks: they fix the hidden dynamics.
            episodes: (n,) numbers of episodes: with task and seed they fix starts and goals.
            seed: another one gives other starts and goals for the same tasks.
        """
        batch = EpisodeBatch.of(spec, len(tasks))
        self.draw_dynamics(tasks, split, batch)
        draws = rng.Draws(rng.keys(_PLACES, SPLITS.index(split), seed, tasks, episodes))
        self.draw_places(draws, batch, spec)
        return batch

    def sample(self, task: int, split: Split = "train", robots: int | None = None, seed: int = 0) -> TaskSpec:
        """One task written out in full: scene, places and hidden dynamics."""
        template = self.spec(robots)
        numbers = np.array([task])
        return self.draw(template, split, numbers, np.zeros(1, dtype=np.int64), seed).spec(template, 0)


def _rolls(robot: RobotSpec) -> bool:
    """Whether a robot has wheels.

    Raises:
        SpecError: if it has a file that cannot be read.
    """
    try:
        return ROBOTS[robot.kind].has_wheels(robot)
    except ValueError as problem:
        raise SpecError(f"robots.{robot.name}: {problem}") from None


def told_by(batch: EpisodeBatch, names: Iterable[str], angles: frozenset[str] | None = None) -> np.ndarray:
    """Hidden dynamics as numbers of which near ones mean nearly the same, (n, numbers).

    Args:
        batch: n episodes.
        names: of the dynamics; those of objects begin with ``object_``.
        angles: which of them are told by their direction; `Family.angles` by default.
    """
    angles = Family.angles if angles is None else angles
    found = []
    for name in dict.fromkeys(names):
        of_object = name.startswith(OF_OBJECTS)
        values, columns = (
            (batch.object_dynamics, OBJECT_DYNAMICS) if of_object else (batch.robot_dynamics, ROBOT_DYNAMICS)
        )
        column = values[..., columns.index(name.removeprefix(OF_OBJECTS) if of_object else name)]
        found += [np.cos(column), np.sin(column)] if name in angles else [column]
    return np.concatenate(found, axis=1) if found else np.zeros((len(batch), 1))


class Rules(ABC):
    """A family played in one `BatchedWorld`: observations, success, and an expert.

    Subclasses keep what they have to remember in arrays over simulations, set anew by `reset`.
    """

    task_names: tuple[str, ...] = ()
    """Meaning of what each robot observes beside its own senses."""

    def __init__(self, world: BatchedWorld) -> None:
        """Get to know the world."""
        self.world = world

    @abstractmethod
    def reset(self, ids: np.ndarray) -> None:
        """Forget the last episode of the given simulations, whose worlds have been reset."""

    @abstractmethod
    def advance(self, actions: np.ndarray) -> Step:
        """Judge the step that the world has just made.

        Args:
            actions: (n, R, A) what the robots did, clipped.
        """

    @abstractmethod
    def observe_task(self) -> np.ndarray:
        """What each robot sees of its task, (n, R, len(task_names)), each number of order one."""

    @abstractmethod
    def expert(self) -> np.ndarray:
        """What robots that know all hidden dynamics would do now, (n, R, A)."""


_DYNAMICS, _PLACES = 1, 2
FRAMES = ("frame_roll", "frame_pitch")
GRIPS = ("gripper", "friction")
EYES = ("eye_yaw", "eye_x", "eye_y")
TYRES = ("friction",)
WHEELS = ("wheel_left", "wheel_right", "wheels_swapped")
ODOMETRY = ("heading_offset", "odometry_scale", "odometry_drift")

"""`gymnasium:mamujoco/…`: the parts of a body, each a robot, make it run or swim together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metabot.task import Arena, Interval, Pad, RobotSpec, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.gaits import GAITS, WEAKEST
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step
from metabot_sim.robots.part import Part
from metabot_sim.robots.part.animals import ANIMALS, ANT, HALF_CHEETAH, SWIMMER, Body

_MARGIN_M = 4.0
_START_RAD = 0.05


@dataclass(frozen=True)
class Course:
    """What a body has to do, and under which hidden dynamics.

    Attributes:
        verb: how it moves.
        away_m: nearest and farthest goal.
        horizon_s: length of an episode.
        control_hz: Gymnasium's rate for this body.
        dynamics: ranges in training.
        held_out: ranges kept from training.
    """

    verb: str
    away_m: tuple[float, float]
    horizon_s: float
    control_hz: int
    dynamics: Mapping[str, Interval]
    held_out: Mapping[str, Interval]


_GAIN = Interval(low=0.8, high=1.0, signed=True)
_WEAK_GAIN = Interval(low=WEAKEST, high=0.8, signed=True)
COURSES: dict[Body, Course] = {
    HALF_CHEETAH: Course(
        verb="run",
        away_m=(3.2, 4.0),
        horizon_s=4.0,
        control_hz=20,
        dynamics={"drive_gain": _GAIN, "damping": Interval(low=0.8, high=1.2)},
        held_out={"drive_gain": _WEAK_GAIN, "damping": Interval(low=1.2, high=1.5)},
    ),
    ANT: Course(
        verb="run",
        away_m=(3.2, 4.0),
        horizon_s=4.0,
        control_hz=20,
        dynamics={
            "drive_gain": _GAIN,
            "payload_kg": Interval(low=0.0, high=0.2),
        },
        held_out={
            "drive_gain": _WEAK_GAIN,
            "payload_kg": Interval(low=0.2, high=0.3),
        },
    ),
    SWIMMER: Course(
        verb="swim",
        away_m=(1.0, 1.2),
        horizon_s=8.0,
        control_hz=25,
        dynamics={
            "drive_gain": _GAIN,
            "link_mass": Interval(low=0.8, high=1.25),
            "delay_steps": Interval(low=0, high=2),
        },
        held_out={
            "drive_gain": _WEAK_GAIN,
            "link_mass": Interval(low=1.25, high=1.5),
            "delay_steps": Interval(low=3, high=4),
        },
    ),
}


class Run(Family):
    """Parts of one body, each with motors of its own, bring it as far ahead as its pad lies."""

    mode = "cooperative"
    provides = frozenset({"approach_m"})

    def __init__(self, name: str) -> None:
        """Choose the body.

        Args:
            name: one of `metabot_sim.robots.part.animals.ANIMALS`.
        """
        animal = ANIMALS[name]
        self._course = course = COURSES[animal.body]
        parts = len(animal.parts)
        self.name = name  # type: ignore[misc]
        self.robots = (parts, parts, parts)  # type: ignore[misc]
        self.summary = f"{name.rpartition('/')[2]}: {parts} parts of one body {course.verb} together"  # type: ignore[misc]
        self.dynamics, self.held_out = course.dynamics, course.held_out  # type: ignore[misc]

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        course = self._course
        return TaskSpec(
            family=self.name,
            world=Arena(length_m=2.0 * (course.away_m[1] + _MARGIN_M), width_m=6.0),
            robots=tuple(RobotSpec(name=f"part_{i + 1}", kind="part") for i in range(robots)),
            pads=(Pad(color="red", x=course.away_m[1], y=0.0),),
            reward={"progress": 1.0, "success": 1.0, "effort": -0.01},
            team_share=1.0,
            horizon_s=course.horizon_s,
            control_hz=course.control_hz,
        )

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`: each part's joints start a little turned."""
        batch.spawns[..., 2] = draws.uniform(-_START_RAD, _START_RAD, len(spec.robots))
        batch.pads[:, 0, 0] = draws.uniform(*self._course.away_m)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return RunRules(world)


class RunRules(Rules):
    """Success: the torso has come as far ahead as the pad lies."""

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        part = world.group("part")
        assert isinstance(part, Part)
        self._part = part
        names, scales = zip(*part.body.senses, strict=True)
        self.task_names, self._scales = names, np.array(scales)
        self._torso = part.torso()
        self._steps = np.zeros(world.num_sims, dtype=np.int64)
        self._done = np.zeros(world.num_sims, dtype=bool)

    def _goals(self) -> np.ndarray:
        """(n,) x of the pads in metres."""
        return self.world.episodes.pads[:, 0, 0]

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._torso = self._part.torso()
        self._steps[ids] = 0
        self._done[ids] = False

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        before = self._torso[:, 0]
        self._torso = self._part.torso()
        self._steps += 1
        old = self._done
        self._done = old | (self._torso[:, 0] >= self._goals())
        robots = (len(old), self.world.num_robots)
        return Step(
            actions=actions,
            success=np.broadcast_to(self._done[:, None], robots).copy(),
            arrived=np.broadcast_to((self._done & ~old)[:, None], robots).copy(),
            ended=self._done,
            approach_m=np.broadcast_to((self._torso[:, 0] - before)[:, None], robots).copy(),
        )

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        seen = self._torso.copy()
        seen[:, 0] = self._goals() - seen[:, 0]
        seen /= self._scales
        return np.broadcast_to(seen[:, None], (len(seen), self.world.num_robots, seen.shape[1]))

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        period_s = 1.0 / self.world.spec.control_hz
        dynamics = self.world.episodes.robot_dynamics
        return GAITS[self._part.body].command(self._steps, period_s, self._part, dynamics)

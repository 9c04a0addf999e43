"""Problems of which only one hidden variable is drawn: all others are as in a healthy robot, or at their median."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metabot.problems import Outcome, Problem, Split
from metabot.problems.drive import DriveTwin
from metabot.problems.family import FamilyProblem
from metabot.problems.partner import PartnerProblem
from metabot.task import Interval, RobotDynamics
from metabot_sim.episodes import OBJECT_DYNAMICS, ROBOT_DYNAMICS, EpisodeBatch
from metabot_sim.families.registry import family

_OBJECT = "object_"


def variables(problem: Problem) -> tuple[str, ...]:
    """Names of the hidden variables that tasks of training differ in; none where tasks are something else."""
    if isinstance(problem, PartnerProblem):
        return tuple(problem.behaviour.traits)
    if isinstance(problem, FamilyProblem):
        return tuple(family(problem.name).dynamics)
    return tuple(problem.distribution.drawn) if isinstance(problem, DriveTwin) else ()


def pinned(problem: Problem, free: str | None, threads: int = 1) -> Problem:
    """The same problem with one variable drawn, or none.

    Args:
        problem: of which.
        free: which is drawn.
        threads: simulation threads.

    Raises:
        ValueError: if there is no such variable; one line.
    """
    names = variables(problem)
    if not names or (free is not None and free not in names):
        raise ValueError(f"variable: no {free!r} in {problem.name}; allowed: {', '.join(names) or 'none'}")
    if isinstance(problem, PartnerProblem):
        traits = problem.behaviour.traits.values()
        middle = {index: 0.5 * (each.low + each.high) for index, each in enumerate(traits) if names[index] != free}
        return _PinnedRows(problem, middle)
    if isinstance(problem, FamilyProblem):
        ranges = family(problem.name).dynamics
        return _PinnedFamily(problem.name, {name: still(name, ranges[name]) for name in names if name != free}, threads)
    assert isinstance(problem, DriveTwin), "nothing else has names"
    drawn = problem.distribution.drawn
    return _PinnedRows(
        problem, {ROBOT_DYNAMICS.index(name): still(name, drawn[name]) for name in names if name != free}
    )


def still(name: str, interval: Interval) -> float:
    """What a variable is pinned at: as in a healthy robot if that lies in its range, and the median if not."""
    healthy = None if name.startswith(_OBJECT) else float(getattr(RobotDynamics(), name))
    low = -interval.high if interval.signed else interval.low
    if healthy is not None and low <= healthy <= interval.high:
        return healthy
    # Of a signed one the median would be zero, which it is not drawn as.
    return 0.5 * (interval.low + interval.high)


class _PinnedFamily(FamilyProblem):
    """A family whose episodes have some hidden dynamics overwritten."""

    def __init__(self, name: str, pins: Mapping[str, float], threads: int) -> None:
        super().__init__(name, threads=threads)
        self._pins = pins

    def _draw(self, tasks: np.ndarray, seed: int) -> EpisodeBatch:
        episodes = super()._draw(tasks, seed)
        for name, value in self._pins.items():
            if name.startswith(_OBJECT):
                episodes.object_dynamics[..., OBJECT_DYNAMICS.index(name.removeprefix(_OBJECT))] = value
            else:
                episodes.robot_dynamics[..., ROBOT_DYNAMICS.index(name)] = value
        return episodes


class _PinnedRows(Problem):
    """A problem whose tasks are rows of variables, some of which are overwritten."""

    def __init__(self, problem: Problem, pins: Mapping[int, float]) -> None:
        self._problem, self._columns, self._values = problem, list(pins), list(pins.values())
        self.name, self.horizon, self.agents = problem.name, problem.horizon, problem.agents
        self.observation_size, self.action_size = problem.observation_size, problem.action_size

    @property
    def observation_names(self) -> tuple[str, ...]:
        return self._problem.observation_names

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        rows = self._problem.sample(rng, tasks, split).copy()
        rows[:, self._columns] = self._values
        return rows

    def hidden(self, tasks: np.ndarray) -> np.ndarray | None:
        return self._problem.hidden(tasks)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self._problem.begin(tasks, rng)

    def step(self, actions: np.ndarray) -> Outcome:
        return self._problem.step(actions)

    @property
    def has_expert(self) -> bool:
        return self._problem.has_expert

    def expert(self) -> np.ndarray | None:
        return self._problem.expert()

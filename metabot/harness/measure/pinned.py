"""Problems of which only one hidden variable is drawn: all others are as in a healthy robot, or at their median."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metabot.problems import Outcome, Problem, Split
from metabot.problems.family import FamilyProblem
from metabot.problems.partner import PartnerProblem
from metabot.task import OF_OBJECTS, Interval, RobotDynamics, TaskDistribution
from metabot_sim.families.registry import family


def variables(problem: Problem) -> tuple[str, ...]:
    """Names of the hidden variables that tasks of training differ in; none where tasks are something else."""
    if isinstance(problem, PartnerProblem):
        return tuple(problem.behaviour.traits)
    return tuple(family(problem.name).dynamics) if isinstance(problem, FamilyProblem) else ()


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
        return _PinnedTraits(problem, middle)
    ranges = family(problem.name).dynamics
    pins = {name: still(name, ranges[name]) for name in names if name != free}
    dynamics = {name: Interval(low=value, high=value) for name, value in pins.items()}
    return FamilyProblem(TaskDistribution(family=problem.name, dynamics=dynamics), threads=threads)


def still(name: str, interval: Interval) -> float:
    """What a variable is pinned at: as in a healthy robot if that lies in its range, and the median if not."""
    healthy = None if name.startswith(OF_OBJECTS) else float(getattr(RobotDynamics(), name))
    low = -interval.high if interval.signed else interval.low
    if healthy is not None and low <= healthy <= interval.high:
        return healthy
    # Of a signed one the median would be zero, which it is not drawn as.
    return 0.5 * (interval.low + interval.high)


class _PinnedTraits(Problem):
    """A problem whose tasks are rows of traits, some of which are overwritten."""

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

"""A family in which one robot is ours and the others act in ways that nobody tells it: those are the task."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import numpy as np

from metabot.problems.behaviours import Behaviour
from metabot.problems.family import SEEDS, FamilyProblem
from metabot.problems.problem import Outcome, Problem, Split
from metabot.task import SpecError, TaskDistribution, TaskSpec
from metabot_sim import rng as simulated
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.base import Rules

_COMPASS = ("heading_cos", "heading_sin")
OTHERS = ("rival", "neighbour")
"""How names of observations begin that are about others."""


def has_stated_tasks(problem: Problem) -> TypeGuard[FamilyProblem]:
    """Whether a specification can state its tasks: those of a family, but not how others act."""
    return isinstance(problem, FamilyProblem) and not isinstance(problem, PartnerProblem)


class PartnerProblem(FamilyProblem):
    """The tasks are partners or opponents; our robot, the first one, is healthy.

    A task is a row of traits of a `Behaviour`; every episode draws fresh places. What is learned
    on it learns about the others, so that any meta-learner adapts to a new partner (ad hoc teamwork,
    Stone et al. 2010) or opponent.
    """

    def __init__(self, name: str, behaviour: Behaviour, *, threads: int = 1) -> None:
        """Make the problem.

        Args:
            name: as the registry calls it.
            behaviour: of the others.
            threads: simulation threads.
        """
        super().__init__(TaskDistribution(family=behaviour.family, horizon_s=behaviour.horizon_s), threads=threads)
        self.name, self.behaviour = name, behaviour
        self.agents = 1
        self._others = np.flatnonzero([column.startswith(OTHERS) for column in self.observation_names])
        self.observation_size = len(self.observation_names)
        self._advised: np.ndarray | None = None

    @property
    def observation_names(self) -> tuple[str, ...]:
        """See `FamilyProblem.observation_names`; the compass comes last."""
        return super().observation_names + (_COMPASS if self.behaviour.compass else ())

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw partners, (tasks, traits)."""
        return self.behaviour.sample(rng, tasks, split)

    def state(self, spec: TaskSpec, robot: str | None = None) -> np.ndarray:
        """See `FamilyProblem.state`.

        Raises:
            SpecError: always: no specification says how others act; one line.
        """
        raise SpecError(f"spec: it does not say how others act in {self.name}; allowed: --task and --split")

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: the traits."""
        return self.behaviour.described(self._by_name(tasks))

    def _by_name(self, tasks: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self.behaviour.traits, np.asarray(tasks, dtype=np.float64).T, strict=True))

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        env = self._current = self._env(len(tasks))
        self._traits = self._by_name(tasks)
        seed = int(rng.integers(SEEDS))
        episodes = EpisodeBatch.of(self.spec, len(tasks))
        self._family.draw_places(simulated.Draws(simulated.keys(seed, np.arange(len(tasks)))), episodes, self.spec)
        self.behaviour.arrange(self._traits, episodes, rng)
        self.behaviour.embody(self._traits, episodes.robot_dynamics)
        self._steps = 0
        return self._see(env.reset(seed % 2**31, episodes=episodes))

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        env = self._current
        commands = self.behaviour.act(self._traits, env.rules, self._advice(), self._time_s).astype(np.float32)
        commands[:, 0] = actions
        done = env.step(commands)
        self._steps += 1
        seen = self._see(done.observations)
        return Outcome(seen, done.rewards[:, 0], done.success[:, 0], done.terminated | done.diverged)

    def world(
        self, task: np.ndarray, rng: np.random.Generator
    ) -> tuple[TaskSpec, Callable[[Rules, float], np.ndarray]]:
        """A world in which the others of one task act, for whoever plays it elsewhere: on topics, say.

        Args:
            task: one row of `sample`.
            rng: source of places.

        Returns:
            Its specification, and what robots are told there, (R, 2), from its rules and the seconds since its
            start; our robot's row is not looked at.
        """
        self.begin(task[None], rng)
        traits, behaviour = self._traits, self.behaviour

        def told(rules: Rules, time_s: float) -> np.ndarray:
            return np.asarray(behaviour.act(traits, rules, behaviour.advice(traits, rules), time_s)[0])

        return self._current.world.episodes.spec(self.spec, 0), told

    @property
    def _time_s(self) -> float:
        """Seconds since the start."""
        return self._steps / self.spec.control_hz

    def expert(self) -> np.ndarray:
        """What one would do who knows the others' bodies and their ways.

        While our robot sees none of them it does what their ways alone suggest: whoever imitated one who sees
        through walls would learn the mean of all that could be behind them.
        """
        commands = self._advice()
        alone = self.behaviour.alone(self._traits, self._current.rules, commands, self._time_s)
        return np.where(self._unseen[:, None], alone, commands[:, 0]).astype(np.float32)

    def _advice(self) -> np.ndarray:
        """The experts of all robots, asked once a step."""
        if self._advised is None:
            self._advised = self.behaviour.advice(self._traits, self._current.rules)
        return self._advised

    def _see(self, observations: np.ndarray) -> np.ndarray:
        """Our robot's observations; of others who are out of sight it is shown zeros."""
        self._advised = None
        own, poses = observations[:, 0].copy(), self._current.world.poses()
        gaps = np.diff(poses[:, :2, :2], axis=1)[:, 0]
        self._unseen = np.hypot(gaps[:, 0], gaps[:, 1]) > self.behaviour.sight_m
        own[np.ix_(np.flatnonzero(self._unseen), self._others)] = 0.0
        if self.behaviour.compass:
            yaw = poses[:, 0, 2:]
            own = np.concatenate([own, np.cos(yaw), np.sin(yaw)], axis=1, dtype=own.dtype)
        return own

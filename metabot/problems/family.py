"""A family of metabot_sim as a distribution of tasks."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import SPLITS, Outcome, Problem, Split
from metabot.problems.stated import StatedTasks
from metabot.task import TaskDistribution, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.base import told_by
from metabot_sim.families.registry import family

SEEDS = 2**62
"""Seeds of episodes are drawn below it."""
_STATED = len(SPLITS)
"""Where rows of tasks have the number of their split: a specification has stated it."""


class FamilyProblem(Problem):
    """The tasks of one family: hidden dynamics by number, fresh places in every episode.

    All robots act under one policy. Batches are kept by size, since compiling one takes longer
    than an episode.

    Attributes:
        distribution: what tasks are drawn from.
        spec: the scene.
    """

    def __init__(self, distribution: TaskDistribution | str, *, threads: int = 1) -> None:
        """Look the family up.

        Args:
            distribution: what tasks are drawn from, or a family's name for those that it has.
            threads: simulation threads; results do not depend on them.

        Raises:
            SpecError: if there is no such family or it cannot be played so, or by so many.
        """
        if isinstance(distribution, str):
            distribution = TaskDistribution(family=distribution)
        self.name, self.distribution = distribution.family, distribution
        found = family(self.name)
        self.spec: TaskSpec = distribution.scened(found.spec(distribution.robots or found.robots[0]))
        self._family, self._threads = found, threads
        self._envs: dict[int, FleetEnv] = {}
        env = self._env(1)
        for ranges in (distribution.dynamics, distribution.held_out):
            found.check_ranges(ranges, self.spec)
        self._stated = StatedTasks(found, self.spec)
        self.agents = env.num_robots
        sizes, commands = set(env.observation_sizes.tolist()), set(env.action_sizes.tolist())
        self.observation_size, self.action_size = max(sizes), max(commands)
        self.horizon = env.horizon

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Meaning of what the first robot observes."""
        return self._env(1).observation_names[0]

    def _env(self, sims: int) -> FleetEnv:
        if sims not in self._envs:
            self._envs[sims] = FleetEnv(self.spec, sims, threads=self._threads, autoreset=Autoreset.DISABLED)
        return self._envs[sims]

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw numbers of tasks with their split, (tasks, 2)."""
        numbers = rng.integers(2**31, size=tasks)
        return np.stack([numbers, np.full(tasks, SPLITS.index(split))], axis=1)

    def state(self, spec: TaskSpec, robot: str | None = None) -> np.ndarray:
        """A task that a specification states: its hidden dynamics, in fresh places in every episode.

        Args:
            spec: whose dynamics hold, and whose pads where the family hides places.
            robot: whose task it is, where one robot acts here and several do there.

        Returns:
            (2,) a row as `sample` draws them; only this problem can read it.

        Raises:
            SpecError: if specification and scene do not go together; one line.
        """
        return np.array([self._stated.add(spec, robot), _STATED])

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: what the family says that differs from task to task."""
        episodes = self.episodes_of(tasks)
        usual = self._family.intervals("held-out")
        others = [name for name in (*self.distribution.dynamics, *self.distribution.held_out) if name not in usual]
        told = self._family.hidden(episodes)
        return np.concatenate([told, told_by(episodes, others)], axis=1) if others else told

    def episodes_of(self, tasks: np.ndarray, seed: int = 0) -> EpisodeBatch:
        """An episode of each task, drawn as `begin` draws it.

        Args:
            tasks: (tasks, 2) of one split.
            seed: another one gives other places.
        """
        (split,) = set(tasks[:, 1].tolist())
        rows, numbers = tasks[:, 0], np.arange(len(tasks), dtype=np.int64)
        if split == _STATED:
            return self._stated.draw(rows, numbers, seed)
        batch = self._family.draw(self.spec, SPLITS[split], rows, numbers, seed)
        if ranges := self.distribution.ranges(SPLITS[split] == "held-out"):
            self._family.draw_dynamics(rows, SPLITS[split], batch, {**self._family.intervals(SPLITS[split]), **ranges})
        return batch

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        env = self._current = self._env(len(tasks))
        seed = int(rng.integers(SEEDS))
        return self._rows(env.reset(seed % 2**31, episodes=self.episodes_of(tasks, seed)))

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        env = self._current
        done = env.step(actions.reshape(env.num_sims, self.agents, -1))
        ended = np.repeat(done.terminated | done.diverged, self.agents)
        return Outcome(self._rows(done.observations), done.rewards.reshape(-1), done.success.reshape(-1), ended)

    def expert(self) -> np.ndarray:
        """See `Problem.expert`."""
        return self._rows(self._current.expert().astype(np.float32))

    def _rows(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, values.shape[-1])

"""A family of metabot_sim as a distribution of tasks."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import SPLITS, Outcome, Problem, Split
from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.registry import family

SEEDS = 2**62
"""Seeds of episodes are drawn below it."""


class FamilyProblem(Problem):
    """The tasks of one family: hidden dynamics by number, fresh places in every episode.

    All robots act under one policy. Batches are kept by size, since compiling one takes longer
    than an episode.
    """

    def __init__(
        self,
        name: str,
        *,
        robots: int | None = None,
        threads: int = 1,
        horizon_s: float | None = None,
        spec: TaskSpec | None = None,
    ) -> None:
        """Look the family up.

        Args:
            name: its name.
            robots: how many act; the family's fewest by default.
            threads: simulation threads; results do not depend on them.
            horizon_s: length of an episode in seconds; the family's by default.
            spec: scene, robots, reward and lengths in place of the family's own; places and hidden
                dynamics are drawn all the same.

        Raises:
            SpecError: if there is no such family or it cannot be played so, or by so many.
        """
        self.name = name
        found = family(name)
        if spec is None:
            spec = found.spec(found.robots[0] if robots is None else robots)
        elif spec.family != name or robots not in (None, len(spec.robots)):
            raise SpecError(f"spec: it is of {len(spec.robots)} robots in {spec.family}; allowed: no others beside it")
        if horizon_s is not None:
            spec = spec.model_copy(update={"horizon_s": horizon_s})
        self._family, self._spec, self._threads = found, spec, threads
        self._envs: dict[int, FleetEnv] = {}
        env = self._env(1)
        self.agents = env.num_robots
        sizes, commands = set(env.observation_sizes.tolist()), set(env.action_sizes.tolist())
        self.observation_size, self.action_size = max(sizes), max(commands)
        self.horizon = env.horizon

    @property
    def spec(self) -> TaskSpec:
        """The scene."""
        return self._spec

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Meaning of what the first robot observes."""
        return self._env(1).observation_names[0]

    def _env(self, sims: int) -> FleetEnv:
        if sims not in self._envs:
            self._envs[sims] = FleetEnv(self._spec, sims, threads=self._threads, autoreset=Autoreset.DISABLED)
        return self._envs[sims]

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw numbers of tasks with their split, (tasks, 2)."""
        numbers = rng.integers(2**31, size=tasks)
        return np.stack([numbers, np.full(tasks, SPLITS.index(split))], axis=1)

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: what the family says that differs from task to task."""
        return self._family.hidden(self._draw(tasks, 0))

    def _draw(self, tasks: np.ndarray, seed: int) -> EpisodeBatch:
        """An episode of each task."""
        (split,) = set(tasks[:, 1].tolist())
        numbers = np.arange(len(tasks), dtype=np.int64)
        return self._family.draw(self._spec, SPLITS[split], tasks[:, 0], numbers, seed)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        env = self._current = self._env(len(tasks))
        seed = int(rng.integers(SEEDS))
        return self._rows(env.reset(seed % 2**31, episodes=self._draw(tasks, seed)))

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

"""One seat of a problem is ours; the others act by policies that do not learn."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.policy import GaussianMLP, TeamPolicy
from metabot.problems import Outcome, Problem, Split


class Versus(Problem):
    """A problem of several agents as one of a single agent among frozen policies.

    Attributes:
        seat: which agent is ours.
        opponents: (tasks, policy.layout.size) of the others, one row for each task that is played; None
            where they stand still.
    """

    def __init__(
        self,
        problem: Problem,
        policy: GaussianMLP | TeamPolicy,
        seat: int = 0,
        opponents: Tensor | None = None,
        *,
        explore: bool = True,
    ) -> None:
        """Take a seat.

        Args:
            problem: of several agents.
            policy: of the others.
            seat: which agent is ours.
            opponents: see the class.
            explore: whether they sample their actions; the means otherwise.

        Raises:
            ValueError: if nobody else plays, or there is no such seat; one line.
        """
        if problem.agents < 2:
            raise ValueError(f"family: one robot acts in an episode of {problem.name}; allowed: two or more")
        if not 0 <= seat < problem.agents:
            raise ValueError(f"seat: {seat} of {problem.name}; allowed: 0 to {problem.agents - 1}")
        self._problem, self._policy, self._explore = problem, policy, explore
        self.seat, self.opponents = seat, opponents
        self.name = problem.name
        self.observation_size, self.action_size = problem.observation_size, problem.action_size
        self.horizon, self.has_success, self.discrete = problem.horizon, problem.has_success, problem.discrete
        self.agents = 1

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """See `Problem.sample`."""
        return self._problem.sample(rng, tasks, split)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        # The same in a repeated run, and no draws fewer for the others than for us.
        self._rng = np.random.default_rng(rng.integers(2**62))
        self._count = len(tasks)
        return self._own(self._problem.begin(tasks, rng))

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        chosen = self._others()
        chosen[:, self.seat] = actions
        step = self._problem.step(chosen.reshape(-1, self.action_size))
        rows = slice(self.seat, None, self._problem.agents)
        return Outcome(self._own(step.observations), step.rewards[rows], step.success[rows], step.ended[rows])

    def expert(self) -> np.ndarray | None:
        """See `Problem.expert`."""
        found = self._problem.expert()
        return None if found is None else found.reshape(self._count, -1, self.action_size)[:, self.seat]

    @property
    def has_expert(self) -> bool:
        """See `Problem.has_expert`."""
        return self._problem.has_expert

    def _own(self, observations: np.ndarray) -> np.ndarray:
        self._seen = observations.reshape(self._count, self._problem.agents, -1)
        return self._seen[:, self.seat].copy()

    @torch.no_grad()
    def _others(self) -> np.ndarray:
        """Actions of all seats by the frozen policies, (n, agents, action_size)."""
        shape = (self._count, self._problem.agents, self.action_size)
        if self.opponents is None:
            return np.zeros(shape, dtype=np.float32)
        seen = torch.from_numpy(self._seen).reshape(len(self.opponents), -1, self.observation_size)
        mean = torch.func.vmap(self._policy.mean)(self.opponents, seen)
        if not self._explore:
            return mean.reshape(shape).numpy().copy()
        noise = torch.from_numpy(self._rng.standard_normal(mean.shape, dtype=np.float32))
        return (mean + torch.exp(self._policy.spread(self.opponents))[:, None] * noise).reshape(shape).numpy().copy()

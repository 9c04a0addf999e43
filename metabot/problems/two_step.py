"""The two-step game, in which a sum of values per agent fails (Rashid et al. 2018, section 5)."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import Outcome, Problem, Split

PAYOFFS = np.array([[[7.0, 7.0], [7.0, 7.0]], [[0.0, 1.0], [1.0, 8.0]]])
"""Of states 2A and 2B, by the first and the second agent's action (table 1 there)."""
BEST = 8.0


class TwoStepGame(Problem):
    """Two agents, two actions. The first agent's first action chooses the matrix that the second step is paid by.

    Both see the state, one-hot: the first step, 2A or 2B. 2A is safe and pays 7; 2B pays 8 if both agree
    on it, which is mastery. There is one task.
    """

    name = "two-step-game"
    observation_size = 3
    action_size = 1
    horizon = 2
    agents = 2
    discrete = 2

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """The only task, (tasks, 1) zeros."""
        return np.zeros((tasks, 1))

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        self._state = np.zeros(len(tasks), dtype=np.int64)
        self._paid = np.zeros(len(tasks))
        return self._see()

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`; both are paid what the team is."""
        chosen = np.clip(np.rint(actions), 0, 1).astype(np.int64).reshape(-1, 2)
        second = self._state > 0
        pay = np.where(second, PAYOFFS[self._state - 1, chosen[:, 0], chosen[:, 1]], 0.0)
        self._state = np.where(second, self._state, 1 + chosen[:, 0])
        self._paid = np.where(second, pay, self._paid)
        rewards, success, ended = (np.repeat(each, 2) for each in (pay, self._paid == BEST, second))
        return Outcome(self._see(), rewards.astype(np.float32), success, ended)

    def expert(self) -> np.ndarray:
        """Both always take the second action."""
        return np.ones((2 * len(self._state), 1))

    def _see(self) -> np.ndarray:
        return np.repeat(np.eye(3, dtype=np.float32)[self._state], 2, axis=0)

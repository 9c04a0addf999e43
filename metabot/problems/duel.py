"""Two points race for a mark: the smallest problem of opponents."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import Outcome, Problem, Split

NEAR = 0.15
SPEED = 0.1
"""Length of the largest command in each direction, per step."""


class PointDuel(Problem):
    """Whoever is first within 0.15 of the mark wins, which pays 1 and costs the other 1.

    Every episode draws a mark and two starts, both 1 away from it; each step also pays the way
    towards the mark. A point sees the mark and the other from where it is. There is one task.
    """

    name = "point-duel"
    observation_size = 4
    action_size = 2
    horizon = 20
    agents = 2

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """The only task, (tasks, 1) zeros."""
        return np.zeros((tasks, 1))

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        bearing = rng.uniform(-np.pi, np.pi, (len(tasks), 2))
        self._offset = np.stack([np.cos(bearing), np.sin(bearing)], axis=-1)
        self._won = np.zeros((len(tasks), 2), dtype=bool)
        return self._see()

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`; both within reach in the same step is nobody's win, and goes on."""
        over = np.asarray(self._won.any(axis=1))
        before = np.hypot(*np.moveaxis(self._offset, -1, 0))
        move = SPEED * np.clip(actions, -1.0, 1.0).reshape(self._offset.shape)
        self._offset = np.where(over[:, None, None], self._offset, self._offset - move)
        distance = np.hypot(*np.moveaxis(self._offset, -1, 0))
        near = np.asarray(distance < NEAR)
        won = near & ~near[:, ::-1] & ~over[:, None]
        rewards = np.where(over[:, None], 0.0, before - distance + won - won[:, ::-1])
        self._won |= won
        ended = np.repeat(won.any(axis=1), 2)
        return Outcome(self._see(), rewards.reshape(-1).astype(np.float32), self._won.reshape(-1).copy(), ended)

    def expert(self) -> np.ndarray:
        """Both straight to the mark."""
        return np.clip(self._offset / SPEED, -1.0, 1.0).reshape(-1, 2)

    def _see(self) -> np.ndarray:
        other = self._offset - self._offset[:, ::-1]
        return np.concatenate([self._offset, other], axis=-1).reshape(-1, 4).astype(np.float32)

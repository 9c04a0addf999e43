"""Points that share out landmarks among them: the smallest problem for a team with continuous actions."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import Outcome, Problem, Split

NEAR = 0.15
SPEED = 0.15
"""Length of the largest command in each direction, per step."""


class PointSpread(Problem):
    """Two points and two landmarks, after "cooperative navigation" of Lowe et al. 2017, section 5.1.

    Every episode draws starts and landmarks in the square of ±1. The team is paid minus the mean distance
    of the landmarks from whoever is nearest; it has mastered the episode while a point is within 0.15 of
    each. A point sees the landmarks and its mate from where it is. There is one task.
    """

    name = "point-spread"
    observation_size = 6
    action_size = 2
    horizon = 20
    agents = 2

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """The only task, (tasks, 1) zeros."""
        return np.zeros((tasks, 1))

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        self._at = rng.uniform(-1.0, 1.0, (len(tasks), 2, 2))
        first = rng.uniform(-1.0, 1.0, (len(tasks), 2))
        # Never in one place, which one point could cover.
        bearing, apart = rng.uniform(-np.pi, np.pi, len(tasks)), rng.uniform(0.8, 1.2, len(tasks))
        second = first + apart[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=-1)
        self._marks = np.stack([first, second], axis=1)
        return self._see()

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`; time alone ends an episode."""
        self._at = self._at + SPEED * np.clip(actions, -1.0, 1.0).reshape(self._at.shape)
        nearest = self._distances().min(axis=1)
        rewards = np.repeat(-nearest.mean(axis=1), 2).astype(np.float32)
        success = np.repeat((nearest < NEAR).all(axis=1), 2)
        return Outcome(self._see(), rewards, success, np.zeros(len(success), dtype=bool))

    def expert(self) -> np.ndarray:
        """Straight to the landmarks, shared out so that the whole way is short."""
        distance = self._distances()
        straight = distance[:, 0, 0] + distance[:, 1, 1] <= distance[:, 0, 1] + distance[:, 1, 0]
        goals = np.where(straight[:, None, None], self._marks, self._marks[:, ::-1])
        return np.clip((goals - self._at) / SPEED, -1.0, 1.0).reshape(-1, 2)

    def _distances(self) -> np.ndarray:
        """(n, points, landmarks)."""
        offset = self._marks[:, None] - self._at[:, :, None]
        return np.hypot(offset[..., 0], offset[..., 1])

    def _see(self) -> np.ndarray:
        seen = np.concatenate([self._marks[:, None] - self._at[:, :, None],
                               (self._at[:, ::-1] - self._at)[:, :, None]], axis=2)  # fmt: skip
        return seen.reshape(-1, 6).astype(np.float32)

"""A point that must find a goal it cannot see (Finn et al. 2017, section 5.3, "2D navigation")."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import Outcome, Problem, Split

MAX_STEP = 0.1
"""Length of the largest command in each direction, per step."""
NEAR = 0.01
"""Distance at which an episode ends."""


class Navigation2D(Problem):
    """Goals in the unit square around the start; commands are velocities clipped to ±0.1.

    The observation is the position, the reward minus the squared distance to the goal, the
    horizon 100 steps; an episode ends within 0.01 of the goal. An action of 1 is a command of 0.1,
    so that a policy's outputs are of order one, as the paper's code has it the other way round.
    """

    name = "navigation-2d"
    observation_size = 2
    action_size = 2
    horizon = 100
    has_success = False

    def __init__(self, action_scale: float = MAX_STEP, reward: str = "squared") -> None:
        """Make the problem.

        Args:
            action_scale: command per unit of action; 1.0 is the published convention.
            reward: "squared" (the paper's text) or "distance".

        Raises:
            ValueError: if there is no such reward.
        """
        if reward not in ("squared", "distance"):
            raise ValueError(f"reward: no {reward!r}; allowed: squared, distance")
        self._scale, self._squared = action_scale, reward == "squared"

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw goals, (tasks, 2)."""
        return rng.uniform(-0.5, 0.5, (tasks, 2))

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: the goal, (tasks, 2)."""
        return np.asarray(tasks, dtype=np.float64)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`; every episode starts at the origin."""
        self._goal = np.asarray(tasks, dtype=np.float64)
        self._at = np.zeros_like(self._goal)
        self._over = np.zeros(len(tasks), dtype=bool)
        return self._at.astype(np.float32)

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        move = np.clip(self._scale * actions, -MAX_STEP, MAX_STEP)
        self._at = np.where(self._over[:, None], self._at, self._at + move)
        squared = np.square(self._at - self._goal).sum(axis=1)
        cost = squared if self._squared else np.sqrt(squared)
        rewards = np.where(self._over, 0.0, -cost).astype(np.float32)
        near = squared < NEAR**2
        ended = near & ~self._over
        self._over |= near
        return Outcome(self._at.astype(np.float32), rewards, self._over.copy(), ended)

    def expert(self) -> np.ndarray:
        """Straight to the goal."""
        return np.clip((self._goal - self._at) / self._scale, -MAX_STEP / self._scale, MAX_STEP / self._scale)

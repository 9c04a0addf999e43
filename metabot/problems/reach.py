"""A point that sees its goal: the simplest problem in which any place reached could have been the goal."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import Goals, Outcome, Problem, Split

NEAR = 0.05
SPEED = 0.1


class PointReach(Problem):
    """Every episode draws a goal in the unit square; reward is 0 within 0.05 of it and -1 elsewhere.

    A task is a rotation of the commands in radians that nobody tells the robot.
    """

    name = "point-reach"
    observation_size = 4
    action_size = 2
    horizon = 25

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw rotations, (tasks, 1): up to a quarter turn either way, beyond it in held-out tasks."""
        quarter = np.pi / 2
        if split != "held-out":
            return rng.uniform(-quarter, quarter, (tasks, 1))
        return rng.uniform(quarter, 2 * quarter, (tasks, 1)) * rng.choice([-1.0, 1.0], (tasks, 1))

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: the rotation as a direction, (tasks, 2)."""
        return np.concatenate([np.cos(tasks), np.sin(tasks)], axis=1)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        self._turn = tasks[:, 0]
        self._goal = rng.uniform(-0.5, 0.5, (len(tasks), 2))
        self._at = np.zeros_like(self._goal)
        return self._observe()

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`; time alone ends an episode."""
        x, y = SPEED * np.clip(actions, -1.0, 1.0).T
        cos, sin = np.cos(self._turn), np.sin(self._turn)
        self._at = self._at + np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)
        rewards = self.goal_rewards(*self.goals())
        return Outcome(self._observe(), rewards, rewards == 0.0, np.zeros(len(rewards), dtype=bool))

    def goals(self) -> Goals:
        """Where the points are and where they are to be, (n, 2) both."""
        return self._at.astype(np.float32), self._goal.astype(np.float32)

    def goal_rewards(self, achieved: np.ndarray, desired: np.ndarray) -> np.ndarray:
        """0 where the goal is near, -1 elsewhere."""
        return (np.linalg.norm(achieved - desired, axis=-1) < NEAR).astype(np.float32) - 1.0

    def expert(self) -> np.ndarray:
        """Straight to the goal, the rotation undone."""
        x, y = (self._goal - self._at).T / SPEED
        cos, sin = np.cos(self._turn), np.sin(self._turn)
        return np.clip(np.stack([cos * x + sin * y, cos * y - sin * x], axis=1), -1.0, 1.0)

    def _observe(self) -> np.ndarray:
        return np.concatenate([self._at, self._goal], axis=1).astype(np.float32)

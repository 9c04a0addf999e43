"""The textbook's grid: find a cell that nobody names (Sutton and Barto 2018, chapter 6)."""

from __future__ import annotations

import numpy as np

from metabot.problems.problem import Outcome, Problem, Split

_MOVES = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]])
STEP_REWARD, GOAL_REWARD = -0.1, 1.0


class GridWorld(Problem):
    """A square of cells; a task is the cell to find. Four moves; walls stop the robot.

    The observation is the cell it stands on, one-hot; an episode starts in a corner and ends on the
    goal.
    """

    name = "gridworld"
    action_size = 1
    discrete = 4

    def __init__(self, side: int = 5, horizon: int = 20) -> None:
        """Make the grid.

        Args:
            side: cells along each side.
            horizon: steps of an episode.
        """
        self.side, self.horizon = side, horizon
        self.observation_size = side * side

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw goals, (tasks, 2) cells other than the start."""
        cells = rng.integers(1, self.side**2, tasks)
        return np.stack(np.divmod(cells, self.side), axis=1)

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: the goal, (tasks, 2)."""
        return np.asarray(tasks, dtype=np.float64)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        self._goal = np.asarray(tasks, dtype=np.int64)
        self._at = np.zeros_like(self._goal)
        self._over = np.zeros(len(tasks), dtype=bool)
        return self._observe()

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        chosen = np.clip(np.rint(actions[:, 0]).astype(np.int64), 0, self.discrete - 1)
        moved = np.clip(self._at + _MOVES[chosen], 0, self.side - 1)
        self._at = np.where(self._over[:, None], self._at, moved)
        there = (self._at == self._goal).all(axis=1)
        rewards = np.where(self._over, 0.0, np.where(there, GOAL_REWARD, STEP_REWARD)).astype(np.float32)
        ended = there & ~self._over
        self._over |= there
        return Outcome(self._observe(), rewards, self._over.copy(), ended)

    def expert(self) -> np.ndarray:
        """Along the rows, then along the columns."""
        rows, columns = (self._goal - self._at).T
        return np.where(rows > 0, 1, np.where(rows < 0, 3, np.where(columns > 0, 0, 2))).astype(np.float32)[:, None]

    def _observe(self) -> np.ndarray:
        seen = np.zeros((len(self._at), self.observation_size), dtype=np.float32)
        seen[np.arange(len(self._at)), self._at[:, 0] * self.side + self._at[:, 1]] = 1.0
        return seen

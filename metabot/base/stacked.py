"""A problem whose robot sees its last observations and actions, so that a policy without a memory has a short one."""

from __future__ import annotations

import numpy as np

from metabot.problems import Outcome, Problem, Split


class StackedFrames(Problem):
    """Any problem with frames stacked (Mnih et al. 2015): the newest observation, older ones, and what was done.

    Rewards are not among them: what they alone tell stays hidden. At the start of an episode nothing has been,
    and older places hold zeros; nothing is carried over from the episode before.
    """

    def __init__(self, problem: Problem, frames: int = 4) -> None:
        """Wrap a problem.

        Args:
            problem: whose observations are stacked.
            frames: observations that are seen at once, the newest among them; the actions between them are, too.

        Raises:
            ValueError: if there are none.
        """
        if frames < 1:
            raise ValueError(f"frames: {frames} is below 1")
        self.problem, self.frames = problem, frames
        self.name = f"{problem.name}, {frames} frames"
        self._seen, self._does = problem.observation_size, problem.action_size
        self.observation_size = frames * self._seen + (frames - 1) * self._does
        self.action_size, self.horizon = problem.action_size, problem.horizon
        self.agents, self.has_success, self.discrete = problem.agents, problem.has_success, problem.discrete

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """See `Problem.sample`."""
        return self.problem.sample(rng, tasks, split)

    def hidden(self, tasks: np.ndarray) -> np.ndarray | None:
        """See `Problem.hidden`."""
        return self.problem.hidden(tasks)

    @property
    def has_expert(self) -> bool:
        """Whether the problem has one."""
        return self.problem.has_expert

    def expert(self) -> np.ndarray | None:
        """See `Problem.expert`."""
        return self.problem.expert()

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        newest = self.problem.begin(tasks, rng)
        # The newest frame, then an action and the observation before it, and so on.
        self._stack = np.zeros((len(newest), self.observation_size), dtype=np.float32)
        self._stack[:, : self._seen] = newest
        return self._stack.copy()

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        done = self.problem.step(actions)
        older = self._stack[:, : (self.frames - 1) * (self._seen + self._does) - self._does].copy()
        self._stack[:, : self._seen] = done.observations
        if self.frames > 1:
            at = self._seen + self._does
            self._stack[:, self._seen : at] = np.clip(actions, -1.0, 1.0)
            self._stack[:, at:] = older
        return Outcome(self._stack.copy(), done.rewards, done.success, done.ended)

"""Tabular Q-learning of many tasks side by side (Watkins 1989; Sutton and Barto 2018, equation 6.8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.learner import BaseLearner, Told
from metabot.params import Layout
from metabot.problems import Problem


@dataclass(frozen=True)
class QLearningConfig:
    """Hyper-parameters of `QLearning`."""

    step: float = 0.5
    discount: float = 0.95
    exploration: float = 0.2
    """Share of random actions."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("step", "discount", "exploration"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not in [0, 1]")


class QLearning(BaseLearner):
    """A value for every state and action. States are one-hot observations, parameters the table."""

    name = "q-learning"

    def __init__(self, problem: Problem, config: QLearningConfig | None = None) -> None:
        """Make a learner for a problem.

        Raises:
            ValueError: if its actions are continuous.
        """
        if not problem.discrete:
            raise ValueError(f"q-learning: the actions of {problem.name} are continuous; allowed: discrete ones")
        self.config = config or QLearningConfig()
        self._shape = (problem.observation_size, problem.discrete)
        self.layout = Layout.of({"q": self._shape})

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Zeros: optimistic where steps cost."""
        return np.zeros(self.layout.size, dtype=np.float32)

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """See `BaseLearner.learn`; one episode of every task at a time."""
        config, rows = self.config, np.arange(len(tasks))
        q = start.detach().numpy().reshape(len(tasks), *self._shape).copy()
        for episode in range(episodes):
            state = problem.begin(tasks, rng).argmax(axis=1)
            running = np.ones(len(tasks), dtype=bool)
            for _ in range(problem.horizon):
                random = rng.integers(self._shape[1], size=len(tasks))
                # Noise far below any value breaks ties.
                greedy = (q[rows, state] + 1e-9 * rng.random(q[rows, state].shape)).argmax(axis=1)
                action = np.where(rng.random(len(tasks)) < config.exploration, random, greedy)
                step = problem.step(action[:, None].astype(np.float32))
                following = step.observations.argmax(axis=1)
                future = np.where(step.ended, 0.0, q[rows, following].max(axis=1))
                error = step.rewards + config.discount * future - q[rows, state, action]
                q[rows, state, action] += np.where(running, config.step * error, 0.0)
                running &= ~step.ended
                state = following
            told(episode + 1, float(step.success.mean()))
        return torch.from_numpy(q.reshape(len(tasks), -1))

    def act(self, parameters: Tensor, observations: np.ndarray) -> np.ndarray:
        """See `BaseLearner.act`: the best action."""
        q = parameters.numpy().reshape(len(parameters), *self._shape)
        best = q.argmax(axis=2)
        return np.take_along_axis(best, observations.argmax(axis=2), axis=1)[..., None].astype(np.float32)

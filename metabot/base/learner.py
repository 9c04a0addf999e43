"""What a base learner is: one robot, one task, no memory of other tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy import GaussianMLP, TeamPolicy
from metabot.problems import Problem

Told = Callable[[int, float], None]
"""Called while learning with the episodes of each task so far and the newest success rate; NaN where there is none."""


class BaseLearner(ABC):
    """Learns a task by trying. Its parameters are one flat vector for every task.

    Attributes:
        name: as tables call it.
        layout: of the parameters of one task.
        policy: that acts, if what it learns is one; its parameters come first.
    """

    name: ClassVar[str]
    layout: Layout
    policy: GaussianMLP | TeamPolicy | None = None

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,)."""

    @abstractmethod
    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """Learn every task on its own.

        Args:
            problem: where.
            tasks: (tasks, ...) rows of `Problem.sample`.
            start: (tasks, layout.size) parameters to begin with.
            episodes: of each task.
            rng: of starts, goals and exploration.
            told: called now and then.

        Returns:
            (tasks, layout.size).
        """

    def act(self, parameters: Tensor, observations: np.ndarray) -> np.ndarray:
        """What it would do without exploring: the policy's mean action.

        Args:
            parameters: (tasks, layout.size).
            observations: (tasks, episodes, observation_size).

        Returns:
            (tasks, episodes, action_size) float32.
        """
        policy, acting = self.acting(parameters)
        with torch.no_grad():
            return torch.func.vmap(policy.mean)(acting, torch.from_numpy(observations)).numpy()

    def acting(self, parameters: Tensor) -> tuple[GaussianMLP | TeamPolicy, Tensor]:
        """The policy that acts, and its part of the parameters, (..., policy.layout.size), for (..., layout.size).

        Raises:
            ValueError: if what it learns is no policy; one line.
        """
        if self.policy is None:
            raise ValueError(f"learner: {self.name} learns values of discrete actions; allowed: one that has a policy")
        return self.policy, parameters[..., : self.policy.layout.size]

    def play(
        self, problem: Problem, tasks: np.ndarray, parameters: Tensor, episodes: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Success and undiscounted return of fresh episodes without exploration, (tasks, episodes) both.

        Args:
            problem: where.
            tasks: (tasks, ...) rows of `Problem.sample`.
            parameters: (tasks, layout.size).
            episodes: of each task.
            rng: of starts and goals.
        """
        shape = (len(tasks), episodes * problem.agents)
        observations = problem.begin(np.repeat(tasks, episodes, axis=0), rng)
        returns, success = np.zeros(shape), np.zeros(shape, dtype=bool)
        for _ in range(problem.horizon):
            actions = self.act(parameters, observations.reshape(*shape, -1))
            step = problem.step(actions.reshape(-1, actions.shape[-1]))
            observations, success = step.observations, step.success.reshape(shape)
            returns += step.rewards.reshape(shape)
        return success, returns

"""Proximal policy optimisation of many tasks side by side (Schulman et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.learner import BaseLearner, Told
from metabot.base.policy_gradient import clipped_surrogate
from metabot.base.rollout import rollout
from metabot.experience import Episodes, advantages
from metabot.policy import GaussianMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class PPOConfig:
    """Hyper-parameters of `PPO`."""

    step: float = 3e-3
    """Step size of Adam."""
    batch: int = 8
    """Episodes of each task between updates."""
    epochs: int = 10
    """Adam steps on each batch."""
    clip: float = 0.2
    discount: float = 0.97

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.step > 0.0:
            raise ValueError(f"step: {self.step} is not above 0")
        for name in ("batch", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")


class PPO(BaseLearner):
    """The whole batch in every Adam step; a baseline that is fitted, not learned (see `advantages`).

    One Adam serves all tasks: it works element by element, so they stay independent.
    """

    name = "ppo"
    policy: GaussianMLP

    def __init__(self, policy: GaussianMLP, config: PPOConfig | None = None) -> None:
        """Make a learner of a policy."""
        self.policy, self.config, self.layout = policy, config or PPOConfig(), policy.layout

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `BaseLearner.initial`."""
        return self.policy.initial(rng)

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """See `BaseLearner.learn`; the last batch is as small as what is left."""
        session = PPOSession(self, start)
        session.learn(problem, tasks, episodes, rng, told)
        return session.parameters

    def improve(self, start: Tensor, experience: Episodes) -> Tensor:
        """Learn from one batch of episodes that `start`, (tasks, layout.size), collected."""
        session = PPOSession(self, start)
        session.improve(experience)
        return session.parameters


class PPOSession:
    """Learning under way: parameters and Adam's moments of every task."""

    def __init__(self, learner: PPO, start: Tensor) -> None:
        """Begin with (tasks, layout.size) parameters."""
        self._policy, self._config = learner.policy, learner.config
        self._variable = start.detach().clone().requires_grad_(True)
        self._adam = torch.optim.Adam([self._variable], lr=self._config.step)

    @property
    def parameters(self) -> Tensor:
        """(tasks, layout.size), a copy."""
        return self._variable.detach().clone()

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> None:
        """Go on for some episodes of each task."""
        done = 0
        while done < episodes:
            count = min(self._config.batch, episodes - done)
            experience = rollout(problem, self._policy, self._variable.detach(), tasks, count, rng)
            self.improve(experience)
            done += count
            told(done, float(experience.success.mean()))

    def improve(self, experience: Episodes) -> None:
        """Learn from one batch of episodes."""
        weights = advantages(experience, self._config.discount)
        for _ in range(self._config.epochs):
            self._adam.zero_grad()
            ppo_losses(self._policy, self._variable, experience, weights, self._config.clip).sum().backward()
            self._adam.step()


def ppo_losses(policy: GaussianMLP, parameters: Tensor, experience: Episodes, weights: Tensor, clip: float) -> Tensor:
    """PPO's loss of every task, (tasks,), for parameters (tasks, size) and advantages like the rewards."""

    def loss(row: Tensor, *data: Tensor) -> Tensor:
        return clipped_surrogate(policy, row, *data, clip=clip)

    steps = experience.mask.sum((1, 2))
    return torch.func.vmap(loss)(
        parameters, experience.observations, experience.actions, experience.log_probs, weights, steps
    )

"""A Gaussian policy with an MLP as its mean, a pure function of one flat vector."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy.mlp import MLP, Activation
from metabot.policy.policy import Moment, Policy, State

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class GaussianMLP(Policy):
    """π(a|o) = N(mean(o), diag(exp(log_std))²) with an MLP as mean.

    Stateless: every method takes the parameter vector, so that `torch.func.vmap` runs one
    policy per task.
    """

    observation_size: int
    action_size: int
    hidden: tuple[int, ...] = (64, 64)
    initial_log_std: float = -0.5
    min_log_std: float = -2.0
    """Lower bound of log_std: exploration never dies, adaptation needs it."""
    activation: Activation = "tanh"
    mlp: MLP = field(init=False)
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        """Derive the layout from the sizes."""
        mlp = MLP((self.observation_size, *self.hidden, self.action_size), self.activation, last_gain=0.01)
        object.__setattr__(self, "mlp", mlp)
        object.__setattr__(self, "layout", mlp.layout + Layout.of({"log_std": (self.action_size,)}))

    @property
    def head(self) -> tuple[str, ...]:
        """Names of what ANIL adapts: the last layer and the spread."""
        return (*self.mlp.head, "log_std")

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,): orthogonal weights, a small last layer."""
        log_std = np.full(self.action_size, self.initial_log_std)
        return self.layout.flatten({**self.mlp.initial(rng), "log_std": log_std})

    def mean(self, parameters: Tensor, observation: Tensor) -> Tensor:
        """Mean action.

        Args:
            parameters: (layout.size,), or (tasks, layout.size).
            observation: (..., observation_size), or (tasks, episodes, observation_size).

        Returns:
            (..., action_size).
        """
        return self.mlp(self.layout.view(parameters), observation)

    def settled(self, parameters: Tensor) -> tuple[GaussianMLP, Tensor]:
        """See `Policy.settled`."""
        return self, parameters

    def act(self, parameters: Tensor, moment: Moment, state: State) -> tuple[Tensor, State]:
        """See `Policy.act`; the observation alone decides."""
        return self.mean(parameters, moment.observation), state

    def log_std(self, parameters: Tensor) -> Tensor:
        """Log standard deviation, (action_size,)."""
        return torch.clamp(self.layout.view(parameters)["log_std"], min=self.min_log_std)

    def log_prob(self, parameters: Tensor, observation: Tensor, action: Tensor) -> Tensor:
        """Log-density of actions, shape (...) for observations (..., observation_size)."""
        log_std = self.log_std(parameters)
        z = (action - self.mean(parameters, observation)) * torch.exp(-log_std)
        return gaussian_log_prob(z, log_std)


def gaussian_log_prob(z: Tensor, log_std: Tensor) -> Tensor:
    """Log-density of standardised actions z (..., action_size) under a diagonal Gaussian, (...)."""
    return (-0.5 * z * z - log_std - _HALF_LOG_TWO_PI).sum(-1)

"""A policy whose actions are squashed into their limits, with a spread that depends on what it sees (Haarnoja 2018)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metabot.params import Layout
from metabot.policy.gaussian import GaussianMLP, gaussian_log_prob
from metabot.policy.latent import LATENT, LatentMLP
from metabot.policy.policy import Moment, Policy, State

_LEAST_LOG_STD, _MOST_LOG_STD = -5.0, 2.0


@dataclass(frozen=True)
class SquashedMLP(LatentMLP):
    """a = tanh(u), u ~ N(μ(o, z), diag σ(o, z)²), the policy of soft actor-critic given a context.

    Its mean action is tanh(μ). Where it is rolled out like any other policy, noise of a fixed spread
    is added to that; `draw` is the distribution that it learns.
    """

    @property
    def output_size(self) -> int:
        """μ and log σ."""
        return 2 * self.action_size

    def own_layout(self) -> Layout:
        """See `LatentMLP.own_layout`: nothing, the network says the spread."""
        return Layout(())

    def own_arrays(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """See `LatentMLP.own_arrays`."""
        return {}

    def mean_given(self, views: Mapping[str, Tensor], observation: Tensor, latent: Tensor) -> Tensor:
        """See `LatentMLP.mean_given`."""
        return torch.tanh(super().mean_given(views, observation, latent)[..., : self.action_size])

    def settled(self, parameters: Tensor) -> tuple[GaussianMLP, Tensor]:
        """See `Policy.settled`: itself."""
        return self, parameters

    def log_std(self, parameters: Tensor) -> Tensor:
        """Log standard deviation of the noise in a rollout, (action_size,)."""
        return torch.full((self.action_size,), self.initial_log_std, dtype=parameters.dtype)

    def draw(
        self, views: Mapping[str, Tensor], observation: Tensor, latent: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """An action and its log-density (Haarnoja et al. 2018, appendix C), differentiable.

        Args:
            views: the arrays by name.
            observation: (..., observation_size), or (tasks, points, observation_size).
            latent: (latent_size,), or (tasks, latent_size).
            noise: (..., action_size) standard normal.

        Returns:
            (..., action_size) in (-1, 1) and (...).
        """
        mean, log_std = super().mean_given(views, observation, latent).chunk(2, -1)
        log_std = log_std.clamp(_LEAST_LOG_STD, _MOST_LOG_STD)
        free = mean + torch.exp(log_std) * noise
        # log(1 - tanh²(u)) without cancellation.
        slope = 2.0 * (math.log(2.0) - free - functional.softplus(-2.0 * free))
        return torch.tanh(free), gaussian_log_prob(noise, log_std) - slope.sum(-1)


class Drawing(Policy):
    """The same policy with actions drawn from what it has learned, to be rolled out as if they were means."""

    def __init__(self, policy: SquashedMLP, rng: np.random.Generator) -> None:
        """Draw with numbers from a generator."""
        self._policy, self._rng, self.layout = policy, rng, policy.layout
        self.observation_size, self.action_size = policy.observation_size, policy.action_size

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `Policy.initial`."""
        return self._policy.initial(rng)

    def log_std(self, parameters: Tensor) -> Tensor:
        """See `Policy.log_std`."""
        return self._policy.log_std(parameters)

    def act(self, parameters: Tensor, moment: Moment, state: State) -> tuple[Tensor, State]:
        """An action of every episode; see `Policy.act`."""
        shape = (*moment.observation.shape[:-1], self.action_size)
        noise = torch.from_numpy(self._rng.standard_normal(shape, dtype=np.float32))
        views = self.layout.view(parameters)
        return self._policy.draw(views, moment.observation, views[LATENT], noise)[0], state

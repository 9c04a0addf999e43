"""A feed-forward policy that also reads a latent context of its task, which is part of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy.context import CONTEXT
from metabot.policy.gaussian import GaussianMLP
from metabot.policy.mlp import MLP

LATENT = CONTEXT + "latent"
"""Name of the entry that holds what a robot has found out about its task."""


@dataclass(frozen=True)
class LatentMLP(GaussianMLP):
    """π(a|o, z) = N(mean(o, z), diag(exp(log_std))²) with a tanh MLP as mean.

    The context z is the last entry of the parameter vector, so that the policy of a robot that
    knows its task is a vector like any other, acts without a memory and leaves as ONNX.
    """

    latent_size: int = field(default=5, kw_only=True)
    products: bool = field(default=False, kw_only=True)
    """Whether the network is also given every product of an observed number and one of the context (Jayakumar
    et al. 2020, "Multiplicative Interactions and Where to Find Them"): a context that turns or scales what is
    observed is then one layer away."""

    def __post_init__(self) -> None:
        """Derive the layout from the sizes.

        Raises:
            ValueError: if there is no context.
        """
        if self.latent_size < 1:
            raise ValueError(f"latent_size: {self.latent_size} is below 1")
        pairs = self.observation_size * self.read_size if self.products else 0
        sizes = (self.observation_size + self.read_size + pairs, *self.hidden, self.output_size)
        mlp = MLP(sizes, "tanh", last_gain=0.01)
        object.__setattr__(self, "mlp", mlp)
        object.__setattr__(self, "layout", mlp.layout + self.own_layout() + Layout.of({LATENT: (self.latent_size,)}))

    @property
    def read_size(self) -> int:
        """Numbers that the network is given beside the observation."""
        return self.latent_size

    @property
    def output_size(self) -> int:
        """Numbers that the network puts out."""
        return self.action_size

    def own_layout(self) -> Layout:
        """What the parameters hold between the network's arrays and the context."""
        return Layout.of({"log_std": (self.action_size,)})

    def own_arrays(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """What `own_layout` begins with."""
        return {"log_std": np.full(self.action_size, self.initial_log_std)}

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,): orthogonal weights, a small last layer, a context of zero."""
        arrays = {**self.mlp.initial(rng), **self.own_arrays(rng), LATENT: np.zeros(self.latent_size)}
        return self.layout.flatten(arrays)

    def mean(self, parameters: Tensor, observation: Tensor) -> Tensor:
        """See `GaussianMLP.mean`."""
        views = self.layout.view(parameters)
        return self.mean_given(views, observation, views[LATENT])

    def mean_given(self, views: Mapping[str, Tensor], observation: Tensor, latent: Tensor) -> Tensor:
        """Mean action in a context that is not that of the parameters.

        Args:
            views: the arrays by name.
            observation: (..., observation_size), or (tasks, points, observation_size).
            latent: (latent_size,), or (tasks, latent_size).

        Returns:
            (..., action_size).
        """
        return self.mlp(views, self.given(observation, latent))

    def given(self, observation: Tensor, read: Tensor) -> Tensor:
        """What the network is given.

        Args:
            observation: (..., observation_size), or (tasks, points, observation_size).
            read: (read_size,), or (tasks, read_size), what it reads of the context.
        """
        given = beside(observation, read)
        if not self.products:
            return given
        pairs = given[..., : self.observation_size, None] * given[..., None, self.observation_size :]
        return torch.cat([given, pairs.flatten(-2)], dim=-1)

    def latent(self, parameters: Tensor) -> Tensor:
        """The context, (..., latent_size), a view."""
        return parameters[..., -self.latent_size :]

    def knowing(self, parameters: Tensor, latent: Tensor) -> Tensor:
        """The same parameters with the contexts of several tasks.

        Args:
            parameters: (layout.size,).
            latent: (tasks, latent_size).

        Returns:
            (tasks, layout.size).
        """
        return torch.cat([parameters[: -self.latent_size].expand(len(latent), -1), latent], dim=1)


def beside(value: Tensor, latent: Tensor) -> Tensor:
    """Every row of a value with the context of its task behind it.

    Args:
        value: (..., size), or (tasks, points, size).
        latent: (latent_size,), or (tasks, latent_size).
    """
    if latent.dim() > 1:
        latent = latent[:, None]
    return torch.cat([value, latent.expand(*value.shape[:-1], latent.shape[-1])], dim=-1)

"""A feed-forward policy whose context has two ways in: one for being found out, one for being made use of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy.gaussian import GaussianMLP
from metabot.policy.latent import LATENT, LatentMLP, joined
from metabot.policy.mlp import MLP

_PROBE = "probe/"
_SMALL = 0.01
"""Of what a context adds to actions by way of the probe: its derivative is wanted, and itself it should not count."""


@dataclass(frozen=True)
class ProbingMLP(LatentMLP):
    """π(a|o, z) = N(f(o, z |z| / (1 + |z|)) + ε u(o) z, diag(exp(log_std))²), f and u MLPs.

    The derivative of the first term with respect to the context z is zero at z = 0, where a robot starts that
    knows nothing. A policy gradient there is that of the probe u alone: what is found out is learned apart from
    what is then done, and neither upsets the other.
    """

    probe_hidden: tuple[int, ...] = field(default=(32,), kw_only=True)
    probe: MLP = field(init=False)

    def __post_init__(self) -> None:
        """Derive the layout from the sizes."""
        probe = MLP((self.observation_size, *self.probe_hidden, self.action_size * self.latent_size))
        object.__setattr__(self, "probe", probe)
        super().__post_init__()

    def own_layout(self) -> Layout:
        """See `LatentMLP.own_layout`."""
        return super().own_layout() + self.probe.layout.prefixed(_PROBE)

    def own_arrays(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """See `LatentMLP.own_arrays`."""
        probe = {_PROBE + name: value for name, value in self.probe.initial(rng).items()}
        return super().own_arrays(rng) | probe

    def read(self, views: Mapping[str, Tensor], latent: Tensor) -> Tensor:
        """See `LatentMLP.read`: what has no derivative at zero."""
        size = latent.abs()
        return latent * size / (1.0 + size)

    def settled(self, parameters: Tensor) -> tuple[GaussianMLP, Tensor]:
        """See `Policy.settled`; what the probe adds stays to be worked out in every step."""
        if not (self.products or self.weight_sets):
            return self, parameters
        plain = dataclasses.replace(self, products=False, weight_sets=0)
        views = self.layout.view(parameters)
        arrays = {**views, **self.network(views, self.read(views, views[LATENT]))}
        weight = arrays["weight_0"]
        arrays["weight_0"] = torch.cat([weight, weight.new_zeros(*weight.shape[:-1], self.latent_size)], dim=-1)
        return plain, joined(plain.layout, arrays)

    def probed(self, views: Mapping[str, Tensor], observation: Tensor) -> Tensor:
        """Derivative of the mean action by the context at zero, (..., action_size, latent_size).

        Args:
            views: the arrays by name.
            observation: (..., observation_size), or (tasks, points, observation_size).
        """
        mine = {name.removeprefix(_PROBE): value for name, value in views.items() if name.startswith(_PROBE)}
        return _SMALL * self.probe(mine, observation).unflatten(-1, (self.action_size, self.latent_size))

    def mean_given(self, views: Mapping[str, Tensor], observation: Tensor, latent: Tensor) -> Tensor:
        """See `LatentMLP.mean_given`."""
        done = super().mean_given(views, observation, latent)
        rows = latent[:, None] if latent.dim() > 1 else latent
        return done + (self.probed(views, observation) @ rows.unsqueeze(-1)).squeeze(-1)

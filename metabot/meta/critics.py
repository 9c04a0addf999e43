"""Two action values that know a context, side by side (clipped double Q, Fujimoto et al. 2018)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy import MLP
from metabot.policy.latent import beside

_TWO = 2


class TwinCritics:
    """Q_1(o, a, z) and Q_2(o, a, z), networks of the same sizes in one vector.

    Attributes:
        layout: every array of both, (2, ...).
    """

    def __init__(
        self, observation_size: int, action_size: int, latent_size: int, hidden: tuple[int, ...] = (64, 64)
    ) -> None:
        """Choose the sizes."""
        self._mlp = MLP((observation_size + action_size + latent_size, *hidden, 1), "relu")
        self.layout = Layout(tuple((name, (_TWO, *shape)) for name, shape in self._mlp.layout.entries))

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,)."""
        pair = [self._mlp.initial(rng) for _ in range(_TWO)]
        return self.layout.flatten({name: np.stack([one[name] for one in pair]) for name in pair[0]})

    def values(self, parameters: Tensor, observation: Tensor, action: Tensor, latent: Tensor) -> Tensor:
        """Both values, (2, tasks, points).

        Args:
            parameters: (layout.size,).
            observation: (tasks, points, observation_size).
            action: (tasks, points, action_size).
            latent: (tasks, latent_size).
        """
        given = beside(torch.cat([observation, action], dim=-1), latent)
        rows = given.flatten(0, 1).expand(_TWO, -1, -1)
        return self._mlp(self.layout.view(parameters), rows).reshape(_TWO, *observation.shape[:2])

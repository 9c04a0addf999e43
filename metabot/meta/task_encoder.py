"""What a task is, as a Gaussian: the product of what each transition says (Rakelly et al. 2019, section 4.2)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metabot.experience import Transitions
from metabot.params import Layout
from metabot.policy import MLP

_LEAST_VARIANCE = 1e-6


class Posterior(NamedTuple):
    """A diagonal Gaussian for every task, (tasks, latent_size) both."""

    mean: Tensor
    variance: Tensor

    def draw(self, noise: Tensor) -> Tensor:
        """A latent context of every task; noise is standard normal, (tasks, latent_size)."""
        return self.mean + torch.sqrt(self.variance) * noise

    def divergence(self) -> Tensor:
        """KL divergence from the prior N(0, I), (tasks,)."""
        return 0.5 * (self.mean.square() + self.variance - 1.0 - torch.log(self.variance)).sum(-1)


class TaskEncoder:
    """q(z|c) ∝ N(0, I) Π_n N(z; μ(c_n), σ²(c_n)): in whatever order, and the prior where nothing was seen.

    A transition c_n is observation, action, reward and change of the observation. The paper leaves
    the prior out of the product; within it a robot without experience needs no rule of its own.

    Attributes:
        layout: of the network's parameters.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        latent_size: int,
        hidden: tuple[int, ...] = (64, 64),
        *,
        prior_precision: float = 1.0,
        tempered: bool = False,
    ) -> None:
        """Choose the sizes.

        Args:
            observation_size: numbers observed.
            action_size: numbers commanded.
            latent_size: numbers of z.
            hidden: layers of the network.
            prior_precision: of the prior, N(0, I / prior_precision).
            tempered: whether each of n transitions counts as 1/n of one: those that follow one another say
                much the same, and a context of many should not differ from that of some of them.
        """
        self._prior_precision, self._tempered = prior_precision, tempered
        self._mlp = MLP((2 * observation_size + action_size + 1, *hidden, 2 * latent_size), "relu")
        self.layout: Layout = self._mlp.layout

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,)."""
        return self.layout.flatten(self._mlp.initial(rng))

    def __call__(self, parameters: Tensor, steps: Transitions) -> Posterior:
        """The posterior of every task.

        Args:
            parameters: (layout.size,).
            steps: what happened; only valid ones count.
        """
        mean, spread = self._mlp(self.layout.view(parameters), steps.whole).chunk(2, -1)
        variance = functional.softplus(spread).clamp(min=_LEAST_VARIANCE)
        precision = steps.valid[..., None] / variance
        if self._tempered:
            precision = precision / steps.valid.sum(1).clamp(min=1.0)[:, None, None]
        total = 1.0 / (self._prior_precision + precision.sum(1))
        return Posterior((precision * mean).sum(1) * total, total)

    def estimates(self, parameters: Tensor, steps: Transitions) -> list[Tensor]:
        """The posterior's mean, (tasks, latent_size), after the one pass; see `InformationEncoder.estimates`."""
        return [self(parameters, steps).mean]

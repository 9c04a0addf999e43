"""Elastic weight consolidation without boundaries: what mattered so far is held, the more the more it mattered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.continual.domain import Labelled
from metabot.continual.learner import ContinualConfig, ContinualLearner
from metabot.meta.config import above_zero, at_least_one
from metabot.policy import MLP


@dataclass(frozen=True)
class EWCConfig(ContinualConfig):
    """Hyper-parameters of `OnlineEWC`."""

    step: float = 5e-3
    strength: float = 30.0
    """Weight of the penalty (λ)."""
    every: int = 10
    """Batches between two estimates of what matters."""
    memory: float = 0.99
    """Factor by which what mattered before counts at each estimate (γ of Schwarz et al. 2018)."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        above_zero(self, "strength")
        at_least_one(self, "every")
        if not 0.0 <= self.memory <= 1.0:
            raise ValueError(f"memory: {self.memory} is not in [0, 1]")


class OnlineEWC(ContinualLearner):
    """Online EWC whose importance is updated all the time, as no end of a task is told.

    The penalty λ/2 Σ F (θ - θ*)² is the Gaussian that what came before left of the parameters
    (Laplace's approximation; Kirkpatrick et al. 2017, equation 3). Every few batches
    it is multiplied by that of the newest: precisions add, F ← γF + F', and the mean moves as far as
    the new precision outweighs the old, θ* ← (γF θ* + F' θ) / (γF + F'). What mattered to an
    earlier task and does not to this one stays where it was.
    """

    name = "ewc"
    source = "Kirkpatrick et al. 2017, arXiv:1612.00796; Schwarz et al. 2018, arXiv:1805.06370"
    Config = EWCConfig

    def __init__(self, network: MLP, rng: np.random.Generator, config: EWCConfig | None = None) -> None:
        """See `ContinualLearner`; nothing matters yet."""
        super().__init__(network, rng, config)
        self.importance = torch.zeros(network.layout.size)
        self.anchor = self.parameters
        self._batches = 0

    def fisher(self, parameters: Tensor, points: Labelled) -> Tensor:
        """Diagonal of the Fisher information of a Gaussian with the network as mean and unit variance, (size,).

        E[Σ (∂ output / ∂ θ)²]: of the model itself and not of its errors, which vanish where it fits.
        """

        def output(row: Tensor, point: Tensor) -> Tensor:
            return self.network(self.network.layout.view(row), point)

        slopes = torch.func.vmap(torch.func.jacrev(output), in_dims=(None, 0))(parameters, points.inputs)
        return slopes.square().sum(1).mean(0)

    def penalty(self, parameters: Tensor) -> Tensor:
        """λ/2 Σ F (θ - θ*)²."""
        return 0.5 * self.config.strength * (self.importance * (parameters - self.anchor).square()).sum()

    def learn(self, points: Labelled, rng: np.random.Generator) -> float:
        """See `ContinualLearner.learn`."""
        loss = super().learn(points, rng)
        self._batches += 1
        if self._batches % self.config.every == 0:
            self.consolidate(points)
        return loss

    def consolidate(self, points: Labelled) -> None:
        """Take into account what matters to these points."""
        parameters = self.parameters
        new, old = self.fisher(parameters, points).detach(), self.config.memory * self.importance
        total = old + new
        moved = torch.where(total > 0.0, new / total.clamp(min=1e-30), 1.0)
        self.anchor = self.anchor + moved * (parameters - self.anchor)
        self.importance = total

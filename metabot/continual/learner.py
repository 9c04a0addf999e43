"""What a continual learner is, and the one that does nothing against forgetting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.continual.domain import Labelled
from metabot.meta.config import above_zero, at_least_one
from metabot.policy import MLP


@dataclass(frozen=True)
class ContinualConfig:
    """Hyper-parameters of every continual learner."""

    step: float = 2e-3
    """Step size of Adam."""
    epochs: int = 2
    """Adam steps on each batch of the stream."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "step")
        at_least_one(self, "epochs")


class ContinualLearner:
    """Fits a network to a stream, batch by batch; each batch comes once, and no task is announced.

    Here: fine-tuning on what comes, the baseline that shows how much there is to forget.

    Attributes:
        name: as the registry calls it.
        source: the paper.
        shuffled: whether it is given all tasks mixed, which no learner of a stream is: the bound.
        parameters: (network.layout.size,), the newest.
    """

    name: ClassVar[str] = "naive"
    source: ClassVar[str] = "fine-tuning"
    shuffled: ClassVar[bool] = False
    Config: ClassVar[type[ContinualConfig]] = ContinualConfig
    config: Any

    def __init__(self, network: MLP, rng: np.random.Generator, config: ContinualConfig | None = None) -> None:
        """Begin with random parameters.

        Args:
            network: what is fitted.
            rng: of the parameters.
            config: hyper-parameters.
        """
        self.network, self.config = network, config or self.Config()
        self._variable = torch.from_numpy(network.layout.flatten(network.initial(rng))).requires_grad_(True)
        self._adam = torch.optim.Adam([self._variable], lr=self.config.step)

    @property
    def parameters(self) -> Tensor:
        """(network.layout.size,), a copy."""
        return self._variable.detach().clone()

    def loss(self, parameters: Tensor, points: Labelled) -> Tensor:
        """Mean squared error, ()."""
        found = self.network(self.network.layout.view(parameters), points.inputs)
        return (found - points.targets).square().mean()

    def penalty(self, parameters: Tensor) -> Tensor | float:
        """What is added to the loss."""
        return 0.0

    def learn(self, points: Labelled, rng: np.random.Generator) -> float:
        """Learn from the next batch.

        Args:
            points: of the stream.
            rng: of whatever the learner draws.

        Returns:
            The loss before the last step.
        """
        for _ in range(self.config.epochs):
            loss = self.loss(self._variable, points)
            (self._variable.grad,) = torch.autograd.grad(loss + self.penalty(self._variable), self._variable)
            self._adam.step()
        return float(loss.detach())


class Joint(ContinualLearner):
    """The same learner on the same number of points of all tasks mixed: what could be reached at best."""

    name = "joint"
    source = "the bound"
    shuffled = True

"""What the gradient of an inner and an outer loop is taken of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.policy_gradient import clipped_surrogate, policy_gradient_loss
from metabot.experience import Episodes, Samples, advantages
from metabot.params import Layout
from metabot.policy import MLP, GaussianMLP


class Objective(ABC):
    """Losses of one task as functions of one parameter vector, for `torch.func`.

    Attributes:
        layout: of the parameters.
        head: names of the arrays that stand last in the network.
        vectorised: whether the losses also take (tasks, size) parameters, and give (tasks,).
    """

    vectorised: ClassVar[bool] = False
    layout: Layout
    head: tuple[str, ...]

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,)."""

    @abstractmethod
    def data(self, experience: Any) -> tuple[Tensor, ...]:
        """What the losses need of an experience, every array with the tasks first."""

    @abstractmethod
    def inner(self, parameters: Tensor, *data: Tensor) -> Tensor:
        """The loss that adaptation descends, (), of one task."""

    @abstractmethod
    def outer(self, parameters: Tensor, *data: Tensor) -> Tensor:
        """The loss of adapted parameters, (), of one task."""


class RegressionObjective(Objective):
    """Mean squared error of a network."""

    vectorised = True

    def __init__(self, network: MLP) -> None:
        """Make the objective of a network."""
        self.network, self.layout, self.head = network, network.layout, network.head

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `Objective.initial`."""
        return self.layout.flatten(self.network.initial(rng))

    def data(self, experience: Samples) -> tuple[Tensor, ...]:
        """Inputs and targets."""
        return experience.inputs, experience.targets

    def inner(self, parameters: Tensor, *data: Tensor) -> Tensor:
        """Mean squared error."""
        inputs, targets = data
        return (self.network(self.layout.view(parameters), inputs) - targets).square().mean((-2, -1))

    outer = inner


class QuadraticObjective(Objective):
    """|W x - y|² of a point x that starts at zero; see `metabot.problems.quadratic`."""

    vectorised = True
    head = ("x",)

    def __init__(self, size: int = 10) -> None:
        """Choose the number of coordinates."""
        self.layout = Layout.of({"x": (size,)})

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `Objective.initial`."""
        return np.zeros(self.layout.size, dtype=np.float32)

    def data(self, experience: Samples) -> tuple[Tensor, ...]:
        """W and y."""
        return experience.inputs, experience.targets

    def inner(self, parameters: Tensor, *data: Tensor) -> Tensor:
        """The sum of squares."""
        matrix, target = data
        return (matrix @ parameters.unsqueeze(-1) - target).square().sum((-2, -1))

    outer = inner


class PolicyObjective(Objective):
    """Policy gradient inside, PPO's clipped surrogate outside.

    The inner loss is a likelihood ratio against the acting policy, whose second derivative carries
    how the parameters changed the data (Rothfuss et al. 2019, ProMP, equation 12).
    """

    def __init__(self, policy: GaussianMLP, *, discount: float = 0.97, clip: float = 0.2) -> None:
        """Make the objective of a policy.

        Args:
            policy: the policy.
            discount: of the advantages.
            clip: clipping range of the outer loss.
        """
        self.policy, self.layout, self.head = policy, policy.layout, policy.head
        self._discount, self._clip = discount, clip

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `Objective.initial`."""
        return self.policy.initial(rng)

    def data(self, experience: Episodes) -> tuple[Tensor, ...]:
        """Observations, actions, log-densities, advantages and number of steps."""
        with torch.no_grad():
            weights = advantages(experience, self._discount)
        steps = experience.mask.sum((1, 2))
        return experience.observations, experience.actions, experience.log_probs, weights, steps

    def inner(self, parameters: Tensor, *data: Tensor) -> Tensor:
        """See `policy_gradient_loss`."""
        return policy_gradient_loss(self.policy, parameters, *data)

    def outer(self, parameters: Tensor, *data: Tensor) -> Tensor:
        """See `clipped_surrogate`."""
        return clipped_surrogate(self.policy, parameters, *data, clip=self._clip)

    def divergence(self, former: Tensor, observations: Tensor, mask: Tensor, parameters: Tensor) -> Tensor:
        """Mean over steps of the KL divergence of adapted policies from what they were, (tasks,).

        Args:
            former: (tasks, layout.size).
            observations: (tasks, episodes, steps, observation_size) that the former ones saw.
            mask: (tasks, episodes, steps), one where a step counts.
            parameters: (tasks, layout.size).
        """
        means = torch.func.vmap(self.policy.mean)
        old, new = (self.policy.spread(each)[:, None, None] for each in (former, parameters))
        apart = (means(parameters, observations) - means(former, observations)).square()
        ratio = torch.exp(-2.0 * new) * (torch.exp(2.0 * old) + apart)
        return ((new - old + 0.5 * (ratio - 1.0)).sum(-1) * mask).sum((1, 2)) / mask.sum((1, 2))

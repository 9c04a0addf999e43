"""A learned model of what an action changes, told apart by a context of the task."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Transitions
from metabot.params import Layout
from metabot.policy import MLP
from metabot.policy.latent import beside

SCALE = "scale"
"""Entry of the size that changes have."""
_LEAST = 1e-4
"""Smallest scale of a change: what never changes is divided by this."""


class ChangeModel(ABC):
    """Predicts the change of the observation from observation, action and context, in units of its usual size.

    Attributes:
        layout: arrays of the subclass's and ``scale``, (observation_size,): root mean square of each
            observation's change, which is followed and not descended.
    """

    layout: Layout

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,); scales of one."""

    @abstractmethod
    def predicted(self, parameters: Tensor, context: Tensor, steps: Transitions) -> Tensor:
        """The changes of steps in units of their scales, (tasks, steps, observation_size).

        Args:
            parameters: (layout.size,).
            context: (tasks, context_size).
            steps: what was seen and done.
        """

    def targets(self, steps: Transitions) -> Tensor:
        """What is to be predicted, (tasks, steps, n): the changes of the observation."""
        return steps.change

    def changes(self, parameters: Tensor, steps: Transitions) -> Tensor:
        """What is to be predicted in units of its scales, (tasks, steps, n)."""
        return self.targets(steps) / self.layout.view(parameters)[SCALE].detach().clamp(min=_LEAST)

    def errors(self, parameters: Tensor, context: Tensor, steps: Transitions) -> Tensor:
        """Mean squared error of prediction in every task, (tasks,); about 1 where nothing is predicted.

        Args:
            parameters: (layout.size,).
            context: (tasks, context_size).
            steps: what happened.
        """
        wrong = self.predicted(parameters, context, steps) - self.changes(parameters, steps)
        known = steps.moving
        return (wrong.square().mean(-1) * known).sum(1) / known.sum(1).clamp(min=1.0)

    def followed(self, parameters: Tensor, steps: Transitions, share: float) -> Tensor:
        """Parameters whose scales have gone a share of the way to those of new steps, a copy."""
        new = parameters.detach().clone()
        scale = self.layout.view(new)[SCALE]
        known = steps.moving[..., None]
        found = torch.sqrt((self.targets(steps).square() * known).sum((0, 1)) / known.sum().clamp(min=1.0))
        scale += share * (found - scale)
        return new


class DynamicsModel(ChangeModel):
    """A tanh MLP that reads the context beside observation and action."""

    def __init__(
        self, observation_size: int, action_size: int, context_size: int, hidden: tuple[int, ...] = (64, 64)
    ) -> None:
        """Choose the sizes."""
        self._mlp = MLP((observation_size + action_size + context_size, *hidden, observation_size), "tanh")
        self.layout = self._mlp.layout + Layout.of({SCALE: (observation_size,)})

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `ChangeModel.initial`."""
        scale = np.ones(self._mlp.sizes[-1])
        return self.layout.flatten({**self._mlp.initial(rng), SCALE: scale})

    def predicted(self, parameters: Tensor, context: Tensor, steps: Transitions) -> Tensor:
        """See `ChangeModel.predicted`."""
        given = beside(torch.cat([steps.observation, steps.action], dim=-1), context)
        return self._mlp(self.layout.view(parameters), given)

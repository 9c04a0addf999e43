"""How values of agents become the value of a team: their sum, or a monotonic network of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy import MLP


class Mixer(ABC):
    """A team's value as a function of its agents' values and the state, for many tasks.

    Attributes:
        layout: of its parameters.
    """

    layout: Layout

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Random arrays by name."""

    @abstractmethod
    def __call__(self, views: Mapping[str, Tensor], values: Tensor, state: Tensor) -> Tensor:
        """The team's value, (tasks, points).

        Args:
            views: arrays by name, tasks first.
            values: (tasks, points, agents) of the actions that the agents chose.
            state: (tasks, points, state_size).
        """


class Sum(Mixer):
    """VDN (Sunehag et al. 2018, equation 1): the sum, which nothing is learned for."""

    layout = Layout(())

    def initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Nothing."""
        return {}

    def __call__(self, views: Mapping[str, Tensor], values: Tensor, state: Tensor) -> Tensor:
        """See `Mixer.__call__`."""
        return values.sum(-1)


class Monotonic(Mixer):
    """QMIX (Rashid et al. 2018, section 4): two layers whose weights are written by networks that read the state.

    Weights are made positive, so that the team's value rises with each agent's (equation 5) and
    the best joint action is that of each agent's best.
    """

    def __init__(self, agents: int, state_size: int, embedding: int) -> None:
        """Make a mixer.

        Args:
            agents: whose values are mixed.
            state_size: numbers of the state.
            embedding: units of the hidden layer.
        """
        self._agents, self._embedding = agents, embedding
        self._parts = {
            "first": MLP((state_size, agents * embedding)),
            "first_bias": MLP((state_size, embedding)),
            "second": MLP((state_size, embedding)),
            "second_bias": MLP((state_size, embedding, 1), "relu"),
        }
        self.layout = Layout(())
        for name, part in self._parts.items():
            self.layout = self.layout + part.layout.prefixed(f"{name}/")

    def initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """See `Mixer.initial`."""
        return {
            f"{name}/{array}": value for name, part in self._parts.items() for array, value in part.initial(rng).items()
        }

    def __call__(self, views: Mapping[str, Tensor], values: Tensor, state: Tensor) -> Tensor:
        """See `Mixer.__call__`."""

        def written(name: str) -> Tensor:
            part = self._parts[name]
            return part({array: views[f"{name}/{array}"] for array, _ in part.layout.entries}, state)

        first = written("first").abs().unflatten(-1, (self._agents, self._embedding))
        hidden = torch.nn.functional.elu((values[..., None] * first).sum(-2) + written("first_bias"))
        return (hidden * written("second").abs()).sum(-1) + written("second_bias")[..., 0]

"""The deterministic part of a policy, whoever trained it: a small network that can be stored and tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metabot.policy import GaussianMLP


@dataclass(frozen=True)
class Actor:
    """Layers with an activation between them; actions are clipped or squashed to [-1, 1].

    Attributes:
        weights: (out, in) of every layer.
        biases: (out,) of every layer.
        activation: "tanh" or "relu".
        squashed: whether actions pass a tanh.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str = "tanh"
    squashed: bool = False

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """Actions, float32 (n, action_size), for observations (n, observation_size)."""
        value = observations.astype(np.float32)
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            value = value @ weight.T + bias
            if index < last:
                value = np.tanh(value) if self.activation == "tanh" else np.maximum(value, 0.0)
        done: np.ndarray = np.tanh(value) if self.squashed else np.clip(value, -1.0, 1.0)
        return done

    @classmethod
    def of(cls, policy: GaussianMLP, parameters: Tensor) -> Actor:
        """The mean of a policy of this project with these parameters, (policy.layout.size,)."""
        views = policy.layout.view(parameters.detach())
        depth = range(policy.mlp.depth)
        return cls._made([views[f"weight_{i}"] for i in depth], [views[f"bias_{i}"] for i in depth], policy.activation)

    @classmethod
    def of_linear(cls, layers: Sequence[Any], activation: str, squashed: bool) -> Actor:
        """The linear layers among modules of torch, in their order."""
        found = [each for each in layers if isinstance(each, torch.nn.Linear)]
        return cls._made([each.weight for each in found], [each.bias for each in found], activation, squashed)

    @classmethod
    def _made(
        cls, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: str, squashed: bool = False
    ) -> Actor:
        first, second = (tuple(each.detach().numpy().copy() for each in part) for part in (weights, biases))
        return cls(first, second, activation, squashed)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "weights": [each.tolist() for each in self.weights],
            "biases": [each.tolist() for each in self.biases],
            "activation": self.activation,
            "squashed": self.squashed,
        }

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Actor:
        """What `as_dict` gave."""
        parts = (found[name] for name in ("weights", "biases"))
        first, second = (tuple(np.array(each, dtype=np.float32) for each in part) for part in parts)
        return cls(first, second, found["activation"], found["squashed"])

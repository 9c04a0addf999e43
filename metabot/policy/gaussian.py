"""A Gaussian policy with a tanh MLP as its mean, a pure function of one flat vector."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@dataclass(frozen=True)
class GaussianMLP:
    """π(a|o) = N(mean(o), diag(exp(log_std))²) with a tanh MLP as mean.

    Stateless: every method takes the parameter vector, so that `torch.func.vmap` runs one
    policy per task.
    """

    observation_size: int
    action_size: int
    hidden: tuple[int, ...] = (64, 64)
    initial_log_std: float = -0.5
    min_log_std: float = -2.0
    """Lower bound of log_std: exploration never dies, adaptation needs it."""
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        """Derive the layout from the sizes."""
        sizes = (self.observation_size, *self.hidden, self.action_size)
        shapes: dict[str, tuple[int, ...]] = {}
        for index, (rows, columns) in enumerate(zip(sizes[1:], sizes[:-1], strict=True)):
            shapes[f"weight_{index}"] = (rows, columns)
            shapes[f"bias_{index}"] = (rows,)
        shapes["log_std"] = (self.action_size,)
        object.__setattr__(self, "layout", Layout.of(shapes))

    @cached_property
    def _layers(self) -> int:
        return len(self.hidden) + 1

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,): orthogonal weights, a small last layer."""
        arrays: dict[str, np.ndarray] = {}
        for name, shape in self.layout.entries:
            if name.startswith("weight"):
                last = name == f"weight_{self._layers - 1}"
                arrays[name] = (0.01 if last else math.sqrt(2.0)) * _orthogonal(shape, rng)
            elif name == "log_std":
                arrays[name] = np.full(shape, self.initial_log_std)
            else:
                arrays[name] = np.zeros(shape)
        return self.layout.flatten(arrays)

    def mean(self, parameters: Tensor, observation: Tensor) -> Tensor:
        """Mean action.

        Args:
            parameters: (layout.size,).
            observation: (..., observation_size).

        Returns:
            (..., action_size).
        """
        views = self.layout.view(parameters)
        hidden = observation
        for index in range(self._layers):
            hidden = hidden @ views[f"weight_{index}"].transpose(-1, -2) + views[f"bias_{index}"]
            if index < self._layers - 1:
                hidden = torch.tanh(hidden)
        return hidden

    def log_std(self, parameters: Tensor) -> Tensor:
        """Log standard deviation, (action_size,)."""
        return torch.clamp(self.layout.view(parameters)["log_std"], min=self.min_log_std)

    def log_prob(self, parameters: Tensor, observation: Tensor, action: Tensor) -> Tensor:
        """Log-density of actions, shape (...) for observations (..., observation_size)."""
        log_std = self.log_std(parameters)
        z = (action - self.mean(parameters, observation)) * torch.exp(-log_std)
        return gaussian_log_prob(z, log_std)


def gaussian_log_prob(z: Tensor, log_std: Tensor) -> Tensor:
    """Log-density of standardised actions z (..., action_size) under a diagonal Gaussian, (...)."""
    return (-0.5 * z * z - log_std - _HALF_LOG_TWO_PI).sum(-1)


def _orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    rows, columns = shape
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T

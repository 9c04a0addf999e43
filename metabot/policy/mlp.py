"""A multilayer perceptron as a pure function of one flat vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout

Activation = Literal["tanh", "relu"]
_ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "tanh": (torch.tanh, math.sqrt(2.0)),
    "relu": (torch.relu, math.sqrt(2.0)),
}


@dataclass(frozen=True)
class MLP:
    """Layers of the given sizes, an activation between them and none after the last.

    Attributes:
        sizes: numbers of input, hidden units and output.
        activation: between the layers.
        last_gain: scale of the last layer's initial weights.
        layout: ``weight_i`` (out, in) and ``bias_i`` (out,) of every layer.
    """

    sizes: tuple[int, ...]
    activation: Activation = "tanh"
    last_gain: float = 1.0
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        """Derive the layout from the sizes."""
        if self.activation not in _ACTIVATIONS:
            raise ValueError(f"activation: no {self.activation!r}; allowed: {', '.join(_ACTIVATIONS)}")
        shapes: dict[str, tuple[int, ...]] = {}
        for index, (rows, columns) in enumerate(zip(self.sizes[1:], self.sizes[:-1], strict=True)):
            shapes[f"weight_{index}"] = (rows, columns)
            shapes[f"bias_{index}"] = (rows,)
        object.__setattr__(self, "layout", Layout.of(shapes))

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.sizes) - 1

    @property
    def head(self) -> tuple[str, str]:
        """Names of the last layer's arrays."""
        return f"weight_{self.depth - 1}", f"bias_{self.depth - 1}"

    def initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Random arrays: orthogonal weights, biases of zero."""
        gain = _ACTIVATIONS[self.activation][1]
        arrays: dict[str, np.ndarray] = {}
        for name, shape in self.layout.entries:
            if name.startswith("weight"):
                arrays[name] = (self.last_gain if name in self.head else gain) * orthogonal(shape, rng)
            else:
                arrays[name] = np.zeros(shape)
        return arrays

    def __call__(self, views: Mapping[str, Tensor], value: Tensor) -> Tensor:
        """The output, of one network or of one per task.

        Args:
            views: the arrays by name, as `Layout.view` gives them; with tasks first for many networks.
            value: (..., sizes[0]); (tasks, points, sizes[0]) for many.

        Returns:
            (..., sizes[-1]).
        """
        activate = _ACTIVATIONS[self.activation][0]
        for index in range(self.depth):
            weight, bias = views[f"weight_{index}"].transpose(-1, -2), views[f"bias_{index}"]
            bias = bias.unsqueeze(1) if bias.dim() == 2 else bias
            value = torch.baddbmm(bias, value, weight) if weight.dim() == 3 else value @ weight + bias
            if index < self.depth - 1:
                value = activate(value)
        return value


def orthogonal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A random matrix with orthonormal rows or columns (Saxe et al. 2014)."""
    rows, columns = shape
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T

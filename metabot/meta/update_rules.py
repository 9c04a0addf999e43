"""Update rules as networks: what they read at each inner step, and how they turn it into an update.

Every coordinate of the inner problem has a memory of its own under the same weights, so that a rule
fits problems of any size.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout

Weights = Mapping[str, Tensor]
State = tuple[Tensor, ...]
"""Memories, every tensor (tasks, size, ...)."""

SMALL = 10.0
"""Gradients below exp(-10) in magnitude are read linearly: p of the preprocessing."""


def preprocess(values: Tensor, small: float = SMALL) -> Tensor:
    """Magnitude and sign on scales a network can read, (..., 2), of values (...).

    (log|x| / p, sgn x) where |x| is at least exp(-p), else (-1, exp(p) x): Andrychowicz et al. 2016,
    appendix A.
    """
    magnitude = values.abs()
    large = magnitude >= math.exp(-small)
    # The logarithm that is not taken must have a finite derivative too.
    log = torch.where(large, magnitude, 1.0).log() / small
    first = torch.where(large, log, -1.0)
    second = torch.where(large, values.sign(), math.exp(small) * values)
    return torch.stack([first, second], dim=-1)


class UpdateRule(ABC):
    """A rule that reads features of every coordinate, step by step.

    Attributes:
        layout: of its weights.
        features: numbers it reads of a coordinate at a step.
    """

    layout: Layout
    features: int

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random weights, float32 (layout.size,), whose updates are small."""

    @abstractmethod
    def begin(self, like: Tensor) -> State:
        """The memories before the first step, for parameters like these, (tasks, size)."""

    @abstractmethod
    def step(self, weights: Weights, features: Tensor, state: State) -> tuple[Tensor, State]:
        """What to add to every parameter, (tasks, size), and the memories after it.

        Args:
            weights: `layout.view` of the weights.
            features: (tasks, size, features).
            state: from `begin` or the last `step`.
        """


def _scaled(layout: Layout, gains: Mapping[str, float], rng: np.random.Generator) -> np.ndarray:
    """Normal matrices of variance 1/columns, times a gain where there is one; vectors of zero."""
    arrays = {}
    for name, shape in layout.entries:
        gain = gains.get(name, 1.0) if len(shape) == 2 else 0.0
        arrays[name] = gain * rng.standard_normal(shape) / math.sqrt(shape[-1])
    return layout.flatten(arrays)


class LSTMRule(UpdateRule):
    """Two layers of LSTM per coordinate (Andrychowicz et al. 2016, section 2.1)."""

    def __init__(self, features: int, units: int = 20, layers: int = 2) -> None:
        """Make a rule.

        Args:
            features: numbers read of a coordinate at a step.
            units: of each layer.
            layers: how many.
        """
        self.features, self._units, self._layers = features, units, layers
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(layers):
            shapes[f"gates_{layer}"] = (4 * units, (units if layer else features) + units)
            shapes[f"gates_bias_{layer}"] = (4 * units,)
        self.layout = Layout.of({**shapes, "out": (1, units), "out_bias": (1,)})

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `UpdateRule.initial`; gates of forgetting begin open."""
        vector = _scaled(self.layout, {"out": 0.1}, rng)
        for name, bias in self.layout.view(vector).items():
            if name.startswith("gates_bias"):
                bias[self._units : 2 * self._units] = 1.0
        return vector

    def begin(self, like: Tensor) -> State:
        """See `UpdateRule.begin`."""
        return tuple(like.new_zeros(*like.shape, self._units) for _ in range(2 * self._layers))

    def step(self, weights: Weights, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `UpdateRule.step`."""
        value, following = features, []
        for layer in range(self._layers):
            hidden, cell = state[2 * layer : 2 * layer + 2]
            read = torch.cat([value, hidden], dim=-1)
            gates = torch.nn.functional.linear(read, weights[f"gates_{layer}"], weights[f"gates_bias_{layer}"])
            enter, forget, new, leave = gates.chunk(4, dim=-1)
            cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
            value = torch.sigmoid(leave) * torch.tanh(cell)
            following += [value, cell]
        return torch.nn.functional.linear(value, weights["out"], weights["out_bias"]).squeeze(-1), tuple(following)


class TransformerRule(UpdateRule):
    """One block of causal attention over a coordinate's recent steps (Vaswani et al. 2017).

    Keys and values of earlier steps are kept, as in decoding; how long ago a step was enters as a
    learned bias of the attention (Press et al. 2022 have a fixed one).
    """

    def __init__(self, features: int, width: int = 16, heads: int = 2, window: int = 10) -> None:
        """Make a rule.

        Args:
            features: numbers read of a coordinate at a step.
            width: of the block.
            heads: of the attention; `width` is a multiple.
            window: steps that are attended to, the newest among them.
        """
        self.features, self._width, self._heads, self._window = features, width, heads, window
        self.layout = Layout.of(
            {
                "embed": (width, features),
                "embed_bias": (width,),
                "attend": (3 * width, width),
                "mix": (width, width),
                "age": (heads * window,),
                "up": (2 * width, width),
                "up_bias": (2 * width,),
                "down": (width, 2 * width),
                "down_bias": (width,),
                "out": (1, width),
                "out_bias": (1,),
            }
        )

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `UpdateRule.initial`."""
        return _scaled(self.layout, {"out": 0.1}, rng)

    def begin(self, like: Tensor) -> State:
        """See `UpdateRule.begin`."""
        nothing = like.new_zeros(*like.shape, 0, self._width)
        return nothing, nothing

    def step(self, weights: Weights, features: Tensor, state: State) -> tuple[Tensor, State]:
        """See `UpdateRule.step`."""
        linear = torch.nn.functional.linear
        token = linear(features, weights["embed"], weights["embed_bias"])
        query, key, value = linear(self._normed(token), weights["attend"]).chunk(3, dim=-1)
        keys, values = (
            torch.cat([old, new.unsqueeze(-2)], dim=-2)[..., -self._window :, :]
            for old, new in zip(state, (key, value), strict=True)
        )
        seen, heads = keys.shape[-2], self._heads
        by_head = (*keys.shape[:-1], heads, self._width // heads)
        scores = (keys.reshape(by_head) * query.reshape(*query.shape[:-1], 1, heads, -1)).sum(-1)
        age = weights["age"].reshape(self._window, heads)[-seen:]
        share = torch.softmax(scores / math.sqrt(self._width / heads) + age, dim=-2)
        read = (share.unsqueeze(-1) * values.reshape(by_head)).sum(-3).flatten(-2)
        token = token + linear(read, weights["mix"])
        up = torch.nn.functional.gelu(linear(self._normed(token), weights["up"], weights["up_bias"]))
        token = token + linear(up, weights["down"], weights["down_bias"])
        update = linear(self._normed(token), weights["out"], weights["out_bias"]).squeeze(-1)
        return update, (keys, values)

    def _normed(self, value: Tensor) -> Tensor:
        return torch.nn.functional.layer_norm(value, (self._width,))

"""A policy that reads its last steps with a causal Transformer, a pure function of one flat vector."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metabot.experience.stream import Stream
from metabot.params import Layout
from metabot.policy.context import CONTEXT, ContextPolicy, context_layout, dense, initial_arrays, without_copies
from metabot.policy.policy import Moment, State

_TOKENS = CONTEXT + "tokens"

Cache = tuple[Tensor, Tensor, Tensor]
"""Keys and values of every layer, (tasks, episodes, layers, span - 1, width), and which of them are there."""


@dataclass(frozen=True)
class TransformerPolicy(ContextPolicy):
    """Pre-norm causal Transformer (Vaswani et al. 2017; Xiong et al. 2020) over the last steps.

    In each layer a step attends to itself and to the `window / layers` steps before it, nearer ones
    with a linear advantage of its own slope per head in place of position codes (Press et al. 2022,
    ALiBi): so a step depends on the `window` steps before it and on no count of them, and those tokens
    are all that ``context/tokens`` holds, the newest last, with a column that says which are there.

    Acting keeps each layer's keys and values from step to step.
    """

    observation_size: int
    action_size: int
    width: int = 32
    layers: int = 2
    heads: int = 4
    window: int = 160
    reads_reward: bool = True
    initial_log_std: float = -0.5
    min_log_std: float = -2.0
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        """Derive the layout from the sizes.

        Raises:
            ValueError: if a size is below 1 or does not divide another.
        """
        for name in ("width", "layers", "heads", "window"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if self.width % self.heads:
            raise ValueError(f"width: {self.width} is no multiple of heads {self.heads}")
        if self.window % self.layers:
            raise ValueError(f"window: {self.window} is no multiple of layers {self.layers}")
        n = self.width
        shapes: dict[str, tuple[int, ...]] = {"encoder_weight": (n, self.token_size), "encoder_bias": (n,)}
        for i in range(self.layers):
            for name, size in (("query", n), ("key", n), ("value", n), ("joined", n)):
                shapes |= {f"{name}_weight_{i}": (size, n), f"{name}_bias_{i}": (size,)}
            shapes |= {f"wide_weight_{i}": (2 * n, n), f"wide_bias_{i}": (2 * n,)}
            shapes |= {f"narrow_weight_{i}": (n, 2 * n), f"narrow_bias_{i}": (n,)}
        shapes |= {
            "head_weight": (2 * n, n),
            "head_bias": (2 * n,),
            "mean_weight": (self.action_size, 2 * n),
            "mean_bias": (self.action_size,),
            "log_std": (self.action_size,),
            _TOKENS: (self.window, self.token_size + 1),
        }
        object.__setattr__(self, "layout", Layout.of(shapes) + context_layout(self.action_size))

    @property
    def feature_size(self) -> int:  # type: ignore[override]
        """The last layer's output."""
        return self.width

    @property
    def span(self) -> int:
        """Steps that a step attends to in a layer, itself included."""
        return self.window // self.layers + 1

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,): orthogonal weights, a small last layer, no memory."""
        gains = {"head_weight": math.sqrt(2.0), "mean_weight": 0.01}
        for i in range(self.layers):
            # What branches add grows with their number otherwise (Radford et al. 2019).
            gains |= {f"joined_weight_{i}": 1.0 / math.sqrt(2 * self.layers)}
            gains |= {f"narrow_weight_{i}": 1.0 / math.sqrt(2 * self.layers)}
        return self.layout.flatten(initial_arrays(self.layout, rng, gains, {"log_std": self.initial_log_std}))

    def begin(self, parameters: Tensor, episodes: int) -> State:
        """See `Policy.begin`."""
        parameters = without_copies(parameters)
        views = self.layout.view(parameters)
        tokens, there = views[_TOKENS][..., :-1], views[_TOKENS][..., -1]
        _, keys, values = self._read_all(views, tokens, there)
        kept = slice(self.window - self.span + 1, None)
        cache = (torch.stack(keys, 1)[:, :, kept], torch.stack(values, 1)[:, :, kept], there[:, kept])
        return tuple(part[:, None].expand(-1, episodes, *part.shape[1:]) for part in cache)

    def act(self, parameters: Tensor, moment: Moment, state: State) -> tuple[Tensor, State]:
        """See `Policy.act`."""
        views = self.layout.view(without_copies(parameters))
        token = self._read_moment(moment)
        rows = token.shape[:2]
        keys, values, there = (part.expand(*rows, *part.shape[2:]) for part in state)
        there = torch.cat([there, torch.ones_like(there[..., :1])], -1)
        age = torch.arange(self.span - 1, -1, -1, dtype=token.dtype)
        bias = self._bias(age)[:, None] + _absent(there)[..., None, None, :]
        new_keys, new_values = [], []
        value = dense(token, views["encoder_weight"], views["encoder_bias"])
        for i in range(self.layers):
            normed = functional.layer_norm(value, (self.width,))
            query, key, given = (dense(normed, views[f"{n}_weight_{i}"], views[f"{n}_bias_{i}"]) for n in _QKV)
            all_keys = torch.cat([keys[..., i, :, :], key[..., None, :]], -2)
            all_values = torch.cat([values[..., i, :, :], given[..., None, :]], -2)
            new_keys.append(all_keys)
            new_values.append(all_values)
            attended = self._attend(query[..., None, :], all_keys, all_values, bias)
            value = self._add(views, i, value, attended[..., 0, :])
        features = functional.layer_norm(value, (self.width,))
        after = (torch.stack(new_keys, 2)[..., 1:, :], torch.stack(new_values, 2)[..., 1:, :], there[..., 1:])
        if moment.alive is not None:
            alive = moment.alive > 0
            after = (
                torch.where(alive[..., None, None, None], after[0], keys),
                torch.where(alive[..., None, None, None], after[1], values),
                torch.where(alive[..., None], after[2], state[2].expand_as(after[2])),
            )
        return self._mean(views, features), after

    def unroll(self, parameters: Tensor, stream: Stream) -> tuple[Tensor, Tensor]:
        """See `ContextPolicy.unroll`."""
        views = self.layout.view(parameters)
        tokens = self._read(stream)
        remembered = views[_TOKENS]
        there = torch.ones_like(tokens[..., 0])
        before = int((remembered[:, -1] > 0).sum())
        if before:
            old = remembered[-before:].expand(len(tokens), -1, -1)
            tokens, there = torch.cat([old[..., :-1], tokens], 1), torch.cat([old[..., -1], there], 1)
        value, _, _ = self._read_all(views, tokens, there)
        features = functional.layer_norm(value[:, before:], (self.width,))
        return self._mean(views, features), features

    def _memory(self, parameters: Tensor, stream: Stream) -> dict[str, Tensor]:
        views = self.layout.view(parameters)
        tokens = torch.cat([self._read(stream), stream.valid[..., None]], -1)
        both = torch.cat([views[_TOKENS].expand(len(tokens), -1, -1), tokens], 1)
        newest = stream.lengths[:, None] + torch.arange(self.window)
        return {_TOKENS: both.gather(1, newest[..., None].expand(-1, -1, both.shape[-1]))}

    def _read_all(
        self, views: dict[str, Tensor], tokens: Tensor, there: Tensor
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Last layer's sum, and keys and values of every layer, for tokens (rows, steps, token_size)."""
        steps = tokens.shape[1]
        age = torch.arange(steps)[:, None] - torch.arange(steps)
        near = (age >= 0) & (age < self.span)
        bias = self._bias(age.to(tokens.dtype)).masked_fill(~near, -torch.inf)
        # A step that is not there sees itself alone, where nothing would leave a softmax of nothing.
        hidden = _absent(there)[:, None, None, :].expand(-1, -1, steps, -1)
        bias = bias + torch.where(torch.eye(steps, dtype=torch.bool), torch.zeros_like(hidden), hidden)
        value = dense(tokens, views["encoder_weight"], views["encoder_bias"])
        keys, values = [], []
        for i in range(self.layers):
            normed = functional.layer_norm(value, (self.width,))
            query, key, given = (dense(normed, views[f"{n}_weight_{i}"], views[f"{n}_bias_{i}"]) for n in _QKV)
            keys.append(key)
            values.append(given)
            value = self._add(views, i, value, self._attend(query, key, given, bias))
        return value, keys, values

    def _add(self, views: dict[str, Tensor], i: int, value: Tensor, attended: Tensor) -> Tensor:
        """What a layer makes of what it attended to."""
        value = value + dense(attended, views[f"joined_weight_{i}"], views[f"joined_bias_{i}"])
        normed = functional.layer_norm(value, (self.width,))
        wide = functional.gelu(dense(normed, views[f"wide_weight_{i}"], views[f"wide_bias_{i}"]))
        return value + dense(wide, views[f"narrow_weight_{i}"], views[f"narrow_bias_{i}"])

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        """Attention of several heads, (..., steps, width); the bias has the heads before the steps."""

        def heads(part: Tensor) -> Tensor:
            # One dimension before the heads: with more PyTorch attends, but what is exported to ONNX may not.
            return part.flatten(0, -3).unflatten(-1, (self.heads, -1)).transpose(-2, -3)

        mask = bias.flatten(0, -4) if bias.dim() > 3 else bias
        joined = functional.scaled_dot_product_attention(heads(query), heads(key), heads(value), attn_mask=mask)
        return joined.transpose(-2, -3).flatten(-2).unflatten(0, query.shape[:-2])

    def _bias(self, age: Tensor) -> Tensor:
        """What is added to scores for steps of an age, heads before the last two dimensions (or one)."""
        slopes = 2.0 ** (-8.0 * torch.arange(1, self.heads + 1, dtype=age.dtype) / self.heads)
        return -slopes.reshape(-1, *[1] * age.dim()) * age

    def _mean(self, views: dict[str, Tensor], features: Tensor) -> Tensor:
        value = torch.tanh(dense(features, views["head_weight"], views["head_bias"]))
        return dense(value, views["mean_weight"], views["mean_bias"])


_QKV = ("query", "key", "value")


def _absent(there: Tensor) -> Tensor:
    """Zero where a step is there, minus infinity where not."""
    return torch.zeros_like(there).masked_fill(there <= 0, -torch.inf)

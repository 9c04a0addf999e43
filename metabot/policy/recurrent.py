"""A policy with the memory of a gated recurrent unit, a pure function of one flat vector."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metabot.experience.stream import Stream
from metabot.params import Layout
from metabot.policy.context import (
    CONTEXT,
    ContextPolicy,
    context_layout,
    dense,
    initial_arrays,
    without_copies,
)
from metabot.policy.policy import Moment, State

_HIDDEN = CONTEXT + "hidden"


@dataclass(frozen=True)
class GRUPolicy(ContextPolicy):
    """Token -> tanh layer -> GRU (Cho et al. 2014, with PyTorch's reset gate) -> tanh layer -> mean action.

    The layer before the action sees the encoded token beside the memory: what to do now depends on
    both. The memory that a robot starts with is the entry ``context/hidden``, and learned.
    """

    observation_size: int
    action_size: int
    hidden_size: int = 64
    reads_reward: bool = True
    initial_log_std: float = -0.5
    min_log_std: float = -2.0
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        """Derive the layout from the sizes.

        Raises:
            ValueError: if there is no memory.
        """
        if self.hidden_size < 1:
            raise ValueError(f"hidden_size: {self.hidden_size} is below 1")
        n = self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "encoder_weight": (n, self.token_size),
            "encoder_bias": (n,),
            "gru_weight_input": (3 * n, n),
            "gru_weight_hidden": (3 * n, n),
            "gru_bias_input": (3 * n,),
            "gru_bias_hidden": (3 * n,),
            "head_weight": (n, 2 * n),
            "head_bias": (n,),
            "mean_weight": (self.action_size, n),
            "mean_bias": (self.action_size,),
            "log_std": (self.action_size,),
            _HIDDEN: (n,),
        }
        object.__setattr__(self, "layout", Layout.of(shapes) + context_layout(self.action_size))

    @property
    def feature_size(self) -> int:  # type: ignore[override]
        """Memory and encoded token."""
        return 2 * self.hidden_size

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,): orthogonal weights, a small last layer, no memory."""
        gain = math.sqrt(2.0)
        arrays = initial_arrays(
            self.layout,
            rng,
            {"encoder_weight": gain, "head_weight": gain, "mean_weight": 0.01},
            {"log_std": self.initial_log_std},
        )
        return self.layout.flatten(arrays)

    def begin(self, parameters: Tensor, episodes: int) -> State:
        """See `Policy.begin`."""
        hidden = self.layout.view(parameters)[_HIDDEN]
        return hidden[:, None].expand(-1, episodes, -1)

    def act(self, parameters: Tensor, moment: Moment, state: State) -> tuple[Tensor, State]:
        """See `Policy.act`."""
        views = self.layout.view(without_copies(parameters))
        encoded = torch.tanh(dense(self._read_moment(moment), views["encoder_weight"], views["encoder_bias"]))
        given = dense(encoded, views["gru_weight_input"], views["gru_bias_input"]).chunk(3, -1)
        kept = dense(state, views["gru_weight_hidden"], views["gru_bias_hidden"]).chunk(3, -1)
        reset = torch.sigmoid(given[0] + kept[0])
        update = torch.sigmoid(given[1] + kept[1])
        candidate = torch.tanh(given[2] + reset * kept[2])
        hidden = candidate + update * (state - candidate)
        mean = self._mean(views, torch.cat([hidden, encoded], dim=-1))
        if moment.alive is not None:
            hidden = torch.where(moment.alive[..., None] > 0, hidden, state)
        return mean, hidden

    def unroll(self, parameters: Tensor, stream: Stream) -> tuple[Tensor, Tensor]:
        """See `ContextPolicy.unroll`."""
        views = self.layout.view(parameters)
        hidden, encoded = self._run(views, stream)
        features = torch.cat([hidden, encoded], dim=-1)
        return self._mean(views, features), features

    def _memory(self, parameters: Tensor, stream: Stream) -> dict[str, Tensor]:
        hidden, _ = self._run(self.layout.view(parameters), stream)
        return {_HIDDEN: hidden[torch.arange(len(hidden)), stream.lengths - 1]}

    def _run(self, views: dict[str, Tensor], stream: Stream) -> tuple[Tensor, Tensor]:
        """Memory after every step and encoded tokens, (trials, steps, hidden_size) both."""
        encoded = torch.tanh(dense(self._read(stream), views["encoder_weight"], views["encoder_bias"]))
        start = views[_HIDDEN].expand(1, len(encoded), -1).contiguous()
        weights = [
            views[f"gru_{name}"].contiguous() for name in ("weight_input", "weight_hidden", "bias_input", "bias_hidden")
        ]
        # One call for all steps: weights, biases, layers, dropout, training, bidirectional, batch first.
        hidden, _ = torch.gru(encoded, start, weights, True, 1, 0.0, False, False, True)
        return hidden, encoded

    def _mean(self, views: dict[str, Tensor], features: Tensor) -> Tensor:
        value = torch.tanh(dense(features, views["head_weight"], views["head_bias"]))
        return dense(value, views["mean_weight"], views["mean_bias"])

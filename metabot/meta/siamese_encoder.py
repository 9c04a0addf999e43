"""A Siamese network: whether two robots' experience is of the same task (Koch et al. 2015)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metabot.experience import Transitions
from metabot.params import Layout
from metabot.policy import MLP

_WEIGHT, _BIAS = "log_weight", "bias"


class SiameseEncoder:
    """Embeds a set of transitions, and compares embeddings by a weighted distance of their coordinates.

    Both experiences of a pair go through the same network: each transition on its own, their mean,
    and a network of that, so that neither order nor number matters. The probability that a pair is
    of one task is σ(b - Σ_j α_j |e_j - e'_j|) (Koch et al. 2015, section 3.1, with α above zero).

    Attributes:
        layout: of both networks, the logarithms of α and b.
    """

    def __init__(self, observation_size: int, action_size: int, size: int, hidden: tuple[int, ...] = (64,)) -> None:
        """Choose the sizes; `size` is that of an embedding."""
        width = hidden[-1]
        self._each = MLP((2 * observation_size + action_size + 1, *hidden, width), "tanh")
        self._all = MLP((width, *hidden, size), "tanh")
        self._size = size
        self.layout = (
            self._each.layout.prefixed("each/")
            + self._all.layout.prefixed("all/")
            + Layout.of({_WEIGHT: (size,), _BIAS: (1,)})
        )

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,)."""
        parts = [net.layout.flatten(net.initial(rng)) for net in (self._each, self._all)]
        return np.concatenate([*parts, np.zeros(self._size, dtype=np.float32), np.ones(1, dtype=np.float32)])

    def embed(self, parameters: Tensor, steps: Transitions) -> Tensor:
        """The embedding of every task's experience, (tasks, size).

        Args:
            parameters: (layout.size,).
            steps: what happened; only steps that others followed count.
        """
        each, rest = parameters.split([self._each.layout.size, self.layout.size - self._each.layout.size])
        known = steps.moving[..., None]
        seen = torch.tanh(self._each(self._each.layout.view(each), steps.whole)) * known
        mean = seen.sum(1) / known.sum(1).clamp(min=1.0)
        return self._all(self._all.layout.view(rest[: self._all.layout.size]), mean)

    def log_odds(self, parameters: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """Log-odds that each of some embeddings is of the task of each of others, (left, right).

        Args:
            parameters: (layout.size,).
            left: (left, size).
            right: (right, size).
        """
        views = self.layout.view(parameters)
        apart = (left[:, None] - right).abs() * torch.exp(views[_WEIGHT])
        return views[_BIAS] - apart.sum(-1)

    def loss(self, parameters: Tensor, left: Transitions, right: Transitions) -> Tensor:
        """Cross-entropy of telling pairs of one task from pairs of two, both weighing the same, ().

        Args:
            parameters: (layout.size,).
            left: experience of several tasks.
            right: other experience of the same tasks.
        """
        odds = self.log_odds(parameters, self.embed(parameters, left), self.embed(parameters, right))
        same = torch.eye(len(odds), dtype=torch.bool)
        return functional.softplus(-odds[same]).mean() + functional.softplus(odds[~same]).mean()

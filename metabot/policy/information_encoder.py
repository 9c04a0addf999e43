"""An information filter with learned measurements: every step of a task measures a belief, which is then read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Transitions
from metabot.params import Layout
from metabot.policy.linear import solve
from metabot.policy.mlp import MLP

_MEASURE, _READ = "measure/", "read/"


class Sums(NamedTuple):
    """What steps say together: sums over them.

    Attributes:
        precision: (..., belief_size, belief_size), of Jᵀ J.
        information: (..., belief_size), of Jᵀ y.
        steps: (...), how many they are.
    """

    precision: Tensor
    information: Tensor
    steps: Tensor

    def plus(self, more: Sums) -> Sums:
        """Those of both."""
        return Sums(*(mine + other for mine, other in zip(self, more, strict=True)))


class InformationEncoder:
    """b = (λI + mean_n J_nᵀ J_n)⁻¹ mean_n J_nᵀ y_n, and the context is read from the belief b by an MLP.

    An MLP makes measurements (J_n, y_n) of every step. One step seldom tells a number by itself: that
    a robot came closer to its goal bounds a turn from one side. Measurements along any direction add up, as
    they do not in the product of diagonal Gaussians of `TaskEncoder` (the information form of the Kalman
    filter, Thrun et al. 2005, "Probabilistic Robotics", section 3.5, of a state that does not change;
    measurements that are learned through it: Haarnoja et al. 2016, arXiv:1605.07148).

    With more than one pass every step is measured anew by who knows the context of the pass before, as an iterated
    extended Kalman filter linearises where its estimate is by then (Bell and Cathey 1993): what a step says of a place
    depends on where that place is.

    Attributes:
        layout: of the networks' parameters.
        belief_size: numbers of the belief.
        rank: measurements of a step.
        passes: how often every step is measured.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        latent_size: int,
        hidden: tuple[int, ...] = (64, 64),
        *,
        belief_size: int = 8,
        rank: int = 2,
        prior_precision: float = 0.02,
        passes: int = 1,
    ) -> None:
        """Choose the sizes.

        Args:
            observation_size: numbers observed.
            action_size: numbers commanded.
            latent_size: numbers of the context.
            hidden: layers of the network that looks at steps.
            belief_size: numbers of the belief.
            rank: measurements of a step.
            prior_precision: λ, beside measurements of which n count as one: those that follow one another
                say much the same.
            passes: how often every step is measured.
        """
        self.belief_size, self.rank, self._prior, self.passes = belief_size, rank, prior_precision, passes
        known = latent_size if passes > 1 else 0
        sizes = (2 * observation_size + action_size + 1 + known, *hidden, rank * (belief_size + 1))
        self._latent_size = latent_size
        self._measure, self._read = MLP(sizes), MLP((belief_size, 64, latent_size))
        self.layout: Layout = self._measure.layout.prefixed(_MEASURE) + self._read.layout.prefixed(_READ)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,)."""
        arrays = {_MEASURE + name: value for name, value in self._measure.initial(rng).items()}
        arrays |= {_READ + name: value for name, value in self._read.initial(rng).items()}
        return self.layout.flatten(arrays)

    def __call__(self, parameters: Tensor, steps: Transitions) -> Tensor:
        """The context of every task, (tasks, latent_size).

        Args:
            parameters: (layout.size,).
            steps: what happened; only valid ones count.
        """
        return self.estimates(parameters, steps)[-1]

    def estimates(self, parameters: Tensor, steps: Transitions) -> list[Tensor]:
        """The context after every pass; arguments as above."""
        whole, found = steps.whole, list[Tensor]()
        context = torch.zeros(len(whole), self._latent_size, dtype=whole.dtype)
        for _ in range(self.passes):
            seen = whole
            if self.passes > 1:
                seen = torch.cat([whole, context[:, None].expand(-1, whole.shape[1], -1)], -1)
            context = self.read(parameters, self.summed(parameters, seen, steps.valid))
            found.append(context)
        return found

    def summed(self, parameters: Tensor, whole: Tensor, valid: Tensor) -> Sums:
        """What many steps say together.

        Args:
            parameters: (layout.size,).
            whole: (tasks, steps, n), all that a step tells, see `Transitions.whole`.
            valid: (tasks, steps), 1 where there is a step.
        """
        rows = self.measured(parameters, whole) * valid[..., None, None]
        slopes, values = rows[..., :-1].flatten(1, 2), rows[..., -1].flatten(1, 2)
        turned = slopes.transpose(1, 2)
        return Sums(turned @ slopes, (turned @ values[..., None])[..., 0], valid.sum(1))

    def measured(self, parameters: Tensor, whole: Tensor) -> Tensor:
        """Measurements (J, y) of single steps, (..., rank, belief_size + 1).

        Args:
            parameters: (layout.size,), or (tasks, layout.size).
            whole: (..., n), or (tasks, points, n).
        """
        views = self._measure.layout.view(parameters[..., : self._measure.layout.size])
        return self._measure(views, whole).unflatten(-1, (self.rank, self.belief_size + 1))

    def read(self, parameters: Tensor, sums: Sums) -> Tensor:
        """The context after steps that add up to this, (..., latent_size); arguments as those of `measured`."""
        count = sums.steps.clamp(min=1.0)[..., None]
        precision = sums.precision / count[..., None] + self._prior * torch.eye(self.belief_size)
        belief = solve(precision, sums.information / count)
        return self._read(self._read.layout.view(parameters[..., self._measure.layout.size :]), belief)

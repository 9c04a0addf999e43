"""The outer optimiser: Adam on a meta-vector whose moments can be taken along."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_STEP, _MEAN, _SQUARE = "adam_step", "adam_mean", "adam_square"
_UPDATES = "updates"


class OuterAdam:
    """Adam (Kingma and Ba 2015) that is handed the vector anew at every update."""

    def __init__(self, step: float, max_gradient_norm: float = 1.0) -> None:
        """Set up the optimiser.

        Args:
            step: step size.
            max_gradient_norm: longer gradients are shortened to this.
        """
        self._step, self._max_norm = step, max_gradient_norm
        self._variable: Tensor | None = None
        self._kept: dict[str, np.ndarray] = {}

    def variable(self, meta: Tensor) -> Tensor:
        """The variable to compute the loss of, set to `meta`; Adam's moments survive."""
        if self._variable is None:
            self._variable = meta.detach().clone().requires_grad_(True)
            self._adam = torch.optim.Adam([self._variable], lr=self._step, fused=True)
            if self._kept:
                self._adam.state[self._variable] = {
                    "step": torch.tensor(float(self._kept[_STEP][0])),
                    "exp_avg": torch.from_numpy(self._kept[_MEAN].copy()),
                    "exp_avg_sq": torch.from_numpy(self._kept[_SQUARE].copy()),
                }
        with torch.no_grad():
            self._variable.copy_(meta)
        return self._variable

    @property
    def step(self) -> float:
        """The step size of now."""
        return self._step

    def resize(self, step: float) -> None:
        """Go on with another step size."""
        self._step = step
        if self._variable is not None:
            self._adam.param_groups[0]["lr"] = step

    def descend(self, loss: Callable[[], Tensor]) -> float | None:
        """One step.

        Args:
            loss: computes the loss of `variable`.

        Returns:
            The norm of the gradient before it was shortened; None, and no step, if it is not finite.
        """
        variable = self._held()
        return self.follow(torch.autograd.grad(loss(), variable)[0])

    def follow(self, gradient: Tensor) -> float | None:
        """One step against a gradient, (size,); returns as `descend`."""
        variable, norm = self._held(), float(torch.linalg.vector_norm(gradient))
        if not math.isfinite(norm):
            return None
        variable.grad = gradient * min(1.0, self._max_norm / (norm + 1e-6))
        self._adam.step()
        return norm

    def _held(self) -> Tensor:
        assert self._variable is not None, "`variable` comes first"
        return self._variable

    def moments(self) -> dict[str, np.ndarray]:
        """Adam's moments; empty before the first step."""
        state = self._adam.state.get(self._variable, {}) if self._variable is not None else {}
        if not state:
            return dict(self._kept)
        return {
            _STEP: np.array([float(state["step"])], dtype=np.float32),
            _MEAN: state["exp_avg"].numpy().copy(),
            _SQUARE: state["exp_avg_sq"].numpy().copy(),
        }

    def restore(self, moments: dict[str, np.ndarray]) -> None:
        """Go on from moments that another optimiser gave."""
        self._variable, self._kept = None, dict(moments)


class NumberedAdam(OuterAdam):
    """Adam that counts updates, each of which has random numbers of its own: a training goes on as it would have.

    Attributes:
        updates: begun so far.
    """

    updates = 0

    def __init__(self, step: float, max_gradient_norm: float = 1.0, decay: float = 1.0) -> None:
        """Set up the optimiser.

        Args:
            step: step size of the first update.
            max_gradient_norm: longer gradients are shortened to this.
            decay: factor by which the step size falls with every update.
        """
        super().__init__(step, max_gradient_norm)
        self._first, self._decay = step, decay

    def begin_update(self) -> torch.Generator:
        """Count an update; the generator of its random numbers."""
        self.resize(self._first * self._decay**self.updates)
        self.updates += 1
        return torch.Generator().manual_seed(self.updates)

    def moments(self) -> dict[str, np.ndarray]:
        """Adam's moments and the number of updates."""
        return super().moments() | {_UPDATES: np.array([self.updates])}

    def restore(self, moments: dict[str, np.ndarray]) -> None:
        """Go on from moments that another optimiser gave; empty ones are those of the beginning."""
        self.updates = int(moments[_UPDATES][0]) if _UPDATES in moments else 0
        super().restore({name: value for name, value in moments.items() if name != _UPDATES})

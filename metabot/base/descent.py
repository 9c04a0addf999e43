"""Adam on the parameters of many tasks side by side."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def descend(
    losses: Callable[[Tensor], Tensor],
    starts: Tensor,
    *,
    step: float,
    epochs: int,
    moves: Tensor | None = None,
    decay: float = 1.0,
) -> Tensor:
    """Descend the loss of every task by Adam (Kingma and Ba 2015).

    Adam scales every coordinate on its own: one optimiser for all tasks is one for each.

    Args:
        losses: (tasks,) at (tasks, size) parameters, each task's of its own row.
        starts: (tasks, size) to begin with.
        step: step size.
        epochs: Adam steps.
        moves: (size,), 0 where a parameter stays and 1 elsewhere; all move by default.
        decay: factor by which the step size has fallen after the last of them.

    Returns:
        (tasks, size).
    """
    parameters = starts.detach().clone().requires_grad_(True)
    adam = torch.optim.Adam([parameters], lr=step)
    schedule = torch.optim.lr_scheduler.ExponentialLR(adam, decay ** (1.0 / max(epochs, 1)))
    for _ in range(epochs):
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(losses(parameters).sum(), parameters)
        parameters.grad = gradient if moves is None else gradient * moves
        adam.step()
        schedule.step()
    return parameters.detach()

"""The inner loop: gradient steps of many tasks at once, differentiable with respect to their start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Loss = Callable[..., Tensor]


def per_task(loss: Loss, vectorised: bool = False) -> Loss:
    """The losses of all tasks, (tasks,), as a function of (tasks, size) parameters.

    Args:
        loss: of one task, or of all of them if `vectorised`.
        vectorised: whether `loss` takes tasks as a leading dimension by itself, which saves what
            `torch.func.vmap` costs on every operation: a third of the time where arrays are small.
    """
    return loss if vectorised else torch.func.vmap(loss)


def inner_loop(
    loss: Loss,
    start: Tensor,
    step_size: Tensor,
    data: tuple[Tensor, ...],
    *,
    steps: int = 1,
    second_order: bool = True,
    rematerialise: bool = False,
    vectorised: bool = False,
) -> Tensor:
    """Descend the loss of every task for some steps (Finn et al. 2017, equation 1).

    The result is for autograd to differentiate; for `torch.func` to do it only when compiled.

    Args:
        loss: of one task: ``loss(parameters (size,), *data of the task) -> ()``.
        start: (tasks, size) or (size,) parameters.
        step_size: () or (size,); zero where a parameter is not adapted.
        data: arrays with the tasks first.
        steps: gradient steps, all on the same data.
        second_order: whether the result is differentiated through the inner gradients.
        rematerialise: compute each step again in the backward pass instead of keeping what it
            computed: memory then grows by the parameters alone with every step.
        vectorised: see `per_task`.

    Returns:
        (tasks, size).
    """
    losses = per_task(loss, vectorised)

    def one(parameters: Tensor, sizes: Tensor, *data: Tensor) -> Tensor:
        return parameters - sizes * _slope(losses, parameters, data, second_order)

    parameters = start.expand(len(data[0]), -1)
    for _ in range(steps):
        if rematerialise and torch.is_grad_enabled():
            parameters = _Rematerialised.apply(one, parameters, step_size, *data)
        else:
            parameters = one(parameters, step_size, *data)
    return parameters


def _slope(losses: Loss, parameters: Tensor, data: tuple[Tensor, ...], second_order: bool) -> Tensor:
    """Gradient of every task's loss, (tasks, size)."""
    if torch.compiler.is_compiling():
        # A compiler can follow this one; without it, autograd does with less work per operation.
        slope = torch.func.grad(lambda rows: losses(rows, *data).sum())(parameters)
        return slope if second_order else slope.detach()
    further = second_order and torch.is_grad_enabled() and any(t.requires_grad for t in (parameters, *data))
    with torch.enable_grad():
        rows = parameters if further and parameters.requires_grad else parameters.detach().requires_grad_(True)
        return torch.autograd.grad(losses(rows, *data).sum(), rows, create_graph=further)[0]


class _Rematerialised(torch.autograd.Function):
    """A step that keeps its inputs only (Griewank 1992; Chen et al. 2016, "sublinear memory cost")."""

    @staticmethod
    def forward(ctx: Any, step: Loss, *tensors: Tensor) -> Tensor:
        ctx.step = step
        ctx.save_for_backward(*tensors)
        with torch.no_grad():
            return step(*tensors)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        wanted = ctx.needs_input_grad[1:]
        inputs = [t.detach().requires_grad_(want) for t, want in zip(ctx.saved_tensors, wanted, strict=True)]
        with torch.enable_grad():
            output = ctx.step(*inputs)
        found = iter(torch.autograd.grad(output, [t for t in inputs if t.requires_grad], grad_outputs))
        return (None, *(next(found) if want else None for want in wanted))

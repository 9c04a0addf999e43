"""The inner loop: gradient steps of many tasks at once, differentiable with respect to their start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Loss = Callable[..., Tensor]


def inner_loop(
    loss: Loss,
    start: Tensor,
    step_size: Tensor,
    data: tuple[Tensor, ...],
    *,
    steps: int = 1,
    second_order: bool = True,
    rematerialise: bool = False,
) -> Tensor:
    """Descend the loss of every task for some steps (Finn et al. 2017, equation 1).

    Args:
        loss: of one task: ``loss(parameters (size,), *data of the task) -> ()``.
        start: (tasks, size) or (size,) parameters.
        step_size: () or (size,); zero where a parameter is not adapted.
        data: arrays with the tasks first.
        steps: gradient steps, all on the same data.
        second_order: whether the result is differentiated through the inner gradients.
        rematerialise: compute each step again in the backward pass instead of keeping what it
            computed: memory then grows by the parameters alone with every step.

    Returns:
        (tasks, size).
    """
    gradient = torch.func.vmap(torch.func.grad(loss))

    def one(parameters: Tensor, sizes: Tensor, *data: Tensor) -> Tensor:
        slope = gradient(parameters, *data)
        return parameters - sizes * (slope if second_order else slope.detach())

    parameters = start.expand(len(data[0]), -1)
    for _ in range(steps):
        if rematerialise and torch.is_grad_enabled():
            parameters = _Rematerialised.apply(one, parameters, step_size, *data)
        else:
            parameters = one(parameters, step_size, *data)
    return parameters


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

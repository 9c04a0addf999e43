"""A step of trust-region policy optimisation along any loss: what MAML's authors descend their outer loss by."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

ITERATIONS = 10
"""Of conjugate gradients."""
DAMPING = 1e-5
SHRINK, TRIALS = 0.8, 15
"""Factor on the step after a trial that failed, and how many trials there are."""


class Step(NamedTuple):
    """Where a step led.

    Attributes:
        point: (size,).
        loss: there.
        divergence: there from the start; 0.0 where there was no step.
        gradient_norm: of the loss at the start.
    """

    point: Tensor
    loss: float
    divergence: float
    gradient_norm: float


def trust_region_step(start: Tensor, loss: Function, divergence: Function, radius: float) -> Step:
    """Descend a loss as far as a divergence from the start allows (Schulman et al. 2015, appendix C).

    It stays where no trial makes the loss smaller within the radius, or where something is not finite.

    Args:
        start: (size,).
        loss: () of a vector (size,).
        divergence: () of a vector (size,), of second order around the start, where it is zero.
        radius: what the divergence may reach.
    """
    point = start.detach().clone().requires_grad_(True)
    value = loss(point)
    (gradient,) = torch.autograd.grad(value, point)
    before, norm = float(value.detach()), float(torch.linalg.vector_norm(gradient))
    del value  # and its graph
    unmoved = Step(start.detach().clone(), before, 0.0, norm)
    if not math.isfinite(norm) or norm == 0.0:
        return unmoved
    (slope,) = torch.autograd.grad(divergence(point), point, create_graph=True)

    def curved(direction: Tensor) -> Tensor:
        (product,) = torch.autograd.grad(slope, point, direction, retain_graph=True)
        return product + DAMPING * direction

    direction = conjugate_gradients(curved, gradient)
    curvature = float(direction @ curved(direction))
    if not curvature > 0.0:
        return unmoved
    step = direction * math.sqrt(2.0 * radius / curvature)
    with torch.no_grad():
        for trial in range(TRIALS):
            tried = start.detach() - SHRINK**trial * step
            after, apart = float(loss(tried)), float(divergence(tried))
            if after < before and apart <= radius:
                return Step(tried, after, apart, norm)
    return unmoved


def conjugate_gradients(product: Function, target: Tensor, iterations: int = ITERATIONS) -> Tensor:
    """Solve A x = target for a positive A that is known by its products alone (Hestenes and Stiefel 1952).

    Args:
        product: A x of an x, (size,).
        target: (size,).
        iterations: at most.
    """
    found, rest = torch.zeros_like(target), target.clone()
    direction, square = rest.clone(), rest @ rest
    for _ in range(iterations):
        image = product(direction)
        along = square / (direction @ image)
        found, rest = found + along * direction, rest - along * image
        following = rest @ rest
        if not following > 1e-10 * (target @ target):
            break
        direction, square = rest + following / square * direction, following
    return found

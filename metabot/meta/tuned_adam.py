"""Adam with the step size that suits a distribution of tasks best: what a learned update rule has to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from metabot.base.descent import descend
from metabot.meta.inner_loop import per_task
from metabot.meta.objective import Objective

STEP_SIZES = tuple(10.0 ** (quarter / 4.0 - 3.0) for quarter in range(13))
"""From a thousandth to one, four in every decade."""


def adam_descent(objective: Objective, starts: Tensor, experience: Any, steps: int, step_size: float) -> Tensor:
    """Descend the inner loss of every task by Adam (Kingma and Ba 2015), as `LearnedRule.adapt` does by its rule.

    Args:
        objective: whose inner loss.
        starts: (tasks, size).
        experience: of the tasks.
        steps: how many.
        step_size: of Adam.

    Returns:
        (tasks, size).
    """
    data, losses = objective.data(experience), per_task(objective.inner, objective.vectorised)
    return descend(lambda rows: losses(rows, *data), starts, step=step_size, epochs=steps)


def tuned_step_size(
    objective: Objective,
    starts: Tensor,
    support: Any,
    query: Any,
    steps: int,
    choices: Sequence[float] = STEP_SIZES,
) -> float:
    """The step size whose descent ends at the lowest outer loss, to be chosen on validation tasks.

    Args:
        objective: whose losses.
        starts: (tasks, size).
        support: experience that is descended.
        query: experience that the end is judged by.
        steps: inner steps.
        choices: step sizes to choose from.
    """
    losses, data = per_task(objective.outer, objective.vectorised), objective.data(query)

    def ended(step_size: float) -> float:
        loss = float(losses(adam_descent(objective, starts, support, steps, step_size), *data).mean())
        return loss if math.isfinite(loss) else math.inf

    return min(choices, key=ended)

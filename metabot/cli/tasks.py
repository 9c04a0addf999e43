"""Which task a trained method is to adapt to: a number of a split, or what a specification states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabot.cli.train import read_spec

if TYPE_CHECKING:
    import numpy as np

    from metabot.harness.training import Training
    from metabot.problems import Problem

SplitOption = Annotated[str, typer.Option(help="Where the task comes from: train, validation, test or held-out.")]
TaskOption = Annotated[int, typer.Option(min=0, help="Which task: the seed of its draw.")]
StatedOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The task: a TaskSpec in JSON whose dynamics hold.")
]


def chosen(
    training: Training, source: Path, split: str, task: int, spec: Path | None, threads: int
) -> tuple[Problem, np.ndarray, str]:
    """The problem, one row of what it samples, and how to call the task.

    Args:
        training: that is to adapt.
        source: where that came from, as messages call it.
        split: of the task.
        task: its number.
        spec: a specification whose dynamics hold in place of the split's.
        threads: simulation threads.

    Raises:
        ValueError: if the specification and the training do not go together; one line.
    """
    from metabot.problems.partner import has_stated_tasks

    problem, named = training.problem, f"{split} task {task}"
    if spec is not None:
        if not has_stated_tasks(problem):
            raise ValueError(f"spec: {source} was trained on {problem.name}; allowed: on a family of the simulation")
        return problem, problem.state(read_spec(spec)), str(spec)
    return problem, problem.numbered(task, split)[0], named

"""`metabot adapt`: a trained method adapts to one task."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, is_parameters
from metabot.cli.tasks import SplitOption, StatedOption, TaskOption, chosen
from metabot.cli.train import Threads


def adapt(
    folder: Annotated[Path, typer.Argument(help="Folder of a training, as `metabot train` wrote it.")],
    split: SplitOption = "held-out",
    task: TaskOption = 0,
    spec: StatedOption = None,
    episodes: Annotated[int, typer.Option(min=1, help="Adaptation episodes.")] = 8,
    trials: Annotated[int, typer.Option(min=1, help="Fresh trials for each success rate.")] = 64,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Checkpoint file for the adapted parameters; FOLDER/adapted.checkpoint by default."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a line.")] = False,
    threads: Threads = 1,
) -> None:
    """Adapt to one task that training has not seen, and say how it went.

    The adapted parameters are written as a checkpoint: the vector that a robot would drive with.
    """
    with one_line_errors(ValueError, OSError):
        from metabot.harness.training import load_trained
        from metabot.meta import adapt_to
        from metabot.params import save_checkpoint
        from metabot.policy.threads import one_torch_thread
        from metabot.problems import check_split

        check_split(split)
        path = out or folder / "adapted.checkpoint"
        check_file("out", path, is_parameters, "adapted parameters")
        one_torch_thread()
        training = load_trained(folder, threads)
        problem, row, named = chosen(training, folder, split, task, spec, threads)
        adapted = adapt_to(training.learner, training.meta, problem, row, episodes=episodes, trials=trials, seed=task)
        facts = {
            "method": training.config.method,
            "family": training.config.family,
            "split": split,
            "task": task,
            "spec": None if spec is None else str(spec),
            "episodes": episodes,
            "trials": trials,
            "success_before": adapted.success_before,
            "success_after": adapted.success_after,
            "return_before": adapted.return_before,
            "return_after": adapted.return_after,
        }
        save_checkpoint(path, adapted.parameters, training.learner.policy.layout, facts)
        if json:
            typer.echo(json_module.dumps({**facts, "parameters": str(path)}, indent=2))
            return
        if training.problem.has_success:
            told = f"success {adapted.success_before:.0%} before, {adapted.success_after:.0%} after"
        else:
            # Nothing there can be mastered: a share of successes would be zero whatever was learned.
            told = f"return {adapted.return_before:.2f} before, {adapted.return_after:.2f} after"
        typer.echo(f"{named}: {told} {episodes} episodes ({trials} trials); parameters in {path}")

"""`metabot train language`: the command that makes the task language model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from metabot.language.reader import DEFAULT_MODEL


def train_language(
    output: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder to write; replaced only when the new model is complete.")
    ] = DEFAULT_MODEL,
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps of 32 sentences.")] = 2600,
    minutes: Annotated[
        float, typer.Option(min=0.01, max=60.0, help="Longest training time; ends earlier with the steps.")
    ] = 7.8,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, steps and threads give the same model.")] = 0,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Processor threads.")] = 1,
    samples: Annotated[int, typer.Option(min=10, help="Sentences per measured split.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON instead of a table.")] = False,
) -> None:
    """Train the model that reads sentences, measure it and save it with its card.

    Ctrl-C ends training early; what was learned until then is measured and saved.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.table import Table

    from metabot.language.save import check_output
    from metabot.language.train import Progress, train

    console = Console(stderr=True)
    try:
        check_output(output)
    except ValueError as problem:
        typer.echo(f"metabot: {problem}", err=True)
        raise typer.Exit(2) from None
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
        job = bar.add_task("training", total=1.0, state="")

        def show(now: Progress) -> None:
            state = f"step {now.step}  loss {now.loss:.3f}  exact {now.exact:.0%}"
            bar.update(job, completed=now.fraction, state=state)

        done = train(output, steps=steps, minutes=minutes, seed=seed, threads=threads, samples=samples, progress=show)
        bar.update(job, completed=1.0)
    if as_json:
        typer.echo(json.dumps({"folder": str(done.folder), "steps": done.steps, "wall_s": done.wall_s,
                               "interrupted": done.interrupted, "splits": done.figures.splits}))  # fmt: skip
        return
    table = Table(
        title=f"{done.folder}: {done.steps} steps in {done.wall_s:.0f} s{', interrupted' if done.interrupted else ''}"
    )
    for heading in ("sentences", "exact", "right", "wrong", "abstains"):
        table.add_column(heading)
    for name, row in done.figures.splits.items():
        table.add_row(name, *(f"{row[key]:.1%}" for key in ("exact", "accepted_right", "wrong_accept", "abstained")))
    Console().print(table)

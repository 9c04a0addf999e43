"""`metabot continual`: one network, a stream of tasks, and what it forgets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.evaluate import settings_by_method
from metabot.cli.outputs import check_file, is_plot, is_report
from metabot.cli.train import Settings, Threads, read_settings


def continual(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="METHODS", help="naive, replay, ewc, joint (the bound); all of them by default."),
    ] = None,
    family: Annotated[str, typer.Option(help="sine, or a family whose tasks have an expert.")] = "sine",
    tasks: Annotated[int, typer.Option(help="Tasks of a stream.")] = 5,
    seeds: Annotated[int, typer.Option(help="Streams.")] = 3,
    steps: Annotated[int, typer.Option(help="Batches of each task.")] = 200,
    batch: Annotated[int, typer.Option(help="Points of a batch.")] = 64,
    blend: Annotated[float, typer.Option(help="Length of a change of tasks, as a share of a task's steps.")] = 0.2,
    looks: Annotated[int, typer.Option(help="How often all tasks are scored during each task's steps.")] = 4,
    trials: Annotated[int, typer.Option(help="Fresh episodes of each task for every score.")] = 16,
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for finished runs, table, picture and JSON.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures to this file.")] = None,
    threads: Threads = 1,
) -> None:
    """Learn tasks one after the other without being told where one ends, and measure what is forgotten.

    All methods see the same points. Finished runs are kept: the same command with --out goes on
    where it was stopped. A setting is given as METHOD.name=value, or as name=value for all methods.
    """
    folder = out or Path("runs/continual") / f"{family.replace(':', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"

    def stopped() -> str:
        return f"stopped; finished runs are kept in {folder}, go on with --out {folder}"

    with one_line_errors(ValueError, OSError, stopped=stopped):
        from metabot.cli.progress import steps_shown
        from metabot.cli.tables import show
        from metabot.continual import CONTINUAL_LEARNERS
        from metabot.continual.comparison import ComparisonConfig, compare
        from metabot.continual.show import plot, table
        from metabot.harness.alone import alone_in
        from metabot.policy.threads import one_torch_thread
        from metabot.provenance import made_by, write_report

        one_torch_thread()
        methods = list(dict.fromkeys(names or CONTINUAL_LEARNERS))
        config = ComparisonConfig(
            methods=tuple(methods),
            family=family,
            tasks=tasks,
            seeds=seeds,
            steps=steps,
            batch=batch,
            blend=blend,
            looks=looks,
            trials=trials,
            settings=settings_by_method(methods, read_settings(settings)),
        )
        for path in filter(None, (folder / "continual.json", json)):
            check_file("json" if path is json else "out", path, is_report, "figures of metabot's")
        check_file("out", folder / "continual.png", is_plot, "picture of metabot's")
        with alone_in(folder), steps_shown() as told:
            result = compare(config, folder, threads, told)
        report = {**made_by(), **result.as_dict()}
        for path in filter(None, (folder / "continual.json", json)):
            write_report(path, report)
        plot(result, folder / "continual.png")
        show(table(result))
        typer.echo(f"table, picture and figures: {folder}/continual.json, continual.png")

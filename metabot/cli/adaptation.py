"""`metabot sim adaptation`: what there is to adapt to in a problem."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, is_plot, is_report


def adaptation(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="PROBLEMS", help="Families or other problems.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All problems in which one robot acts.")] = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures to this file.")] = None,
    show: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run nothing: print the table of what --json wrote.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for pictures and for parts that are finished.")
    ] = Path("runs/adaptation"),
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions, each with tasks of its own.")] = 3,
    env_steps: Annotated[int, typer.Option(min=1, help="Budget of training, in control steps.")] = 200_000,
    tasks: Annotated[int, typer.Option(min=1, help="Tasks that are to be covered.")] = 32,
    trials: Annotated[int, typer.Option(min=1, help="Fresh episodes of a policy on a task.")] = 20,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Meta-learner whose adapted policies are looked at; the first gives the cross matrix."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="PARTS", help="Some of cover, cross, unadapted, variables; with commas.")
    ] = None,
    board_recipes: Annotated[
        bool,
        typer.Option(
            "--board-recipes",
            help="Train methods as `metabot board` does; --env-steps is then the budget of what needs no adaptation.",
        ),
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Simulation threads; results do not depend on them.")] = 1,
) -> None:
    """Measure what there is to adapt to: how many policies a problem needs, and what adapting is worth.

    Cover number: the fewest policies without adaptation that together master 90 % of the tasks at 90 %
    success. Cross matrix: adapted to a row's task, driven on a column's. Unadapted: the best that needs
    no adaptation, with the budget and with five times as much. Variables: what each costs alone.
    Finished parts are kept in --out: the same command goes on where it was stopped. Problems that --json
    holds already, measured alike and with the dynamics that they have now, are not measured again.
    """
    if show is not None:
        with one_line_errors(ValueError, OSError):
            _show(show)
        return

    def stopped() -> str:
        return f"stopped; finished parts are kept in {out}, go on with the same command"

    with one_line_errors(ValueError, OSError, stopped=stopped):
        from metabot.cli.progress import steps_shown
        from metabot.harness.alone import alone_in
        from metabot.harness.measure.config import PARTS, MeasureConfig
        from metabot.harness.measure.cross import draw
        from metabot.harness.measure.measure import adaptive_problems, finished, measurable, measure
        from metabot.harness.measure.stored import load
        from metabot.provenance import made_by, write_report

        if every == bool(names):
            raise ValueError(f"problems: name some, or give --all; allowed: {', '.join(adaptive_problems())}")
        wanted = list(adaptive_problems() if every else dict.fromkeys(names or ()))
        chosen: dict[str, Any] = {"methods": tuple(dict.fromkeys(method))} if method else {}
        config = MeasureConfig(
            seeds=seeds,
            env_steps=env_steps,
            tasks=tasks,
            trials=trials,
            board_recipes=board_recipes,
            parts=PARTS if only is None else tuple(dict.fromkeys(part.strip() for part in only.split(","))),
            **chosen,
        )
        for name in wanted:
            measurable(name)
            check_file("out", out / f"{name}.png", is_plot, "picture of metabot's")
        stored: dict[str, Any] = {}
        if json is not None:
            check_file("json", json, is_report, "figures of metabot's")
            stored = {row["problem"]: row for row in load(json)["rows"]} if json.exists() else {}
        with alone_in(out), steps_shown() as told:
            for done, name in enumerate(wanted):

                def of_all(what: str, fraction: float, detail: str, done: int = done) -> None:
                    told(what, (done + fraction) / len(wanted), detail)

                row = stored.get(name)
                if row is None or not finished(row, name, config):
                    row = stored[name] = measure(name, config, out, threads, of_all)
                if "cross" in row:
                    found = row["cross"]
                    draw(found["seeds"][0], f"{name}: adapted by {found['method']}", out / f"{name}.png")
                report = {**made_by(), "rows": [stored[name] for name in sorted(stored)]}
                if json is not None:
                    # After every problem: what is there already can be looked at.
                    write_report(json, report, indent=1)
        _print({**report, "rows": [stored[name] for name in wanted]})


def _show(stored: Path) -> None:
    from metabot.harness.measure.stored import load

    try:
        report = load(stored)
    except ValueError as error:
        raise ValueError(f"show: {error}") from None
    _print(report)
    typer.echo(" · ".join(str(report[key]) for key in ("date", "machine", "command") if key in report))


def _print(report: dict[str, Any]) -> None:
    from metabot.harness.measure.show import lines

    for line in lines(report):
        typer.echo(line)

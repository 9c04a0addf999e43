"""`metabot evaluate` and `metabot methods`: methods beside each other and beside the baselines."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, is_plot, is_report
from metabot.cli.train import Family, Settings, Spec, Threads, read_family, read_settings

if TYPE_CHECKING:
    from metabot.harness.evaluation import Evaluation


def methods(json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """List the meta-learners: name, family of methods, source."""
    from metabot.meta import META_LEARNERS

    found = sorted(META_LEARNERS.values(), key=lambda method: (method.kind, method.name))
    if json:
        rows = [{"name": method.name, "kind": method.kind, "source": method.source} for method in found]
        typer.echo(json_module.dumps(rows, indent=2))
        return
    from rich.table import Table

    from metabot.cli.tables import show

    table = Table(title="meta-learners", title_justify="left")
    for heading in ("method", "family of methods", "what it does", "source"):
        table.add_column(heading)
    for method in found:
        first = (method.__doc__ or "").strip().splitlines()[0]
        table.add_row(method.name, method.kind, first, method.source)
    show(table, prose=True)


def evaluate(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="METHODS", help="Meta-learners; `metabot methods` lists them.")
    ] = None,
    family: Family = None,
    spec: Spec = None,
    robots: Annotated[int | None, typer.Option(help="Robots per episode; the family's fewest by default.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each method.")] = 3,
    env_steps: Annotated[int, typer.Option(min=1, help="Budget of each training, in control steps.")] = 1_000_000,
    tasks: Annotated[int, typer.Option(min=1, help="Tasks measured on each split.")] = 32,
    trials: Annotated[int, typer.Option(min=1, help="Fresh trials of each task for every figure.")] = 16,
    train_tasks: Annotated[int, typer.Option(min=1, help="Tasks of an update in training.")] = 16,
    train_episodes: Annotated[int, typer.Option(min=1, help="Adaptation episodes of each task in training.")] = 8,
    scratch: Annotated[
        bool, typer.Option(help="Also show what learning from scratch takes, up to 1,024 episodes.")
    ] = False,
    rivals: Annotated[
        str,
        typer.Option(
            help="What needs no adaptation beside them: few, all (the best with 5 times the budget, too), none"
        ),
    ] = "few",
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for trainings, table, picture and JSON.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures to this file.")] = None,
    show: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run nothing: print the table of what --json wrote.")
    ] = None,
    threads: Threads = 1,
) -> None:
    """Train methods and baselines on one budget, and compare them after 0, 1, 2, 4, 8 adaptation episodes.

    Always beside them: learning from scratch, multi-task pre-training with fine-tuning (without
    adaptation it is domain randomisation), and the expert that knows the task as the bound. Where
    one robot acts: what needs no adaptation, tuned on validation tasks, what each method gained over
    the best of that, and the method's cross matrix (adapted to one task, driven on another). On
    tasks of the training distribution and held-out ones. Interquartile means over seeds and tasks
    with 95 % bootstrap intervals. Trainings are kept: the same command goes on where it was stopped.
    A setting is given as METHOD.name=value, or as name=value for all methods.
    """
    if show is not None:
        _show(show, out)
        return
    names = names or []
    family, scene = read_family(family, spec)
    folder = out or Path("runs/evaluate") / f"{family.replace(':', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"

    def stopped() -> str:
        return f"stopped; finished trainings are kept in {folder}, go on with --out {folder}"

    with one_line_errors(ValueError, OSError, stopped=stopped):
        from metabot.cli.progress import steps_shown
        from metabot.harness.alone import alone_in
        from metabot.harness.evaluation import LONG, EvaluationConfig
        from metabot.harness.evaluation import evaluate as run
        from metabot.harness.measure.cross import draw
        from metabot.harness.show import plot
        from metabot.provenance import made_by, write_report

        config = EvaluationConfig(
            methods=tuple(dict.fromkeys(names)),
            family=family,
            robots=robots,
            seeds=seeds,
            env_steps=env_steps,
            tasks=tasks,
            trials=trials,
            train_tasks=train_tasks,
            train_episodes=train_episodes,
            scratch_episodes=LONG if scratch else (),
            settings=settings_by_method(names, read_settings(settings)),
            spec=scene,
            rivals=rivals,  # type: ignore[arg-type]  # refused there, in one line
        )
        for path in filter(None, (folder / "evaluation.json", json)):
            check_file("json" if path is json else "out", path, is_report, "figures of metabot's")
        pictures = ["evaluation.png", *(f"cross-{name}.png" for name in names)]
        for name in pictures:
            check_file("out", folder / name, is_plot, "picture of metabot's")
        with alone_in(folder), steps_shown() as told:
            result = run(config, folder, threads, told)
        report = {**made_by(), **result.as_dict()}
        for path in filter(None, (folder / "evaluation.json", json)):
            write_report(path, report)
        plot(result, folder / "evaluation.png")
        for method, found in result.cross.items():
            draw(found["seeds"][0], f"{family}: adapted by {method}", folder / f"cross-{method}.png")
        _print(result)
        drawn = ", ".join(name for name in pictures if (folder / name).exists())
        typer.echo(f"table, curves and figures: {folder}/evaluation.json, {drawn}")


def _print(result: Evaluation) -> None:
    from metabot.cli.tables import show
    from metabot.harness.show import scratch_table, table

    for each in (table(result), scratch_table(result)):
        if each is not None:
            show(each)


def _show(stored: Path, out: Path | None) -> None:
    """Print the table of a stored evaluation, and draw its curves into a folder if there is one."""
    with one_line_errors(ValueError, OSError):
        from metabot.harness.evaluation import Evaluation
        from metabot.harness.show import plot

        try:
            found = json_module.loads(stored.read_text())
            result = Evaluation.from_dict(found)
        except ValueError as error:
            raise ValueError(f"show: {stored}: {error}") from None
        _print(result)
        typer.echo(" · ".join(str(found[key]) for key in ("date", "machine", "command") if key in found))
        if out is not None:
            check_file("out", out / f"{stored.stem}.png", is_plot, "picture of metabot's")
            plot(result, out / f"{stored.stem}.png")
            typer.echo(f"curves: {out / stored.stem}.png")


def settings_by_method(names: list[str], settings: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Settings of each method: `method.name` for one, `name` for all."""
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in settings.items():
        method, dot, field = key.rpartition(".")
        method = method.replace("_", "-")
        if dot and method not in found:
            raise ValueError(f"set: {method!r} is not evaluated; allowed: {', '.join(found)}")
        for name in [method] if dot else found:
            found[name][field] = value
    return found

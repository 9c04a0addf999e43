"""`metabot sim`: what there is to simulate, whether it is solvable, and how it looks."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabot.cli.adaptation import adaptation
from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, check_folder, is_report
from metabot.cli.policies import AdaptOption, PolicyOption, drivers
from metabot.cli.view import view

if TYPE_CHECKING:
    from rich.table import Table

    from metabot_sim.check import Row
    from metabot_sim.convergence import Convergence
    from metabot_sim.families.base import Family

sim = typer.Typer(help="List, check and film the simulated task families.", no_args_is_help=True)
sim.command()(view)
sim.command()(adaptation)

Robots = Annotated[int | None, typer.Option(help="How many robots; the family's usual number by default.")]
Split = Annotated[str, typer.Option(help="Which tasks: train, validation, test or held-out.")]


@sim.command("list")
def list_families(json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Show the families: who plays, what is to be done, what is hidden from the robots."""
    from metabot_sim.families.registry import available, family

    families = [family(name) for name in available()]
    if json:
        typer.echo(json_module.dumps([_described(each) for each in families], indent=2))
        return
    from rich.table import Table

    from metabot.cli.tables import show

    table = Table(title="task families", title_justify="left")
    for heading in ("family", "mode", "robots", "what is to be done", "hidden dynamics"):
        table.add_column(heading)
    for each in families:
        fewest, usual, most = each.robots
        robots = f"{fewest}" if fewest == most else f"{fewest} to {most} ({usual})"
        table.add_row(each.name, each.mode, robots, each.summary, ", ".join(each.dynamics))
    show(table, prose=True)


def _described(family: Family) -> dict[str, Any]:
    fewest, usual, most = family.robots
    return {
        "family": family.name,
        "mode": family.mode,
        "robots": {"fewest": fewest, "usual": usual, "most": most},
        "summary": family.summary,
        "dynamics": {name: interval.model_dump() for name, interval in family.dynamics.items()},
        "held_out": {name: interval.model_dump() for name, interval in family.held_out.items()},
    }


@sim.command()
def check(
    families: Annotated[list[str] | None, typer.Argument(help="Which families.", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="All families.")] = False,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes for each policy and split.")] = 256,
    robots: Robots = None,
    threads: Annotated[int, typer.Option(min=1, help="Simulation threads; results do not depend on them.")] = 1,
    seed: Annotated[int, typer.Option(help="Of tasks, places and random commands.")] = 0,
    convergence: Annotated[
        bool, typer.Option(help="Also hold every kind of robot against itself at steps of 1 ms.")
    ] = True,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the rows to this file; of other families its own stay."),
    ] = None,
) -> None:
    """Play every split with the expert, with random commands and with none; and ask whether the time step matters.

    Exits with 0 if the expert succeeds in at least 95 % of the episodes of each split, and the
    others in at most 5 %, and if the pose after 4 s of random commands is near that with steps of
    1 ms (95th percentile: cars 5 cm and 0.1 rad, arms 2 cm and 0.1 rad; other kinds are measured
    only); with 1 if not. Where teams play against each other, the first robot's team plays so,
    against random opponents.
    """
    rows: list[Row] = []
    steps: list[Convergence] = []
    left_out: list[str] = []

    def stopped() -> str:
        _report(rows, steps, left_out, json)
        return f"stopped; {len(rows)} rows were done"

    with one_line_errors(ValueError, OSError, stopped=stopped):
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from metabot.task import SpecError
        from metabot_sim.check import check_family
        from metabot_sim.convergence import check_convergence
        from metabot_sim.families.base import SPLITS
        from metabot_sim.families.registry import available, family
        from metabot_sim.policies import POLICIES

        if json is not None:
            check_file("json", json, is_report, "figures of metabot's")
            _stored(json)
        if every == bool(families):
            raise ValueError(f"families: name some, or give --all; allowed: {', '.join(available())}")
        names = []
        for name in available() if every else families or ():
            try:
                # Found out now, and not after minutes of simulation.
                family(name).spec(robots)
                names.append(name)
            except SpecError as problem:
                if not every:
                    raise
                left_out.append(f"left out: {problem}")
        columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("", total=len(names) * (len(SPLITS) * len(POLICIES) + convergence))

            def told(what: str) -> None:
                progress.update(bar, description=what, completed=min(told_of[0], progress.tasks[0].total or 0))
                told_of[0] += 1

            told_of = [0]
            for name in names:
                for row in check_family(name, robots=robots, episodes=episodes, threads=threads, seed=seed, told=told):
                    rows.append(row)
                    mark = "PASS" if row.passed else "FAIL"
                    progress.console.print(f"{mark} {row.family} {row.split}: expert {row.expert:.1%}", highlight=False)
                if convergence:
                    told(f"{name}: steps of 1 ms")
                    steps += check_convergence(name, threads=threads, seed=seed)
        _report(rows, steps, left_out, json)
    if not _passed(rows, steps):
        raise typer.Exit(1)


def _report(rows: list[Row], steps: list[Convergence], left_out: list[str], json: Path | None) -> None:
    from rich.table import Table

    from metabot.cli.tables import show

    table = Table(title="share of episodes that succeed", title_justify="left")
    for heading in ("family", "split", "robots", "expert", "random", "idle", "diverged", "bars"):
        table.add_column(heading, justify="left" if heading in ("family", "split") else "right", no_wrap=True)
    for row in rows:
        shares = (f"{share:.1%}" for share in (row.expert, row.random, row.idle))
        bars = "[green]PASS" if row.passed else "[red]FAIL"
        table.add_row(row.family, row.split, str(row.robots), *shares, str(row.diverged), bars)
    show(table)
    if steps:
        show(_steps_table(steps))
    for line in left_out:
        typer.echo(line)
    if json is not None:
        from metabot.provenance import made_by, write_report
        from metabot_sim.check import EXPERT_AT_LEAST, OTHERS_AT_MOST

        held, done = _stored(json), {row.family for row in rows}
        table_rows = _with_others(held.get("rows", []), [row.as_dict() for row in rows], done)
        step_rows = _with_others(held.get("convergence", []), [row.as_dict() for row in steps], done)
        report = {
            **made_by(),
            "bars": {"expert_at_least": EXPERT_AT_LEAST, "others_at_most": OTHERS_AT_MOST},
            "passed": all(row["passed"] for row in (*table_rows, *step_rows)),
            "left_out": left_out,
            "rows": table_rows,
            "convergence": step_rows,
        }
        write_report(json, report)


def _stored(json: Path) -> dict[str, Any]:
    """What the file holds of a check before; nothing where there is none.

    Raises:
        ValueError: if it holds another report; one line.
    """
    from metabot.harness.measure.stored import load_rows

    return load_rows(json, ("family", "split", "expert"), "check of families") if json.exists() else {}


def _with_others(held: list[dict[str, Any]], mine: list[dict[str, Any]], done: set[str]) -> list[dict[str, Any]]:
    """Rows of the families that were checked with those held of others, each family in the place that it had."""
    order = [row["family"] for row in held]
    kept = [row for row in held if row["family"] not in done]
    return sorted([*kept, *mine], key=lambda row: order.index(row["family"]) if row["family"] in order else len(order))


def _passed(rows: list[Row], steps: list[Convergence]) -> bool:
    return bool(rows) and all(row.passed for row in rows) and all(step.passed for step in steps)


def _steps_table(steps: list[Convergence]) -> Table:
    from rich.table import Table

    table = Table(title="poses after 4 s against steps of 1 ms: median, 95th percentile", title_justify="left")
    for heading in ("family", "robot", "steps/s", "cm", "rad", "bars"):
        table.add_column(heading, justify="left" if heading in ("family", "robot") else "right", no_wrap=True)
    for row in steps:
        place = ", ".join(f"{100 * value:.1f}" for value in row.position_m)
        turn = ", ".join(f"{value:.3f}" for value in row.yaw_rad) if row.yaw_rad else "–"
        bars = "[green]PASS" if row.passed else "[red]FAIL"
        table.add_row(row.family, row.kind, str(row.simulation_hz), place, turn, bars if row.barred else "–")
    return table


@sim.command()
def video(
    family: Annotated[str, typer.Argument(help="Which family.")],
    policy: PolicyOption = "expert",
    adapt: AdaptOption = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Video to write: a file ending in .mp4 or .gif.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Still of the middle of the episode: a .png file.")
    ] = None,
    robots: Robots = None,
    split: Split = "train",
    task: Annotated[int | None, typer.Option(help="Number of the task; one is drawn by default.")] = None,
    seed: Annotated[int, typer.Option(help="Of task, places and random commands.")] = 0,
    width: Annotated[int, typer.Option(help="In pixels, even.")] = 640,
    height: Annotated[int, typer.Option(help="In pixels, even.")] = 480,
) -> None:
    """Film one episode, or make a picture of it."""
    # Its import does not bring MuJoCo in, which looks for OpenGL only once.
    from metabot_sim.offscreen import RenderError, choose

    with one_line_errors(ValueError, OSError, RenderError):
        if out is None and picture is None:
            raise ValueError("out: give --out FILE.mp4, --picture FILE.png, or both")
        choose()
        from metabot_sim.film import Film, is_ours

        for option, path in (("out", out), ("picture", picture)):
            if path is not None:
                check_file(option, path, is_ours, "film or picture of metabot's")
        name, others, trained_with = drivers(family, policy, adapt, seed)
        film = Film(
            family,
            name,
            robots=trained_with if robots is None else robots,
            split=split,  # type: ignore[arg-type]
            task=task,
            seed=seed,
            drivers=others,
        )
        film.write(out, picture, width, height)
        ending = "success" if film.success else "no success"
        typer.echo(f"{' and '.join(str(each) for each in (out, picture) if each)}: {family}, {name}, {ending}")


@sim.command()
def pages(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder to write to.")] = Path("docs/families"),
    checked: Annotated[Path | None, typer.Option(help="What `check --json` wrote, for the measured success.")] = None,
    measure: Annotated[
        Path | None, typer.Option("--adaptation", help="What `adaptation --json` wrote: what adapting is worth.")
    ] = None,
    board: Annotated[Path | None, typer.Option(help="What `metabot board` wrote: which methods master it.")] = None,
    learners: Annotated[
        Path | None, typer.Option(help="What `metabot bench learners --json` wrote: who masters one task.")
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Make the pictures too; that needs an off-screen OpenGL.")] = False,
) -> None:
    """Write the page of every family from its code and from stored measures."""
    from metabot_sim.offscreen import RenderError, choose

    with one_line_errors(ValueError, OSError, RenderError):
        if pictures:
            choose()
        from metabot_sim.pages import index, picture_name, write

        check_folder("out", out)
        _refuse_foreign(out, index())
        files = write(out, checked, _measures(measure, board, learners))
        if pictures:
            from metabot_sim.families.registry import available
            from metabot_sim.film import Film

            for family in available():
                Film(family, "expert").write(None, out / "pictures" / picture_name(family), 640, 480)
        typer.echo(f"{len(files)} pages in {out}")


def _measures(adaptation: Path | None, board: Path | None, learners: Path | None) -> Callable[[str], list[str]]:
    """Lines of a family's page from stored measures."""
    if adaptation is None and board is None and learners is None:
        return lambda name: []
    from metabot.harness.board.cells import load as load_board
    from metabot.harness.family_pages import sections
    from metabot.harness.measure.stored import load, load_rows

    found = (
        None if adaptation is None else load(adaptation),
        None if board is None else load_board(board),
        None
        if learners is None
        else load_rows(learners, ("family", "learner", "success", "steps_to_master"), "result of bench learners"),
    )
    return lambda name: sections(name, *found)


def _refuse_foreign(folder: Path, index: str) -> None:
    """Refuse a folder whose index is somebody else's, or in which pages would replace files beside none."""
    from metabot_sim.families.registry import available
    from metabot_sim.pages import page_name

    readme = folder / "README.md"
    if readme.is_file() and readme.read_text(errors="replace").startswith(index[: index.index("|")]):
        return
    for path in (readme, *(folder / page_name(name) for name in available())):
        if path.exists():
            raise ValueError(f"out: {path} is there already and is no page of metabot's; allowed: a folder without it")

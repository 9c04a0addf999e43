"""`metabot board`: methods of several kinds on several problems, beside what does not adapt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, is_plot, is_report
from metabot.cli.tables import show as show_table


def board(
    problem: Annotated[list[str] | None, typer.Option(help="Problem; repeat for more. All by default.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Meta-learner; repeat for more. All by default.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of every cell.")] = 5,
    json: Annotated[
        Path, typer.Option(metavar="FILE", help="Holds the cells: what is there already is not made again.")
    ] = Path("runs/board/board.json"),
    show: Annotated[Path | None, typer.Option(metavar="FILE", help="Make nothing: print what --json wrote.")] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw the board, as PNG.")] = None,
    split: Annotated[str, typer.Option(help="Tasks that are shown: test or held-out.")] = "held-out",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Cells made at a time. As many as there are cores by default.")
    ] = None,
) -> None:
    """Train every method on every problem with every seed, and show success after adaptation in one picture.

    Each finished cell is kept in --json at once: the same command goes on where it was stopped.
    """

    def stopped() -> str:
        return f"stopped; finished cells are kept in {json}, go on with the same command"

    with one_line_errors(ValueError, OSError, stopped=stopped if show is None else lambda: "stopped"):
        if split not in ("test", "held-out"):
            raise ValueError(f"split: no {split!r}; allowed: test, held-out")
        if picture is not None:
            check_file("picture", picture, is_plot, "picture of metabot's")
        from metabot.harness.board import show as shown
        from metabot.harness.board.cells import load

        report = load(show) if show is not None else _made(problem, method, seeds, json, jobs)
        found = shown.board(report, split)
        show_table(shown.table(found, split))
        if show is not None:
            typer.echo(" · ".join(str(report[key]) for key in ("date", "machine", "command") if key in report))
        if picture is not None:
            shown.draw(found, split, picture)


def _made(
    problem: list[str] | None, method: list[str] | None, seeds: int, json: Path, jobs: int | None
) -> dict[str, Any]:
    from metabot.cli.progress import steps_shown
    from metabot.harness.alone import alone_in
    from metabot.harness.board.cells import BoardConfig, make_board
    from metabot.harness.board.recipes import METHODS, PROBLEMS
    from metabot.processes import cores

    check_file("json", json, is_report, "figures of metabot's")
    config = BoardConfig(
        problems=tuple(dict.fromkeys(problem or PROBLEMS)), methods=tuple(dict.fromkeys(method or METHODS)), seeds=seeds
    )
    json.parent.mkdir(parents=True, exist_ok=True)
    with alone_in(json.parent), steps_shown() as told:
        return make_board(config, json, jobs or cores(), told)

"""`metabot demos`: expert demonstrations in a format that other libraries read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_folder
from metabot.cli.sim import Robots, Split

if TYPE_CHECKING:
    from metabot_sim.demonstrations import Written


def demos(
    family: Annotated[str, typer.Argument(help="Which family; see `metabot sim list`.")],
    episodes: Annotated[int, typer.Option(min=1, help="Episodes to write.")] = 100,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of datasets.")] = Path("runs/demos"),
    robots: Robots = None,
    split: Split = "train",
    seed: Annotated[int, typer.Option(help="Of tasks and places.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Simulation threads; results do not depend on them.")] = 1,
    keep_failures: Annotated[
        bool, typer.Option("--keep-failures", help="Write episodes without success, too.")
    ] = False,
) -> None:
    """Write demonstrations of an expert that knows the hidden dynamics, as a Minari dataset.

    Needs the extra `demos`. Ctrl-C keeps the episodes that were written.
    """
    done: Written | None = None

    def stopped() -> str:
        return f"stopped; {done.episodes} episodes are in {done.path}" if done else "stopped; nothing was written"

    with one_line_errors(ValueError, OSError, ImportError, stopped=stopped):
        check_folder("out", out)
        from rich.console import Console
        from rich.progress import Progress

        from metabot_sim.demonstrations import write

        jobs = write(
            family,
            episodes,
            out,
            robots=robots,
            split=split,  # type: ignore[arg-type]
            seed=seed,
            threads=threads,
            keep_failures=keep_failures,
        )
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(f"{family} {split}", total=episodes)
            for done in jobs:
                progress.update(bar, completed=done.episodes)
        assert done is not None
        typer.echo(f"{done.episodes} episodes, {done.steps} steps, of {done.played} played: {done.path}")
        typer.echo(f"read them: minari.load_dataset({done.dataset_id!r}) with MINARI_DATASETS_PATH={out}")

"""The bar that long commands show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Told(Protocol):
    """Told how far a job is."""

    def __call__(self, what: str, fraction: float, detail: str = "") -> None:
        """Take what is being done, the share done of the whole job (0..1) and a detail."""


def bar(console: Console) -> Progress:
    """What is done, how far it is, how long it took and takes, and a detail; nothing where there is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[detail]}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


@contextmanager
def steps_shown() -> Iterator[Told]:
    """Show on standard error how far a job of many steps is: a bar, or without a terminal a line for every step."""
    console = Console(stderr=True, highlight=False)
    last = ""
    with bar(console) as progress:
        line = progress.add_task("", total=1.0, detail="")

        def told(what: str, fraction: float, detail: str = "") -> None:
            nonlocal last
            progress.update(line, description=what, completed=fraction, detail=detail)
            if what != last and not console.is_terminal:
                console.print(what)
            last = what

        yield told

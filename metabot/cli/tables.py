"""Tables that lose nothing: neither in a narrow terminal nor in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text


def show(table: Table, *, prose: bool = False, console: Console | None = None) -> None:
    """Print a table with whole lines.

    Into a file or a pipe every row is one line, as long as it has to be. So it is in a terminal, which
    breaks what is too long for it; but where cells are prose and a row does not fit, each row becomes a
    paragraph.

    Args:
        table: what to print.
        prose: whether cells are sentences.
        console: where to; standard output by default.
    """
    console = console or Console(highlight=False)
    options = console.options.update(max_width=_ANY)
    width = max(Measurement.get(console, options, table).maximum, *map(_length, (table.title, table.caption)))
    if prose and console.is_terminal and width > console.width:
        _paragraphs(table, console)
        return
    # Room for whole rows, whatever the width of what shows them.
    console.width = max(width, console.width if console.is_terminal else 1)
    console.print(table)


def _length(text: object) -> int:
    return Text.from_markup(str(text or "")).cell_len


def _paragraphs(table: Table, console: Console) -> None:
    console.print(f"[bold]{table.title}")
    for row in zip(*(column.cells for column in table.columns), strict=True):
        (_, name), *rest = zip(table.columns, row, strict=True)
        console.print(f"\n[bold]{name}", soft_wrap=True)
        for column, cell in rest:
            console.print(Padding(Text.from_markup(f"{column.header}: {cell}"), (0, 0, 0, 2)))


_ANY = 100_000

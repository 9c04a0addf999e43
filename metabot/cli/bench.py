"""`metabot bench`: run a benchmark of the repository's ``benchmarks/`` folder."""

from __future__ import annotations

import importlib.util
import json as json_module
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from metabot.cli.errors import one_line_errors
from metabot.cli.outputs import check_file, is_report

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which benchmark; leave it out to list them.", show_default=False)] = "",
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the rows to this file.")] = None,
    show: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Run nothing: print the table of what --json wrote.")
    ] = None,
) -> None:
    """Measure metabot beside its peer in one run, and report ratios.

    Options of one benchmark come after its name; the list of benchmarks names them.
    """
    with one_line_errors(ValueError, OSError):
        if show is not None:
            _show(_stored(show))
            return
        names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
        if not name:
            from metabot.cli.options import usage

            for each in names:
                typer.echo(f"{each} {usage(load(each).run)}".strip())
            return
        if name not in names:
            raise ValueError(f"name: no benchmark {name!r}; allowed: {', '.join(names) or 'none is installed'}")
        if json is not None:
            check_file("json", json, is_report, "figures of metabot's")
        report = _measure(name, context.args)
        _show(report)
        if json is not None:
            from metabot.provenance import write_report

            write_report(json, report)


def make_importable() -> None:
    """Let ``import benchmarks.x`` find the folder, in this process; in a worker too, as its initialiser."""
    package = ModuleType("benchmarks")
    package.__path__ = [str(BENCHMARKS)]
    sys.modules.setdefault("benchmarks", package)


def load(name: str) -> ModuleType:
    """The module of a benchmark."""
    make_importable()
    spec = importlib.util.spec_from_file_location(f"benchmarks.{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def _measure(name: str, words: list[str]) -> dict[str, Any]:
    from metabot.cli.options import read
    from metabot.provenance import made_by

    module = load(name)
    options = read(name, module.run, words)
    started = time.monotonic()
    rows = module.run(**options)
    return {
        "name": name,
        **made_by(),
        "command": " ".join(["metabot bench", name, *words]),
        "seconds": round(time.monotonic() - started, 1),
        "rows": rows,
    }


def _stored(path: Path) -> dict[str, Any]:
    """A report that was written.

    Raises:
        ValueError: if the file holds none; one line.
    """
    try:
        report: dict[str, Any] = json_module.loads(path.read_text())
        if not {"name", "machine", "rows"} <= report.keys():
            raise ValueError("it has no name, machine or rows")
    except (ValueError, AttributeError) as error:
        raise ValueError(f"show: {path} is no result of a benchmark: {error}") from None
    return report


def _show(report: dict[str, Any]) -> None:
    from rich.table import Table

    from metabot.cli.tables import show

    table = Table(title=f"{report['name']} on {report['machine']}", title_justify="left")
    for heading in ("case", "value", "peer", "ratio"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for row in report["rows"]:
        unit = row["unit"]
        value = f"{row['value']:,}" + (f" ± {row['spread']:,}" if row.get("spread") is not None else "")
        peer = "" if row["peer"] is None else f"{row['peer']:,} {unit}"
        table.add_row(row["case"], f"{value} {unit}", peer, "" if row["ratio"] is None else f"{row['ratio']}")
    show(table)
    typer.echo(" · ".join(str(report[key]) for key in ("date", "command") if key in report))

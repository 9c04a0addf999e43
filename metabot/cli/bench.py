"""`metabot bench`: run a benchmark of the repository's ``benchmarks/`` folder."""

from __future__ import annotations

import importlib.util
import json as json_module
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from metabot.cli.errors import one_line_errors

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; leave it out to list them.", show_default=False)] = "",
    json: Annotated[Path | None, typer.Option(help="Also write the rows to this file.")] = None,
    envpool_python: Annotated[
        Path | None, typer.Option(help="For `sim`: interpreter of an environment with EnvPool, to measure it too.")
    ] = None,
) -> None:
    """Measure metabot beside its peer in one run, and report ratios."""
    with one_line_errors(ValueError, OSError):
        names = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
        if not name:
            typer.echo("\n".join(names))
            return
        if name not in names:
            raise ValueError(f"name: no benchmark {name!r}; allowed: {', '.join(names) or 'none is installed'}")
        report = _measure(name, {} if envpool_python is None else {"envpool_python": envpool_python})
        _show(report)
        if json is not None:
            from metabot.params.atomic import atomic_file

            with atomic_file(json) as file:
                file.write((json_module.dumps(report, indent=2) + "\n").encode())


def _measure(name: str, options: dict[str, Any]) -> dict[str, Any]:
    import inspect

    from metabot.provenance import machine, versions

    spec = importlib.util.spec_from_file_location(f"benchmarks.{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for option in options.keys() - inspect.signature(module.run).parameters.keys():
        raise ValueError(f"{option.replace('_', '-')}: the benchmark {name!r} has no use for it")
    return {
        "name": name,
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
        "rows": module.run(**options),
    }


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{report['name']} on {report['machine']}", title_justify="left")
    for heading in ("case", "value", "peer", "ratio"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for row in report["rows"]:
        unit = row["unit"]
        peer = "" if row["peer"] is None else f"{row['peer']:,} {unit}"
        table.add_row(row["case"], f"{row['value']:,} {unit}", peer, "" if row["ratio"] is None else f"{row['ratio']}")
    Console().print(table)

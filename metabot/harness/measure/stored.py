"""Stored measures: read again, and said in a line beside a problem's figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NEVER = "what there is to adapt to was never measured"
OTHER = "what there is to adapt to was measured with another version of its dynamics"


def load(path: Path) -> dict[str, Any]:
    """What `metabot sim adaptation --json` wrote; see `load_rows`."""
    return load_rows(path, ("problem", "fingerprint", "config"), "measure of adaptation")


def load_rows(path: Path, fields: Sequence[str], what: str) -> dict[str, Any]:
    """A report whose ``rows`` all have certain fields.

    Args:
        path: the file.
        fields: of every row.
        what: the report is, in words.

    Raises:
        ValueError: if it is something else; one line.
        OSError: if it cannot be read.
    """
    try:
        found = json.loads(path.read_text())
        if not all(set(fields) <= row.keys() for row in found["rows"]):
            raise ValueError(f"a row lacks {', '.join(fields[:-1])} or {fields[-1]}")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: no {what}: {error}") from None
    return dict(found)


def row_of(name: str, rows: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What was measured of a problem, of what `load` gave; None where nothing was."""
    return next((each for each in (rows or {}).get("rows", ()) if each["problem"] == name), None)


def measured(name: str, rows: Mapping[str, Any] | None) -> str:
    """In one line what is known of how much there is to adapt to, to be shown wherever a problem's figures are.

    Args:
        name: the problem's.
        rows: what `load` gave; None where nothing is stored.

    Raises:
        ValueError: if there is no such problem; one line.
    """
    # Simulators are imported where they are needed: stored figures are shown without them.
    from metabot.harness.measure.fingerprint import fingerprint
    from metabot.problems import make_problem

    row, problem = row_of(name, rows), make_problem(name)
    if row is None:
        return f"{name}: {NEVER} (metabot sim adaptation {name})"
    if row["fingerprint"] != fingerprint(problem):
        return f"{name}: {OTHER} (metabot sim adaptation {name})"
    return f"{name}: {figures(row)}"


def figures(row: Mapping[str, Any]) -> str:
    """The figures of a row in one line."""
    words = []
    if "cover" in row:
        words.append(f"cover number {number(row['cover'])}")
    if "cross" in row:
        cross = row["cross"]
        words.append(
            f"adapted to another task {cross['off']['mean']:.0%}, to its own {cross['diagonal']['mean']:.0%}"
            f" ({cross['method']})"
        )
    if "unadapted" in row:
        best = row["unadapted"]["best"]
        words.append(f"best without adaptation {best['success']:.0%} ({best['name']})")
    if "variables" in row:
        idle = row["variables"]["costs_nobody"]
        words += [f"{', '.join(idle)} cost{'s' * (len(idle) == 1)} nobody"] if idle else []
    return "; ".join(words)


def number(cover: Mapping[str, Any]) -> str:
    """A cover number with its interval; "over" where not even all candidates suffice, or each masters its own alone."""
    found = cover["number"]
    interval = "" if found["low"] == found["high"] else f" ({found['low']:.0f} to {found['high']:.0f})"
    return f"{'over ' if cover['at_least'] else ''}{found['iqm']:.0f}{interval}"

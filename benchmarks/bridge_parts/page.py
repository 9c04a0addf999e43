"""The table of what works where, as a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.bridge_parts.cells import PARTS

_YES = "●"

_OTHERS = {
    "end_to_end": ("Learned policies over topics", "in the simulation alone"),
    "fleet": ("Speed of a fleet", "at commit 4434c43"),
}
"""Headings of other benchmarks' results, and what their peer is."""


def page(report: Mapping[str, Any], kinds: Mapping[str, str], also: Sequence[Mapping[str, Any]] = ()) -> str:
    """Markdown: methods down, problems across; problems and methods of which the same is true stand together.

    Args:
        report: what `metabot bench bridge --json` wrote.
        kinds: family of methods, by method.
        also: results of other benchmarks, which are shown below.
    """
    cells = {(row["family"], row["method"]): row for row in report["rows"] if "method" in row}
    families = list(dict.fromkeys(family for family, _ in cells))
    methods = sorted(dict.fromkeys(method for _, method in cells), key=lambda each: (kinds.get(each, ""), each))
    notes: dict[str, int] = {}
    shown = {key: _cell(row, notes) for key, row in cells.items()}
    columns = _alike(families, lambda family: tuple(shown.get((family, method), "") for method in methods))
    rows = _alike(methods, lambda method: tuple(shown.get((family, method), "") for family in families))
    lines = [
        "# What runs where",
        "",
        "For every method and every problem of the simulation, each dot one of four things that",
        f"`{report['command']}` does for real, with the shortest budget: **train** (an update of `metabot train`),",
        "**fleet** (a robot's share of a round, taken by the meta-learner), **export** (a proved ONNX file of a policy",
        "that has adapted to the world's task), **drive** (the file moves every robot of a world through topics).",
        "A number in the place of a dot leads to the reason. Nobody is good after so short a training: how good",
        "methods become is [measured elsewhere](../explanation/architecture.md#adaptation-has-to-be-earned).",
        "",
    ]
    heads = [f"{chr(ord('A') + number)}" for number in range(len(columns))]
    lines += [f"- **{head}**: {', '.join(column)}" for head, column in zip(heads, columns, strict=True)]
    lines += [
        "",
        f"| kind | method | {' | '.join(heads)} |",
        "|---|---|" + "---|" * len(columns),
    ]
    for row in rows:
        for kind in dict.fromkeys(kinds.get(method, "") for method in row):
            names = ", ".join(method for method in row if kinds.get(method, "") == kind)
            said = " | ".join(shown.get((column[0], row[0]), "") for column in columns)
            lines.append(f"| {kind} | {names} | {said} |")
    if any(not shown.get((column[0], row[0])) for row in rows for column in columns):
        lines += ["", "An empty place was not tried in the run that this page was made from."]
    if notes:
        lines += ["", f"In the order {', '.join(PARTS)}. Reasons:", ""]
        lines += [f"{number}. {why}" for why, number in notes.items()]
    lines += ["", *_experts(report), *_exports(cells)]
    lines += [f"On {report['machine']}, {report['date']}.", ""]
    for other in also:
        lines += _other(other)
    return "\n".join(lines)


def _cell(row: Mapping[str, Any], notes: dict[str, int]) -> str:
    marks = []
    for part in PARTS:
        why = row[part]
        marks.append(_YES if not why else str(notes.setdefault(_general(why, row), len(notes) + 1)))
    return " ".join(marks)


def _general(why: str, row: Mapping[str, Any]) -> str:
    """The reason without the problem's and the method's own names, so that equal ones are one."""
    why = why.replace(row["family"], "this problem").replace(row["method"], "this method")
    return re.sub(r"^robots: \d+ act", "robots: several act", why)


def _alike(names: Sequence[str], of: Any) -> list[list[str]]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        groups.setdefault(of(name), []).append(name)
    return list(groups.values())


def _experts(report: Mapping[str, Any]) -> list[str]:
    rows = [row for row in report["rows"] if "worlds" in row]
    if not rows:
        return []
    return [
        "## The scripted expert over topics",
        "",
        "An expert that sees the world as it is commands every robot through its topics. Who did its part, of the",
        "robots of all worlds; where teams compete, worlds that one of them won (between equals there are draws):",
        "",
        "| problem | robots | worlds | did their part |",
        "|---|---|---|---|",
        *(f"| {row['family']} | {row['robots']} | {row['worlds']} | {row['value']:.0f} % |" for row in rows),
        "",
    ]


def _other(report: Mapping[str, Any]) -> list[str]:
    """A result as it is: value, peer and their ratio."""
    heading, peer = _OTHERS.get(report["name"], (report["name"], "peer"))
    rows = []
    for row in report["rows"]:
        value, beside = (
            "–" if row[name] is None else f"{row[name]:g} {row['unit']}".strip() for name in ("value", "peer")
        )
        rows.append(f"| {row['case']} | {value} | {beside} | {'–' if row['ratio'] is None else row['ratio']} |")
    return [
        f"## {heading}",
        "",
        f"    {report['command']}",
        "",
        f"| | value | {peer} | ratio |",
        "|---|---|---|---|",
        *rows,
        "",
        f"On {report['machine']}, {report['date']}.",
        "",
    ]


def _exports(cells: Mapping[Any, Mapping[str, Any]]) -> list[str]:
    took = [row["export_s"] for row in cells.values() if row["export_s"] is not None]
    apart = [row["parity_max_abs"] for row in cells.values() if row["parity_max_abs"] is not None]
    if not took:
        return []
    took.sort()
    return [
        "## Export",
        "",
        f"{len(took)} files: {took[len(took) // 2]:.1f} s in the middle, {took[-1]:.1f} s the slowest, a short"
        f" proof included; actions at most {max(apart):.1g} from PyTorch's.",
        "",
    ]

"""A stored measure as text that fits into 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from metabot.harness.measure.one_variable import telling
from metabot.harness.measure.stored import number

WIDTH = 80
_AS_ON_THE_BOARD = " (methods: as on the board)"
_KINDS = {
    "single": "policies for single tasks",
    "groups": "for groups of tasks",
    "told": "of one that was told the task",
    "all": "all of them",
}


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The figures of all problems, every line at most `WIDTH` long.

    Args:
        report: what `metabot.harness.measure.stored.load` gave.
    """
    for row in report["rows"]:
        config = row["config"]
        yield row["problem"]
        trained = _AS_ON_THE_BOARD if config.get("board_recipes") else ""
        yield from _wrapped(
            f"{config['seeds']} seed{'s' * (config['seeds'] > 1)}, {config['tasks']} tasks, {config['trials']} trials,"
            f" budget {config['env_steps']:,} steps{trained}, dynamics {row['fingerprint']},"
            f" {sum(row['seconds'].values()):.0f} s"
        )
        for part, told in _PARTS.items():
            if part in row:
                yield from told(row[part])
        yield ""


def _cover(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {'cover number':<40}{number(found):>12}   {found['bits']:.1f} bits"
    for name in found["seeds"][0]["covers"]:
        covers = [each["covers"][name] for each in found["seeds"]]
        numbers = "/".join(f"{'' if each['reached'] else '>'}{each['number']}" for each in covers)
        share = sum(each["covered"] for each in covers) / len(covers)
        label = _KINDS.get(name, f"policies adapted by {name}")
        yield f"    {label:<38}{numbers:>12}   {share:>4.0%} of tasks covered"
    yield f"  {'the best of these policies masters':<40}{found['best']:>12.0%}   of the tasks"
    if found["mastered"] < 1.0:
        yield f"  {'single-task policies that master theirs':<40}{found['mastered']:>12.0%}"


def _cross(found: Mapping[str, Any]) -> Iterator[str]:
    for key, label in (("diagonal", "adapted to the task it drives"), ("off", "adapted to another task")):
        value = found[key]
        spread = f"IQM {value['iqm']:.0%} ({value['low']:.0%} to {value['high']:.0%})"
        yield f"  {label:<40}{value['mean']:>12.0%}   {spread}"
    yield f"  {'the largest pair':<40}{found['largest']:>12.0%}"
    yield from _wrapped(
        f"adapted by {found['method']}, trained for {found['env_steps']:,} steps; the first seed:", "  "
    )
    first = found["seeds"][0]
    for index, (label, row) in enumerate(zip(first["tasks"], first["matrix"], strict=True)):
        cells = " ".join(f"{100 * value:3.0f}" for value in row)
        yield from _wrapped(f"{index + 1:>2} {cells}", "    ")
        yield from _wrapped(label, "       ")


def _unadapted(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {'without adaptation':<24}{'budget':>6}{'seeds':>6}{'mean':>7}{'IQM (95 %)':>18}{'steps':>10}{'s':>7}"
    yield from map(_contestant, found["rows"])
    if found["memory"]:
        yield "  with a memory: adapts within the episode; one training"
        yield from map(_contestant, found["memory"])


def _contestant(row: Mapping[str, Any]) -> str:
    value = row["success"]
    spread = f"{value['iqm']:.0%} ({value['low']:.0%}-{value['high']:.0%})"
    times = f"{row['times']} x"
    return (
        f"    {row['name']:<22}{times:>6}{row['seeds']:>6}{value['mean']:>7.0%}{spread:>18}"
        f"{row['env_steps']:>10,}{row['train_s']:>7.0f}"
    )


def _variables(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["rows"]:
        yield "  one variable at a time: tasks are places or ways, not hidden dynamics"
        return
    yield f"  {'drawn alone':<30}{'unadapted':>12}{'trained for it':>17}{'adapted':>12}"
    for name, row in found["rows"].items():
        cells = [f"{row[kind]['mean']:.0%}" if kind in row else "-" for kind in ("unadapted", "alone", "adapted")]
        yield f"    {name:<28}{cells[0]:>12}{cells[1]:>17}{cells[2]:>12}"
    yield from _wrapped(f"unadapted: {found['driver']}; adapted: {found['method']}")
    if not telling(found["rows"]):
        yield from _wrapped("costs nobody anything: not told, since with none drawn not everybody masters the task")
        return
    yield from _wrapped(f"costs nobody anything: {', '.join(found['costs_nobody']) or 'none of them'}")


_PARTS = {"cover": _cover, "cross": _cross, "unadapted": _unadapted, "variables": _variables}


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)

"""A stored measure as text that fits into 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from metabot.harness.measure.stored import number

WIDTH = 80
_KINDS = {"single": "policies for single tasks", "groups": "for groups of tasks", "all": "all of them"}


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """The figures of all problems, every line at most `WIDTH` long.

    Args:
        report: what `metabot.harness.measure.stored.load` gave.
    """
    for row in report["rows"]:
        config = row["config"]
        yield row["problem"]
        yield from _wrapped(
            f"{config['seeds']} seed{'s' * (config['seeds'] > 1)}, {config['tasks']} tasks, {config['trials']} trials,"
            f" budget {config['env_steps']:,} steps, dynamics {row['fingerprint']},"
            f" {sum(row['seconds'].values()):.0f} s"
        )
        for part, told in (("cover", _cover), ("cross", _cross)):
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


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)

"""Figures of a run in words: what the report says, apart from how it looks."""

from __future__ import annotations

import math
import shlex
from statistics import fmean

from metabot.demo.summary import RoundRecord, Summary

NONE = "–"


def percent(rate: float) -> str:
    """A rate of 0..1 in percent.

    Example:
        >>> percent(0.5), percent(0.984), percent(float("nan"))
        ('50 %', '98.4 %', '–')
    """
    if not math.isfinite(rate):
        return NONE
    text = f"{100 * rate:.1f}".removesuffix(".0")
    return f"{text} %"


def size(count: float) -> str:
    """Bytes for people."""
    if not math.isfinite(count):
        return NONE
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"


def figure(value: float, form: str, unit: str = "") -> str:
    """A number with its unit, or a dash if there is none."""
    return f"{format(value, form)} {unit}".rstrip() if math.isfinite(value) else NONE


def plural(count: int, noun: str) -> str:
    """``1 round``, ``2 rounds``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one_line(instruction: str) -> str:
    """An instruction without line breaks."""
    return " ".join(instruction.split())


def mean(rates: list[float]) -> float:
    """Mean of what is finite; NaN if nothing is."""
    finite = [rate for rate in rates if math.isfinite(rate)]
    return fmean(finite) if finite else math.nan


def verdict(summary: Summary) -> str:
    """The whole run in one sentence."""
    total = len(summary.task.robots)
    reached = f"{summary.fleet_reached} of {plural(total, 'robot')} reached {'its pad' if total == 1 else 'their pads'}"
    if not summary.robots:
        return f"{reached}; success with a fault was not measured"
    before = mean([robot.before for robot in summary.robots])
    after = mean([robot.after for robot in summary.robots])
    episodes = sorted({robot.adaptation_episodes for robot in summary.robots})
    count = plural(episodes[0], "episode") if len(episodes) == 1 else f"{episodes[0]} to {episodes[-1]} episodes"
    if not (math.isfinite(before) and math.isfinite(after)):
        return f"{reached}; success with a fault was not measured"
    if percent(before) == percent(after):
        return f"{reached}; success with a fault stayed at {percent(after)} after {count}"
    moved = "rose" if after > before else "fell"
    return f"{reached}; success with a fault {moved} from {percent(before)} to {percent(after)} after {count}"


def went_well(summary: Summary) -> bool:
    """Whether every robot reached its pad and adapted to its fault, without a forbidden contact."""
    adapted = bool(summary.robots) and all(robot.after >= 0.95 for robot in summary.robots)
    untouched = summary.task.success.contact == "allowed" or not any(robot.contacts for robot in summary.robots)
    return adapted and untouched and summary.fleet_reached == len(summary.task.robots)


def contacts(summary: Summary) -> str:
    """Whether robots touched each other, and whether they were allowed to."""
    touched = [robot.name for robot in summary.robots if robot.contacts]
    rule = " (contact was allowed)" if summary.task.success.contact == "allowed" else ""
    return f"{', '.join(touched)} touched another robot{rule}" if touched else f"no robot touched another{rule}"


def command(summary: Summary) -> str:
    """The shell command that repeats the run."""
    quoted = shlex.quote(summary.instruction)
    # A sentence that starts with a dash would be read as an option.
    if summary.instruction.startswith("-"):
        return f"metabot demo --seed {summary.seed} -- {quoted}"
    return f"metabot demo {quoted} --seed {summary.seed}"


def round_troubles(rounds: list[RoundRecord]) -> dict[int, str]:
    """By index of a round: which robots it went without and which updates it refused."""
    troubles = {}
    for index, record in enumerate(rounds):
        parts = []
        if record.missing:
            parts.append(f"went on without {', '.join(record.missing)}")
        if record.rejected:
            parts.append(f"refused {'; '.join(record.rejected)}")
        if parts:
            troubles[index] = "; ".join(parts)
    return troubles


def phases(summary: Summary) -> dict[str, float]:
    """Seconds by phase, and the rest of the run's time; what has no duration is left out."""
    named = {
        name.replace("_", " "): seconds
        for name, seconds in summary.phases_s.items()
        if math.isfinite(seconds) and seconds > 0
    }
    rest = summary.wall_s - sum(named.values())
    if named and rest > 0.02 * summary.wall_s:
        named["other"] = rest
    return named

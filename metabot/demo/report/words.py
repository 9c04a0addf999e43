"""Figures of a run in words: what the report says, apart from how it looks."""

from __future__ import annotations

import math
import shlex
from statistics import fmean

from metabot.demo.report.motion import brought
from metabot.demo.report.proportion import wilson
from metabot.demo.summary import RoundRecord, Summary
from metabot.task import RobotSpec, TaskSpec

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


def whole_percent(rate: float) -> str:
    """A rate of 0..1 in whole percent; what is not quite none or all is not rounded to it.

    Example:
        >>> whole_percent(0.0), whole_percent(0.004), whole_percent(0.984), whole_percent(0.998)
        ('0 %', '<1 %', '98 %', '>99 %')
    """
    if not math.isfinite(rate):
        return NONE
    if 0 < rate < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < rate < 1 else f"{100 * rate:.0f} %"


def spread(rate: float, trials: int) -> str:
    """The 95 % interval of a rate in whole percent, rounded outwards; empty if there is none.

    Example:
        >>> spread(1.0, 128), spread(0.0, 128), spread(float("nan"), 128)
        ('97–100 %', '0–3 %', '')
    """
    low, high = wilson(rate, trials)
    return f"{math.floor(100 * low)}–{math.ceil(100 * high)} %" if math.isfinite(low) else ""


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


def sent_to_pads(spec: TaskSpec) -> bool:
    """Whether every robot is sent to a pad itself, and carries nothing."""
    return not spec.objects and all(robot.goal for robot in spec.robots)


def did(spec: TaskSpec) -> str:
    """What robots that succeeded have done."""
    alone = len(spec.robots) == 1
    if sent_to_pads(spec):
        return "reached its pad" if alone else "reached their pads"
    return f"did {'its' if alone else 'their'} part"


def there(spec: TaskSpec) -> str:
    """The same, of a count."""
    if not sent_to_pads(spec):
        return "done"
    return "on its pad" if len(spec.robots) == 1 else "on their pads"


def errand(spec: TaskSpec, robot: RobotSpec) -> str:
    """What a robot is sent to do."""
    thing = brought(spec, robot.name)
    if thing is not None:
        return f"{robot.name}: {thing.shape} to the {robot.goal} pad"
    return f"{robot.name} to the {robot.color} pad" if robot.goal is not None else robot.name


def verdict(summary: Summary) -> str:
    """The whole run in one sentence."""
    total = len(summary.task.robots)
    reached = f"{summary.fleet_reached} of {plural(total, 'robot')} {did(summary.task)}"
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


def arrived(summary: Summary) -> str:
    """How many robots reached their pads after adaptation, and before it where that was tried."""
    total = len(summary.task.robots)
    reached = did(summary.task)
    after = f"{summary.fleet_reached} of {total}"
    if summary.unadapted is None:
        return f"{summary.fleet_reached} of {plural(total, 'robot')} {reached}{_within(summary.drive_s)}."
    before = f"{sum(summary.unadapted.reached)} of {plural(total, 'robot')} {reached}"
    return (
        f"Before adaptation {before}{_within(summary.unadapted.drive_s)}; after it {after}{_within(summary.drive_s)}."
    )


def _within(seconds: float) -> str:
    return f" in {seconds:.1f} s" if math.isfinite(seconds) and seconds > 0 else ""


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
    if summary.command:
        return summary.command
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

"""``report.html``: everything a run found in one page that needs no network and no script."""

from __future__ import annotations

import json
import math
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from metabot.demo.report import charts, faults, words
from metabot.demo.report.motion import Motion, arrival_s
from metabot.demo.report.topview import moving_view, top_view
from metabot.demo.report.view import color_hex
from metabot.demo.summary import MORE, RobotRecord, Summary
from metabot.meta.dagger_schedule import helped_by


@lru_cache
def _environment() -> Environment:
    # Autoescape for every template: the default goes by file names and leaves .j2 alone.
    environment = Environment(
        loader=PackageLoader("metabot.demo.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        percent=words.percent,
        whole_percent=words.whole_percent,
        heat=_heat,
        size=words.size,
        figure=words.figure,
        color=color_hex,
        width=_bar_width,
        one_line=words.one_line,
    )
    environment.globals.update(spread=words.spread, letter=faults.letter)
    return environment


def render(
    summary: Summary, motion: Motion, unadapted: Motion, video: str | None, animation: str | None, video_note: str
) -> str:
    """The page.

    Args:
        summary: the run.
        motion: what the fleet drove.
        unadapted: what it drove before it adapted; without samples where that was not tried.
        video: name of the video beside the page, or None.
        animation: name of the animated picture beside the page, or None.
        video_note: why there is no video.
    """
    troubles = words.round_troubles(summary.rounds)
    phases = words.phases(summary)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=summary,
            instruction=words.one_line(summary.instruction),
            verdict=words.verdict(summary),
            went_well=words.went_well(summary),
            contacts=words.contacts(summary),
            command=words.command(summary),
            more=MORE,
            columns=_columns(summary.robots),
            means=_means(summary.robots),
            faults=faults.lettered(summary),
            crossed=faults.crossed(summary.cross_matrix) if summary.cross_matrix is not None else "",
            compared=faults.compared(summary),
            arrived=words.arrived(summary),
            before=top_view(summary.task, unadapted, "paths-before", "before adaptation")
            if unadapted.samples
            else None,
            arrivals={robot.name: arrival_s(motion, summary.task, robot.name) for robot in summary.task.robots},
            troubles=troubles,
            curves=charts.success_curves(
                [record.success_before for record in summary.rounds],
                [record.success_after for record in summary.rounds],
                set(troubles),
            ),
            helped=any(helped_by(record.expert_share) for record in summary.rounds),
            bytes_bars=_bytes_bars(summary),
            seconds_bars=charts.round_bars(
                [record.wall_s for record in summary.rounds], "s", "Seconds each round took", "seconds"
            ),
            mean_round_s=words.mean([record.wall_s for record in summary.rounds]),
            missed_share=summary.control.missed_deadlines / summary.control.ticks
            if summary.control.ticks
            else math.nan,
            phases=phases,
            phase_bar=charts.phase_bar(phases) if phases else None,
            phase_classes=charts.PHASE_CLASSES,
            still=top_view(summary.task, motion),
            moving=moving_view(summary.task, motion),
            drive_s=motion.duration_s,
            video=video,
            animation=animation,
            video_note=video_note,
            task_json=json.dumps(summary.task.model_dump(mode="json"), indent=2, ensure_ascii=False),
        )
    )


def _columns(robots: list[RobotRecord]) -> list[tuple[str, str]]:
    """Fields of the robots' records that are success rates, and what their columns are called."""
    columns = [("before", "Before"), ("after", "After"), ("no_adaptation", "No adaptation")]
    # A quick run leaves the larger budget out.
    if any(math.isfinite(_rate(robot, "no_adaptation_more")) for robot in robots):
        columns.append(("no_adaptation_more", f"{MORE} × budget"))
    return [*columns, ("finetune", "Fine-tuning")]


def _rate(robot: RobotRecord, field: str) -> float:
    rate = getattr(robot, field)
    return math.nan if rate is None else rate


def _means(robots: list[RobotRecord]) -> dict[str, tuple[float, int]] | None:
    """By field of a success rate its mean and the number of trials that it is of; one robot needs none."""
    if len(robots) < 2:
        return None
    means = {}
    for field, _ in _columns(robots):
        known = [(rate, robot.trials) for robot in robots if math.isfinite(rate := _rate(robot, field))]
        means[field] = (words.mean([rate for rate, _ in known]), sum(trials for _, trials in known))
    return means


def _bytes_bars(summary: Summary) -> Markup:
    counts = [float(record.bytes) for record in summary.rounds]
    unit, factor = ("kB", 1e3) if max(counts, default=0.0) >= 1e3 else ("B", 1.0)
    return charts.round_bars([count / factor for count in counts], unit, "Bytes exchanged in each round", "bytes")


def _bar_width(rate: float) -> str:
    """A rate as a CSS width."""
    return f"{100 * min(max(rate, 0.0), 1.0):.1f}%" if math.isfinite(rate) else "0%"


def _heat(rate: float) -> str:
    """A rate as how much of the heat's colour covers a cell."""
    return f"{min(max(rate, 0.0), 1.0):.3g}" if math.isfinite(rate) else "0"

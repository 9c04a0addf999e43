"""``report.html``: everything a run found in one page that needs no network and no script."""

from __future__ import annotations

import json
import math
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from metabot.demo.report import charts, words
from metabot.demo.report.motion import Motion, arrival_s
from metabot.demo.report.topview import moving_view, top_view
from metabot.demo.report.view import color_hex
from metabot.demo.summary import RobotRecord, Summary


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
        size=words.size,
        figure=words.figure,
        color=color_hex,
        width=_bar_width,
        one_line=words.one_line,
    )
    return environment


def render(summary: Summary, motion: Motion, video: str | None, animation: str | None, video_note: str) -> str:
    """The page.

    Args:
        summary: the run.
        motion: what the fleet drove.
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
            means=_means(summary.robots),
            arrivals={robot.name: arrival_s(motion, summary.task, robot.name) for robot in summary.task.robots},
            troubles=troubles,
            curves=charts.success_curves(
                [record.success_before for record in summary.rounds],
                [record.success_after for record in summary.rounds],
                set(troubles),
            ),
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


def _means(robots: list[RobotRecord]) -> dict[str, float] | None:
    """Mean success rates; one robot needs none."""
    if len(robots) < 2:
        return None
    columns = ("before", "after", "no_adaptation", "finetune")
    return {column: words.mean([getattr(robot, column) for robot in robots]) for column in columns}


def _bytes_bars(summary: Summary) -> Markup:
    counts = [float(record.bytes) for record in summary.rounds]
    unit, factor = ("kB", 1e3) if max(counts, default=0.0) >= 1e3 else ("B", 1.0)
    return charts.round_bars([count / factor for count in counts], unit, "Bytes exchanged in each round", "bytes")


def _bar_width(rate: float) -> str:
    """A rate as a CSS width."""
    return f"{100 * min(max(rate, 0.0), 1.0):.1f}%" if math.isfinite(rate) else "0%"

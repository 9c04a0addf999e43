"""``paths.png``: the driven paths with the run's figures beside them, for a README."""

from __future__ import annotations

from pathlib import Path

from metabot.demo.report import words
from metabot.demo.report.motion import Motion
from metabot.demo.report.raster import (
    FLOOR,
    INK,
    MUTED,
    Canvas,
    draw_arena,
    draw_robot,
    draw_scale,
    draw_start,
    draw_trail,
    last_pose,
    rgb,
    text_width,
)
from metabot.demo.report.view import fit, label_spots
from metabot.demo.summary import RobotRecord, Summary

WIDTH, HEIGHT = 1200, 900
_FACTOR = 3
_ASIDE = 836.0


def write_picture(path: Path, summary: Summary, motion: Motion) -> None:
    """Draw the top view of a run."""
    canvas = Canvas(WIDTH, HEIGHT, _FACTOR)
    top = _headline(canvas, summary)
    _paths(canvas, summary, motion, top)
    _legend(canvas, summary, top)
    canvas.finished().save(path, optimize=True)


def _headline(canvas: Canvas, summary: Summary) -> float:
    """The instruction and the verdict; returns where the picture below may begin."""
    y = 52.0
    for line in wrap(f"“{words.one_line(summary.instruction)}”", 27, WIDTH - 80, bold=True, lines=2):
        canvas.text(40, y, line, 27, bold=True)
        y += 38
    for line in wrap(words.verdict(summary), 19, WIDTH - 80, lines=2):
        canvas.text(40, y + 2, line, 19, MUTED)
        y += 28
    return y + 14


def _paths(canvas: Canvas, summary: Summary, motion: Motion, top: float) -> None:
    spec = summary.task
    view = fit(spec, _ASIDE - 84, HEIGHT - top - 70, 44, top)
    draw_arena(canvas, spec, view, 5)
    for robot in spec.robots:
        draw_start(canvas, view, robot)
    for robot in spec.robots:
        if robot.name in motion.samples:
            draw_trail(canvas, view.line(motion.trail(robot.name)[:, 1:3]), robot.color, 4)
    for robot in spec.robots:
        pose = last_pose(motion, robot.name)
        if pose is not None:
            draw_robot(canvas, view, robot, pose)
    widest = max(text_width(robot.name, 17, bold=True) for robot in spec.robots)
    spots = label_spots(spec, motion, view, widest, 17)
    for robot in spec.robots:
        canvas.text(*spots[robot.name], robot.name, 17, anchor="mm", bold=True, halo=FLOOR)
    y = view.top + view.height + 34
    draw_scale(canvas, view, y, 16)
    seconds = f"driven in {motion.duration_s:.1f} s" if motion.moving else "no motion was recorded"
    canvas.text(view.left, y - 1, seconds, 16, MUTED)


def _legend(canvas: Canvas, summary: Summary, top: float) -> None:
    y = top + 14
    records = {record.name: record for record in summary.robots}
    room = (HEIGHT - 150 - y) / len(summary.task.robots)
    for robot in summary.task.robots:
        canvas.disc(_ASIDE + 12, y, 11, rgb(robot.color), INK, 1.5)
        canvas.text(_ASIDE + 34, y, f"{robot.name} to the {robot.color} pad", 18, bold=True)
        row = y + 26
        if robot.name in records:
            # Many robots leave no room for more than their names.
            for line in _figures(records[robot.name], int((room - 30) // 22)):
                canvas.text(_ASIDE + 34, row, line, 15, MUTED)
                row += 22
        y += min(room, row - y + 18)
    y = HEIGHT - 118
    canvas.disc(_ASIDE + 12, y, 10, (255, 255, 255), MUTED, 2.5)
    canvas.polygon([(_ASIDE + 33, y), (_ASIDE + 25, y - 4.5), (_ASIDE + 25, y + 4.5)], INK)
    canvas.text(_ASIDE + 40, y, "start and heading", 16, MUTED)
    canvas.disc(_ASIDE + 12, y + 34, 10, MUTED, INK, 1.5)
    canvas.polygon([(_ASIDE + 22, y + 34), (_ASIDE + 15, y + 29), (_ASIDE + 15, y + 39)], INK)
    canvas.text(_ASIDE + 40, y + 34, "end of the drive", 16, MUTED)
    canvas.disc(_ASIDE + 12, y + 68, 11, (214, 218, 224), MUTED, 2)
    canvas.text(_ASIDE + 40, y + 68, f"pad, {2 * summary.task.success.radius_m:g} m across", 16, MUTED)


def _figures(record: RobotRecord, lines: int) -> list[str]:
    """A robot's fault and how it coped, in at most so many lines."""
    if lines < 1:
        return []
    episodes = words.plural(record.adaptation_episodes, "episode")
    result = f"{words.percent(record.before)} → {words.percent(record.after)} after {episodes}"
    fault = wrap(record.fault, 15, WIDTH - _ASIDE - 54, lines=min(lines - 1, 2)) if lines > 1 else []
    return [*fault, result]


def wrap(content: str, size: float, width: float, *, bold: bool = False, lines: int) -> list[str]:
    """Break text into at most that many lines of a width; what is left over becomes an ellipsis."""
    wrapped: list[str] = []
    current = ""
    for word in content.split():
        longer = f"{current} {word}".strip()
        if current and text_width(longer, size, bold) > width:
            wrapped.append(current)
            current = word
        else:
            current = longer
    wrapped.append(current)
    shown = wrapped[:lines]
    if len(wrapped) > lines:
        shown[-1] += " …"
    for index, line in enumerate(shown):
        # One word may be wider than the picture.
        while len(line) > 2 and text_width(line, size, bold) > width:
            line = line[:-2].rstrip(" …") + "…"
        shown[index] = line
    return shown

"""``paths.png``: the driven paths with the run's figures beside them, for a README."""

from __future__ import annotations

import math
from pathlib import Path

from metabot.demo.report import words
from metabot.demo.report.motion import Motion
from metabot.demo.report.raster import (
    FLOOR,
    INK,
    MUTED,
    PAPER,
    Canvas,
    draw_arena,
    draw_robot,
    draw_scale,
    draw_start,
    draw_thing,
    draw_trail,
    last_pose,
    rgb,
    text_width,
)
from metabot.demo.report.view import View, fit, is_fine, label_spots
from metabot.demo.summary import RobotRecord, Summary
from metabot.task import ObjectSpec, RobotSpec, TaskSpec

WIDTH, HEIGHT = 1200, 900
_FACTOR = 3
_EDGE = 40.0
_ASIDE = 836.0
_GAP = 28.0
_WALL = 5.0
_COLUMNS = 3
_ENTRY = 108.0
"""Height of a robot's entry with three lines of figures."""


def write_picture(path: Path, summary: Summary, motion: Motion, unadapted: Motion | None = None) -> None:
    """Draw the top view of a run.

    Args:
        path: of the PNG, `WIDTH` wide.
        summary: the run.
        motion: what the fleet drove.
        unadapted: what it drove before it adapted, drawn beside it; None or without samples: not tried, and the
            picture is `HEIGHT` high.
    """
    if unadapted is not None and unadapted.samples:
        canvas = _beside(summary, unadapted, motion)
    else:
        canvas = _alone(summary, motion)
    canvas.finished().save(path, optimize=True)


def _alone(summary: Summary, motion: Motion) -> Canvas:
    """One drive, and the legend beside it."""
    canvas = Canvas(WIDTH, HEIGHT, _FACTOR)
    top = _headline(canvas, summary)
    _paths(canvas, summary.task, motion, fit(summary.task, _ASIDE - 84, HEIGHT - top - 70, 44, top))
    room = (HEIGHT - 150 - top - 14) / len(summary.task.robots)
    y = top + 14
    for robot in summary.task.robots:
        # Many robots leave no room for more than their names.
        lines = int((room - 30) // 22)
        y += min(room, _entry(canvas, summary, robot, (_ASIDE, y), WIDTH - _ASIDE - 54, lines) - y + 18)
    for index, mark in enumerate(_MARKS):
        mark(canvas, _ASIDE, HEIGHT - 118 + 34 * index, summary)
    return canvas


def _beside(summary: Summary, before: Motion, after: Motion) -> Canvas:
    """The drives before and after adaptation on one scale, and the legend under them."""
    spec = summary.task
    width = (WIDTH - 2 * _EDGE - _GAP) / 2
    inner = width - 2 * _WALL
    height = min(inner, inner * spec.world.width_m / spec.world.length_m)
    rows = math.ceil(len(spec.robots) / _COLUMNS)
    top = _headline(None, summary) + 30
    legend = top + height + 84
    canvas = Canvas(WIDTH, round(legend + rows * _ENTRY + 44), _FACTOR)
    _headline(canvas, summary)
    reached = None if summary.unadapted is None else sum(summary.unadapted.reached)
    for index, (title, motion, count) in enumerate(
        (("Before adaptation", before, reached), ("After adaptation", after, summary.fleet_reached))
    ):
        left = _EDGE + index * (width + _GAP)
        view = fit(spec, inner, height, left + _WALL, top)
        canvas.text(view.left - _WALL, top - 24, title, 19, bold=True)
        if count is not None:
            told = f"{count} of {len(spec.robots)} {words.there(spec)}"
            canvas.text(view.left + view.width + _WALL, top - 24, told, 17, MUTED, "rm")
        _paths(canvas, spec, motion, view)
    column = (WIDTH - 2 * _EDGE) / _COLUMNS
    for index, robot in enumerate(spec.robots):
        spot = (_EDGE + index % _COLUMNS * column, legend + index // _COLUMNS * _ENTRY)
        _entry(canvas, summary, robot, spot, column - 54, 3)
    for index, mark in enumerate(_MARKS):
        mark(canvas, _EDGE + index * column, canvas.size[1] - 34.0, summary)
    return canvas


def _headline(canvas: Canvas | None, summary: Summary) -> float:
    """The instruction and the verdict; returns where the picture below may begin. Without a canvas nothing is drawn."""
    y = 52.0
    for line in wrap(f"“{words.one_line(summary.instruction)}”", 27, WIDTH - 80, bold=True, lines=2):
        if canvas is not None:
            canvas.text(_EDGE, y, line, 27, bold=True)
        y += 38
    for line in wrap(words.verdict(summary), 19, WIDTH - 80, lines=2):
        if canvas is not None:
            canvas.text(_EDGE, y + 2, line, 19, MUTED)
        y += 28
    return y + 14


def _paths(canvas: Canvas, spec: TaskSpec, motion: Motion, view: View) -> None:
    draw_arena(canvas, spec, view, _WALL)
    for thing in spec.objects:
        draw_thing(canvas, view, thing, (thing.pose.x, thing.pose.y), PAPER)
    for robot in spec.robots:
        draw_start(canvas, view, robot)
    movers: list[RobotSpec | ObjectSpec] = [*spec.objects, *spec.robots]
    for mover in movers:
        if mover.name in motion.samples:
            width = 2 if is_fine(mover) else 4
            draw_trail(canvas, view.line(motion.trail(mover.name)[:, 1:3]), mover.color, width)
    for thing in spec.objects:
        last = last_pose(motion, thing.name)
        if last is not None:
            draw_thing(canvas, view, thing, last[:2], None)
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
    seconds = f"{motion.duration_s:.1f} s of motion" if motion.moving else "no motion was recorded"
    canvas.text(view.left, y - 1, seconds, 16, MUTED)


def _entry(
    canvas: Canvas, summary: Summary, robot: RobotSpec, spot: tuple[float, float], width: float, lines: int
) -> float:
    """A robot in the legend, with at most so many lines of figures; returns where the next may begin."""
    x, y = spot
    canvas.disc(x + 12, y, 11, rgb(robot.color), INK, 1.5)
    canvas.text(x + 34, y, words.errand(summary.task, robot), 18, bold=True)
    y += 26
    record = next((record for record in summary.robots if record.name == robot.name), None)
    for line in _figures(record, width, lines) if record is not None else []:
        canvas.text(x + 34, y, line, 15, MUTED)
        y += 22
    return y


def _start_mark(canvas: Canvas, x: float, y: float, _: Summary) -> None:
    canvas.disc(x + 12, y, 10, (255, 255, 255), MUTED, 2.5)
    canvas.polygon([(x + 33, y), (x + 25, y - 4.5), (x + 25, y + 4.5)], INK)
    canvas.text(x + 40, y, "start and heading", 16, MUTED)


def _end_mark(canvas: Canvas, x: float, y: float, _: Summary) -> None:
    canvas.disc(x + 12, y, 10, MUTED, INK, 1.5)
    canvas.polygon([(x + 22, y), (x + 15, y - 5), (x + 15, y + 5)], INK)
    canvas.text(x + 40, y, "end of the drive", 16, MUTED)


def _pad_mark(canvas: Canvas, x: float, y: float, summary: Summary) -> None:
    canvas.disc(x + 12, y, 11, (214, 218, 224), MUTED, 2)
    canvas.text(x + 40, y, f"pad, {2 * summary.task.success.radius_m:g} m across", 16, MUTED)


_MARKS = (_start_mark, _end_mark, _pad_mark)


def _figures(record: RobotRecord, width: float, lines: int) -> list[str]:
    """A robot's fault and how it coped, in at most so many lines."""
    if lines < 1:
        return []
    episodes = words.plural(record.adaptation_episodes, "episode")
    result = f"{words.percent(record.before)} → {words.percent(record.after)} after {episodes}"
    fault = wrap(record.fault, 15, width, lines=min(lines - 1, 2)) if lines > 1 else []
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

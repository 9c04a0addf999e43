"""``fleet.gif``: the top view in motion, where no video could be rendered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from metabot.demo.report.motion import Motion, frame_times
from metabot.demo.report.raster import (
    FLOOR,
    GRID,
    INK,
    MUTED,
    PAPER,
    WALL,
    Canvas,
    Rgb,
    blend,
    draw_arena,
    draw_robot,
    draw_scale,
    draw_start,
    draw_thing,
    draw_trail,
    rgb,
)
from metabot.demo.report.view import fit, is_fine
from metabot.task import TaskSpec

WIDTH, HEIGHT = 480, 512
_FACTOR = 2
_HOLD_S = 1.5
_MAX_FRAMES = 320
_RATES_HZ = (12.5, 10.0, 5.0, 2.0, 1.0, 0.5, 0.1)
"""Frames last a whole number of hundredths of a second in a GIF."""


def gif_rate_hz(duration_s: float) -> float:
    """The highest frame rate at which a drive of that length stays a small file."""
    return next((rate for rate in _RATES_HZ if (duration_s + _HOLD_S) * rate <= _MAX_FRAMES), _RATES_HZ[-1])


def write_gif(path: Path, spec: TaskSpec, motion: Motion) -> None:
    """Draw the motion in real time, looping, with its last pose held for a moment."""
    rate = gif_rate_hz(motion.duration_s)
    times = frame_times(motion.duration_s, rate, 0.0)
    view = fit(spec, WIDTH - 24, HEIGHT - 56, 12, 12)
    canvas = Canvas(WIDTH, HEIGHT, _FACTOR)
    draw_arena(canvas, spec, view)
    draw_scale(canvas, view, HEIGHT - 18, 13)
    for thing in spec.objects:
        draw_thing(canvas, view, thing, (thing.pose.x, thing.pose.y), PAPER)
    for robot in spec.robots:
        draw_start(canvas, view, robot)
    poses = {name: motion.poses(name, times) for name in motion.samples}
    driven = [robot for robot in spec.robots if robot.name in poses]
    palette = _palette(spec)
    frames = []
    for index, time_s in enumerate(times):
        # Trails only grow, so each frame adds its piece to the drawing that stays.
        for robot in driven:
            piece = poses[robot.name][max(index - 1, 0) : index + 1, :2]
            draw_trail(canvas, view.line(piece), robot.color, 1.5 if is_fine(robot) else 3)
        frame = canvas.copy()
        for thing in spec.objects:
            if thing.name in poses:
                x, y = (float(value) for value in poses[thing.name][index, :2])
                draw_thing(frame, view, thing, (x, y), None)
        for robot in driven:
            x, y, yaw = (float(value) for value in poses[robot.name][index])
            draw_robot(frame, view, robot, (x, y, yaw))
        frame.text(14, HEIGHT - 19, f"{time_s:.1f} s", 14, MUTED)
        frames.append(frame.finished().quantize(palette=palette, dither=Image.Dither.NONE))
    period_ms = round(1000 / rate)
    durations = [period_ms] * (len(frames) - 1) + [period_ms + round(1000 * _HOLD_S)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=False)


def _palette(spec: TaskSpec) -> Image.Image:
    """One palette for all frames: what is drawn, and the steps between neighbours at an edge."""
    colors: list[Rgb] = []
    for under in (PAPER, FLOOR, GRID, WALL):
        colors += [blend(over, under, share) for over in (INK, MUTED) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    drawn = {each.color for group in (spec.robots, spec.pads, spec.objects) for each in group}
    for name in sorted(drawn):
        color = rgb(name)
        pad = blend(color, FLOOR, 0.35)
        dark = blend(color, INK, 0.55)
        for over, under in ((color, FLOOR), (color, pad), (color, INK), (dark, FLOOR), (pad, FLOOR)):
            colors += [blend(over, under, share) for share in (0.25, 0.5, 0.75, 1.0)]
    unique = list(dict.fromkeys(colors))[:256]
    flat = np.array(unique + [unique[-1]] * (256 - len(unique)), dtype=np.uint8)
    palette = Image.new("P", (1, 1))
    palette.putpalette(flat.tobytes())
    return palette

"""Drawing a top view into pixels: antialiased by drawing large and shrinking."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from metabot.demo.report.motion import Motion
from metabot.demo.report.view import (
    BASE_M,
    HAND_M,
    NOSE_M,
    POINTER_M,
    View,
    chassis_m,
    half_width,
    is_arm,
    on_robot,
    scale_bar_m,
    scaled,
)
from metabot.task import ObjectSpec, RobotSpec, TaskSpec
from metabot_sim.colors import COLORS

Rgb = tuple[int, int, int]

PAPER: Rgb = (255, 255, 255)
INK: Rgb = (31, 36, 44)
MUTED: Rgb = (98, 107, 120)
FLOOR: Rgb = (244, 246, 248)
GRID: Rgb = (226, 230, 235)
WALL: Rgb = (139, 147, 158)


def rgb(color: str) -> Rgb:
    """A pad's or robot's colour in pixels: the one it has in the simulator."""
    red, green, blue, _ = COLORS[color]
    return (round(red * 255), round(green * 255), round(blue * 255))


def blend(over: Rgb, under: Rgb, share: float) -> Rgb:
    """A colour of which `share` covers what is under it."""
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(over, under, strict=True))
    return (red, green, blue)


@lru_cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib: the same on every machine, with more letters than most."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


class Canvas:
    """An image drawn `factor` times too large, in the units of the finished picture."""

    def __init__(self, width: int, height: int, factor: int, background: Rgb = PAPER) -> None:
        self.size, self.factor = (width, height), factor
        self.image = Image.new("RGB", (width * factor, height * factor), background)
        self._draw = ImageDraw.Draw(self.image)

    def copy(self) -> Canvas:
        """The same drawing again, to draw on without touching this one."""
        other = object.__new__(Canvas)
        other.size, other.factor, other.image = self.size, self.factor, self.image.copy()
        other._draw = ImageDraw.Draw(other.image)
        return other

    def finished(self) -> Image.Image:
        """The picture at its own size."""
        return self.image.reduce(self.factor) if self.factor > 1 else self.image

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: Rgb | None,
        edge: Rgb | None = None,
        line: float = 1,
    ) -> None:
        """A box from its upper left corner."""
        f = self.factor
        box = (round(x * f), round(y * f), round((x + width) * f), round((y + height) * f))
        self._draw.rectangle(box, fill, edge, max(1, round(line * f)) if edge else 0)

    def disc(
        self, x: float, y: float, radius: float, fill: Rgb | None, edge: Rgb | None = None, line: float = 1
    ) -> None:
        """A disc around a point."""
        f = self.factor
        self._draw.circle((x * f, y * f), radius * f, fill, edge, max(1, round(line * f)) if edge else 0)

    def line(self, points: list[tuple[float, float]], color: Rgb, width: float) -> None:
        """A line with round joints and ends."""
        f, wide = self.factor, max(1, round(width * self.factor))
        scaled = [(x * f, y * f) for x, y in points]
        if len(scaled) > 1:
            self._draw.line(scaled, color, wide, joint="curve")
        if wide > 2:
            for spot in (scaled[0], scaled[-1]):
                self._draw.circle(spot, (wide - 1) / 2, color)

    def polygon(self, points: list[tuple[float, float]], fill: Rgb) -> None:
        """A filled shape."""
        self._draw.polygon([(x * self.factor, y * self.factor) for x, y in points], fill)

    def text(
        self,
        x: float,
        y: float,
        content: str,
        size: float,
        color: Rgb = INK,
        anchor: str = "lm",
        bold: bool = False,
        halo: Rgb | None = None,
    ) -> None:
        """A line of text; `anchor` as in Pillow."""
        drawn = font(round(size * self.factor), bold)
        stroke = round(2.5 * self.factor) if halo else 0
        self._draw.text(
            (x * self.factor, y * self.factor), content, color, drawn, anchor, stroke_width=stroke, stroke_fill=halo
        )


def text_width(content: str, size: float, bold: bool = False) -> float:
    """Width of a line of text in the picture's units."""
    return font(64, bold).getlength(content) * size / 64


def draw_arena(canvas: Canvas, spec: TaskSpec, view: View, wall: float = 4.0) -> None:
    """Floor with a grid, walls and pads."""
    canvas.rectangle(view.left - wall, view.top - wall, view.width + 2 * wall, view.height + 2 * wall, WALL)
    canvas.rectangle(view.left, view.top, view.width, view.height, FLOOR)
    step = scale_bar_m(view)
    half_x, half_y = spec.world.length_m / 2, spec.world.width_m / 2
    for index in range(-int(half_x / step), int(half_x / step) + 1):
        canvas.line(view.line(np.array([[index * step, -half_y], [index * step, half_y]])), GRID, 1)
    for index in range(-int(half_y / step), int(half_y / step) + 1):
        canvas.line(view.line(np.array([[-half_x, index * step], [half_x, index * step]])), GRID, 1)
    for pad in spec.pads:
        color = rgb(pad.color)
        canvas.disc(*view.xy(pad.x, pad.y), spec.success.radius_m * view.scale, blend(color, FLOOR, 0.35), color, 2)


def draw_start(canvas: Canvas, view: View, robot: RobotSpec) -> None:
    """A hollow robot where it began, with its heading."""
    pose = (robot.spawn.x, robot.spawn.y, robot.spawn.yaw)
    color = rgb(robot.color)
    if is_arm(robot):
        return canvas.disc(*view.xy(*pose[:2]), BASE_M * view.scale, PAPER, color, 2.5)
    canvas.disc(*view.xy(*pose[:2]), chassis_m(robot) * view.scale, PAPER, color, 2.5)
    canvas.polygon([view.xy(*on_robot(pose, corner)) for corner in scaled(robot, POINTER_M)], INK)


def draw_trail(canvas: Canvas, points: list[tuple[float, float]], color: str, width: float) -> None:
    """A driven path; its darker edge keeps light colours readable on a light floor."""
    canvas.line(points, blend(rgb(color), INK, 0.55), width + 1.6)
    canvas.line(points, rgb(color), width)


def draw_robot(canvas: Canvas, view: View, robot: RobotSpec, pose: tuple[float, float, float]) -> None:
    """A robot with its nose; an arm from its base to its hand."""
    if is_arm(robot):
        base, hand = view.xy(robot.spawn.x, robot.spawn.y), view.xy(*pose[:2])
        draw_trail(canvas, [base, hand], robot.color, 5)
        return canvas.disc(*hand, HAND_M * view.scale, rgb(robot.color), INK, 1.5)
    canvas.disc(*view.xy(*pose[:2]), chassis_m(robot) * view.scale, rgb(robot.color), INK, 1.5)
    canvas.polygon([view.xy(*on_robot(pose, point)) for point in scaled(robot, NOSE_M)], INK)


def draw_thing(canvas: Canvas, view: View, thing: ObjectSpec, spot: tuple[float, float], fill: Rgb | None) -> None:
    """An object from above."""
    half = half_width(view, thing)
    x, y = view.xy(*spot)
    color = rgb(thing.color)
    canvas.rectangle(x - half, y - half, 2 * half, 2 * half, fill or color, INK if fill is None else color, 1.5)


def draw_scale(canvas: Canvas, view: View, y: float, size: float) -> None:
    """A scale bar that ends under the arena's right wall."""
    length = scale_bar_m(view)
    right = view.left + view.width
    left = right - length * view.scale
    canvas.line([(left, y - 5), (left, y), (right, y), (right, y - 5)], INK, 2)
    canvas.text(left - 8, y - 1, f"{length:g} m", size, MUTED, "rm")


def last_pose(motion: Motion, robot: str) -> tuple[float, float, float] | None:
    """Where a robot stood at the end, if that was recorded."""
    if robot not in motion.samples:
        return None
    x, y, yaw = motion.samples[robot][-1, 1:4]
    return (float(x), float(y), float(yaw))

"""The geometry of a top view: metres to a picture, where labels go, how long the scale bar is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metabot.demo.report.motion import Motion
from metabot.task import KINDS, ObjectSpec, RobotSpec, TaskSpec
from metabot_sim.colors import COLORS

Corners = tuple[tuple[float, float], ...]
CHASSIS_M = 0.15
"""Radius of the drawn robot: its chassis."""
NOSE_M = ((0.145, 0.0), (0.045, 0.075), (0.045, -0.075))
"""Triangle on the robot that shows where it heads, in its own frame."""
POINTER_M = ((0.31, 0.0), (0.185, 0.065), (0.185, -0.065))
"""Triangle in front of a start, for the same."""
BASE_M = 0.07
"""Radius of an arm's drawn base."""
HAND_M = 0.035
"""The same of its hand."""
_SCALES_M = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


def is_arm(robot: RobotSpec) -> bool:
    """Whether a robot stands at its base and moves its hand."""
    return KINDS[robot.kind].reach_m is not None


def chassis_m(robot: RobotSpec) -> float:
    """Radius of a drawn robot that drives: a user's large one is drawn as large as it is.

    >>> chassis_m(RobotSpec(name="usual")), chassis_m(RobotSpec(name="own", kind="mjcf", mjcf="own.xml", radius_m=0.4))
    (0.15, 0.4)
    """
    return CHASSIS_M if robot.radius_m is None else robot.radius_m


def scaled(robot: RobotSpec, corners: Corners) -> list[tuple[float, float]]:
    """Corners of what is drawn on a robot, such as `NOSE_M`, on one of its size.

    >>> scaled(RobotSpec(name="own", kind="mjcf", mjcf="own.xml", radius_m=0.3), ((0.1, 0.0),))
    [(0.2, 0.0)]
    """
    factor = chassis_m(robot) / CHASSIS_M
    return [(x * factor, y * factor) for x, y in corners]


def is_fine(mover: RobotSpec | ObjectSpec) -> bool:
    """Whether a path is drawn thin: of a hand or of what it carries."""
    return isinstance(mover, ObjectSpec) or is_arm(mover)


@dataclass(frozen=True)
class View:
    """Metres in the world (y up) to units of a picture (y down).

    Attributes:
        scale: picture units per metre.
        left: where the arena's left wall lies.
        top: where its upper wall lies.
        width: of the arena in picture units.
        height: likewise.
    """

    scale: float
    left: float
    top: float
    width: float
    height: float

    def xy(self, x: float, y: float) -> tuple[float, float]:
        """A point of the world in the picture."""
        return (self.left + self.width / 2 + x * self.scale, self.top + self.height / 2 - y * self.scale)

    def line(self, points: np.ndarray) -> list[tuple[float, float]]:
        """(points, 2) in metres as points of the picture."""
        return [self.xy(float(x), float(y)) for x, y in points]


def half_width(view: View, thing: ObjectSpec) -> float:
    """Half the edge of a drawn object in picture units; the smallest can still be seen."""
    return max(thing.size_m / 2 * view.scale, 3.0)


def fit(spec: TaskSpec, width: float, height: float, left: float = 0.0, top: float = 0.0) -> View:
    """The largest view of a task's arena inside a box, centred in it."""
    scale = min(width / spec.world.length_m, height / spec.world.width_m)
    drawn = (spec.world.length_m * scale, spec.world.width_m * scale)
    return View(scale, left + (width - drawn[0]) / 2, top + (height - drawn[1]) / 2, *drawn)


def scale_bar_m(view: View) -> float:
    """Length of a round scale bar of about a fifth of the picture."""
    return min(_SCALES_M, key=lambda length: abs(math.log(length * view.scale / (0.2 * view.width))))


def color_hex(color: str) -> str:
    """A pad's or robot's colour for CSS: the one it has in the simulator."""
    red, green, blue, _ = COLORS[color]
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def on_robot(pose: tuple[float, float, float], point: tuple[float, float]) -> tuple[float, float]:
    """A point of a robot's frame in the world."""
    x, y, yaw = pose
    cos, sin = math.cos(yaw), math.sin(yaw)
    return (x + cos * point[0] - sin * point[1], y + sin * point[0] + cos * point[1])


def label_spots(
    spec: TaskSpec, motion: Motion, view: View, width: float, height: float
) -> dict[str, tuple[float, float]]:
    """Where each robot's name fits beside its start, clear of paths, pads, walls and other names.

    Args:
        spec: the task.
        motion: what was driven.
        view: of the arena.
        width: of a name in picture units.
        height: likewise.

    Returns:
        By robot, the middle of its name in picture units.
    """
    busy = [view.xy(pad.x, pad.y) for pad in spec.pads]
    # A path counts at points a name's height apart, a start at its centre.
    for name in motion.samples:
        busy += view.line(motion.trail(name, height / 2 / view.scale)[:, 1:3])
    for robot in spec.robots:
        pose = (robot.spawn.x, robot.spawn.y, robot.spawn.yaw)
        busy += [view.xy(*pose[:2]), view.xy(*on_robot(pose, scaled(robot, POINTER_M)[0]))]
    near = 0.5 * CHASSIS_M * view.scale
    spots: dict[str, tuple[float, float]] = {}
    for robot in spec.robots:
        start = view.xy(robot.spawn.x, robot.spawn.y)
        reach = chassis_m(robot) * view.scale
        candidates = []
        for turn in range(16):
            angle = turn * math.pi / 8
            spot = (
                start[0] + math.cos(angle) * (reach + 6.0 + 0.5 * width),
                start[1] + math.sin(angle) * (reach + 6.0 + 0.5 * height),
            )
            inside = (
                view.left + 0.5 * width <= spot[0] <= view.left + view.width - 0.5 * width
                and view.top + 0.7 * height <= spot[1] <= view.top + view.height - 0.7 * height
            )
            # In names, not units: a name is wide and low.
            gap = min(
                max(abs(spot[0] - x) / (0.5 * width + near), abs(spot[1] - y) / (0.5 * height + near)) for x, y in busy
            )
            # Where several are free, right beside the start reads best.
            candidates.append((inside, min(gap, 1.0), turn % 8 == 0, spot))
        spots[robot.name] = max(candidates)[-1]
        busy.append(spots[robot.name])
    return spots

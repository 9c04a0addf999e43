"""What has to hold between the parts of a task; each problem is one line that names the field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from metabot.task.kinds import KINDS

if TYPE_CHECKING:
    from metabot.task.spec import RobotSpec, TaskSpec

_TOLERANCE_M = 1e-6


def check_consistent(spec: TaskSpec) -> None:
    """Check names, places and distances of a task.

    Raises:
        ValueError: with the field, its value and what is allowed.
    """
    pads = {pad.color: pad for pad in spec.pads}
    if len(pads) != len(spec.pads):
        raise ValueError("pads: each colour may appear once")
    names: set[str] = set()
    for robot in spec.robots:
        if robot.name in names:
            raise ValueError(f"robots: the name {robot.name!r} appears twice")
        names.add(robot.name)
    for thing in spec.objects:
        if thing.name in names:
            raise ValueError(f"objects: the name {thing.name!r} appears twice")
        names.add(thing.name)
    allowed = ", ".join(sorted(pads)) or "none"
    for robot in spec.robots:
        if robot.goal is not None and robot.goal not in pads:
            raise ValueError(f"robots.{robot.name}.goal: no {robot.goal} pad; pads: {allowed}")
        _check_inside(spec, f"robots.{robot.name}.spawn", robot.spawn.x, robot.spawn.y, robot.footprint_m)
        if robot.goal is not None:
            _check_reach(robot, f"pads.{robot.goal}", pads[robot.goal].x, pads[robot.goal].y)
    for pad in spec.pads:
        _check_inside(spec, f"pads.{pad.color}", pad.x, pad.y, 0.05)
    for thing in spec.objects:
        if thing.goal is not None and thing.goal not in pads:
            raise ValueError(f"objects.{thing.name}.goal: no {thing.goal} pad; pads: {allowed}")
        _check_inside(spec, f"objects.{thing.name}.pose", thing.pose.x, thing.pose.y, thing.size_m / 2)
    for i, a in enumerate(spec.robots):
        for b in spec.robots[:i]:
            needed = a.footprint_m + b.footprint_m
            apart = math.dist((a.spawn.x, a.spawn.y), (b.spawn.x, b.spawn.y))
            if apart < needed - _TOLERANCE_M:
                raise ValueError(
                    f"robots: the spawns of {b.name} and {a.name} overlap: {apart:.2f} m apart; allowed: at least"
                    f" {needed:.2f} m"
                )


def _check_inside(spec: TaskSpec, field: str, x: float, y: float, margin_m: float) -> None:
    if 2.0 * margin_m > min(spec.world.length_m, spec.world.width_m):
        raise ValueError(
            f"{field}: a radius of {margin_m:g} m does not fit the {spec.world.length_m:g} x {spec.world.width_m:g} m"
            f" arena; allowed: at most {min(spec.world.length_m, spec.world.width_m) / 2:g} m"
        )
    if not spec.world.contains(x, y, margin_m):
        raise ValueError(
            f"{field}: ({x:g}, {y:g}) is outside the {spec.world.length_m:g} x {spec.world.width_m:g} m arena;"
            f" allowed: |x| <= {spec.world.length_m / 2 - margin_m:g}, |y| <= {spec.world.width_m / 2 - margin_m:g}"
        )


def _check_reach(robot: RobotSpec, field: str, x: float, y: float) -> None:
    reach = KINDS[robot.kind].reach_m
    if reach is None:
        return
    distance = math.dist((robot.spawn.x, robot.spawn.y), (x, y))
    if not reach[0] <= distance <= reach[1]:
        raise ValueError(
            f"{field}: {distance:.2f} m from {robot.name} that is sent there; allowed: {reach[0]:g} to {reach[1]:g} m"
        )

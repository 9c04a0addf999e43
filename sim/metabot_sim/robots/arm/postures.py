"""Where an arm's joints have to be for its hand to point down somewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot_sim.robots.arm import kinematics
from metabot_sim.robots.mjcf import shapes

if TYPE_CHECKING:
    from metabot_sim.robots.arm.file import ArmFile

Point = tuple[float, float, float]
"""Ahead, left and up of an arm's base, in metres."""
HOMES = 12
"""Ways to a place of which the best is the home."""
_STOPS = 6
"""On the way from home to a place."""
_ANYWHERE_RAD = 4.0 * np.pi
"""Farther from zero no arm turns a joint."""
_TRIED = 40
"""Starts of looking for a way to a place."""


def said(point: Point) -> str:
    """A place in words."""
    return ", ".join(f"{value:.2f}" for value in point) + " m (ahead, left, up)"


def reached(
    model: mujoco.MjModel,
    found: ArmFile,
    point: Point,
    starts: list[np.ndarray],
    count: int,
    yaw: float = 0.0,
    tried: int = _TRIED,
    turn_rad: float = np.pi,
) -> list[tuple[float, np.ndarray]]:
    """Positions of all joints with the fingertips at a point of the base's frame and the hand down.

    Args:
        model: of the arm.
        found: its parts.
        point: ahead, left, up in metres.
        starts: where to look first.
        count: ways that are looked for.
        yaw: of the hand in radians.
        tried: starts, further ones at random.
        turn_rad: how far joints may be from zero, whatever their own ends are.

    Returns:
        Those that were found, each after how near its joints are to their ends, from 0 with all in the middle; the
        best first.
    """
    data, site = mujoco.MjData(model), model.site(found.tip).id
    joints = [model.joint(name) for name in found.joints]
    at, dofs = np.array([int(each.qposadr[0]) for each in joints]), np.array([int(each.dofadr[0]) for each in joints])
    low, high = ends(model, found, turn_rad)
    rng, cos, sin = np.random.default_rng(0), np.cos(yaw), np.sin(yaw)
    jacobian = np.zeros((6, model.nv))
    ways: list[np.ndarray] = []
    for attempt in range(tried):
        data.qpos[:] = starts[min(attempt, len(starts) - 1)]
        if attempt >= len(starts):
            data.qpos[at] = (low + high) / 2 if attempt == len(starts) else rng.uniform(low, high)
        for _ in range(120):
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            frame = data.site_xmat[site].reshape(3, 3)
            turn = kinematics.turn_to(frame[None], np.array([yaw]))[0]
            error = np.concatenate([np.array(point) - data.site_xpos[site], turn])
            if np.abs(error).max() < 1e-4 and frame[2, 2] > 0.99 and frame[0, 0] * cos + frame[1, 0] * sin > 0.99:
                ways.append(data.qpos.copy())
                break
            mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], site)
            change = kinematics.least_squares(jacobian[:, dofs], error, 0.05)
            change *= min(1.0, 0.3 / max(float(np.abs(change).max()), 1e-9))
            data.qpos[at] = np.clip(data.qpos[at] + change, low, high)
        if len(ways) == count:
            break
    middle, half = (low + high) / 2, (high - low) / 2
    # The joint that is nearest to its end counts most, but where all ways have one the others decide.
    scored = [(float((np.abs((way[at] - middle) / half) ** 4).sum()), way) for way in ways]
    return sorted(scored, key=lambda way: way[0])


def missed(
    model: mujoco.MjModel, found: ArmFile, start: Point, home: np.ndarray, yaw: float, places: Iterable[Point]
) -> Point | None:
    """The first of some places to which an arm does not come from its home, swinging round, all of it above the floor.

    Args:
        model: of the arm.
        found: its parts.
        start: where its hand is at home.
        home: positions of all joints there.
        yaw: of the hand in radians.
        places: in the base's frame.
    """
    data, base = mujoco.MjData(model), model.body(found.base).id
    fixed = model.body_weldid[base]
    moved = [geom for geom in shapes.solid(model) if model.body_weldid[model.geom_bodyid[geom]] != fixed]
    first, bearing = np.hypot(*start[:2]), np.arctan2(start[1], start[0])
    for place in places:
        last, swing = np.hypot(*place[:2]), np.arctan2(place[1], place[0]) - bearing
        now = home
        for share in np.linspace(0.0, 1.0, _STOPS + 1)[1:]:
            radius, angle = first + share * (last - first), bearing + share * swing
            height = start[2] + share * (place[2] - start[2])
            way = (float(radius * np.cos(angle)), float(radius * np.sin(angle)), float(height))
            ways = reached(model, found, way, [now], 1, yaw, tried=1, turn_rad=_ANYWHERE_RAD)
            if not ways:
                return place
            now = data.qpos[:] = ways[0][1]
            mujoco.mj_kinematics(model, data)
            if shapes.lowest(model, data, np.array(moved)) < 0.0:
                return place
    return None


def ends(model: mujoco.MjModel, found: ArmFile, turn_rad: float) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest positions of the joints to the hand that servos and joints allow, at most `turn_rad`."""
    low, high = np.full(len(found.joints), -turn_rad), np.full(len(found.joints), turn_rad)
    for number, (joint, drive) in enumerate(zip(found.joints, found.drives, strict=True)):
        own, servo = model.joint(joint), model.actuator(drive)
        for limited, ends in (
            (model.jnt_limited[own.id], own.range),
            (model.actuator_ctrllimited[servo.id], servo.ctrlrange),
        ):
            if limited:
                low[number], high[number] = max(low[number], ends[0]), min(high[number], ends[1])
    return low, high

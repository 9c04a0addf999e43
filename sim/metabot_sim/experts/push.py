"""How an expert drives several cars behind a box and pushes it to a zone with them."""

from __future__ import annotations

import numpy as np

from metabot_sim import frames
from metabot_sim.episodes import DRIVE_GAIN
from metabot_sim.experts import drive

CAR_M = 0.15
"""Radius of the chassis that presses against the box."""
_STAGING_M = 0.3
"""Free way between a car that lines up and its place at the box."""
_CLEAR_M = 0.4
"""Sideways distance from the box at which cars drive past it."""
_TURN_GAIN = 3.0
"""Share of its speed by which the outermost car holds back for each radian the box has to turn."""
_LEAST_SHARE = 0.4
"""Of a car that holds back: without it the box would not move at all."""
_SHIFT_GAIN_M, _SHIFT_M = 0.4, 0.1
"""How far the cars move aside to turn the box: metres for each radian, and at most."""
_SLIDE_GAIN = 4.0
"""Radians that a car turns for each metre it has to slide along the box."""


def places(robots: int, length_m: np.ndarray | float) -> np.ndarray:
    """Where on a side of the box the cars push, from right to left, (..., robots)."""
    steps = (np.arange(robots) + 0.5) / robots - 0.5
    return np.asarray(length_m)[..., None] * steps


def push(
    poses: np.ndarray,
    box: np.ndarray,
    size: np.ndarray,
    zone: np.ndarray,
    dynamics: np.ndarray,
    max_speed_mps: float,
    max_yaw_rate_radps: float,
    ranks: np.ndarray | None = None,
) -> np.ndarray:
    """Commands of all cars, (n, R, 2).

    Everything is seen from the box: x along the push, y to its left. Cars keep the order in
    which they stand around the box, so that no two have to pass each other, unless they are told
    their ranks; they wait for the last one, then push, those on the right harder if the box has to
    turn left.

    Args:
        poses: (n, R, 3) of the cars.
        box: (n, 3) its centre and yaw; its long sides are along its own x axis.
        size: (n, 2) its length and width in metres.
        zone: (n, 2) where its centre should come.
        dynamics: (n, R, D) hidden dynamics.
        max_speed_mps: of a healthy car.
        max_yaw_rate_radps: of a healthy car.
        ranks: (n, R) which of `places` each car takes, and on which side of the box's middle it goes there.
    """
    wanted = np.arctan2(zone[:, 1] - box[:, 1], zone[:, 0] - box[:, 0])
    axis = box[:, 2] + np.pi / 2
    axis = axis + np.where(np.cos(wanted - axis) < 0.0, np.pi, 0.0)
    error = frames.wrap(wanted - axis)
    cos, sin = np.cos(axis)[:, None], np.sin(axis)[:, None]
    offset = poses[..., :2] - box[:, None, :2]
    x = cos * offset[..., 0] + sin * offset[..., 1]
    y = cos * offset[..., 1] - sin * offset[..., 0]
    length, width = size[:, :1] / 2, size[:, 1:] / 2
    told = ranks is not None
    if ranks is None:
        ranks = np.argsort(np.argsort(np.arctan2(y, -x), axis=1, kind="stable"), axis=1, kind="stable")
    mine = np.take_along_axis(places(poses.shape[1], size[:, 0]), ranks, axis=1)
    leftwards = mine if told else y
    # All a little to the side that turns the box towards the zone.
    mine = mine - np.clip(_SHIFT_GAIN_M * error, -_SHIFT_M, _SHIFT_M)[:, None]
    contact = -width - CAR_M
    gap, aside = contact - x, mine - y

    # Past the box, along its short side, then to the place behind it.
    side = np.where(leftwards < 0.0, -1.0, 1.0) * (length + _CLEAR_M)
    staging = contact - _STAGING_M
    in_front = (x > width) & (np.abs(y) < length + 0.75 * _CLEAR_M)
    beside = ~in_front & (gap < 0.5 * _STAGING_M) & (np.abs(y) > length)
    goal_x = np.where(in_front, np.maximum(x, width + _CLEAR_M), staging)
    goal_y = np.where(in_front | beside, side, mine)
    allowed = 0.06 + np.clip((_STAGING_M - gap) / _STAGING_M, 0.0, 1.0) * 0.1
    lined_up = (np.abs(aside) < allowed) & (x < contact + 0.05)
    goals = box[:, None, :2] + np.stack([cos * goal_x - sin * goal_y, sin * goal_x + cos * goal_y], axis=-1)
    far = np.hypot(goal_x - x, goal_y - y)
    headings = drive.around_others(poses, goals, 0.6)

    ready = lined_up & (gap < 0.2)
    together = ready.all(axis=1, keepdims=True)
    headings = np.where(lined_up, axis[:, None] + np.clip(_SLIDE_GAIN * aside, -0.6, 0.6), headings)
    off = frames.wrap(headings - poses[..., 2])
    # All as fast as the slowest can: tyres that slip press harder the faster they turn.
    fastest = max_speed_mps * np.abs(dynamics[..., DRIVE_GAIN]).min(axis=1, keepdims=True)
    pushing = fastest * np.clip(1.0 - _TURN_GAIN * error[:, None] * mine / length, _LEAST_SHARE, 1.0)
    speed = np.where(together, pushing, np.clip(3.0 * (gap - 0.04), -0.3, 0.6))
    speed = np.where(lined_up, speed, np.minimum(1.0, 3.0 * far + 0.1))
    forward = np.clip(np.cos(off), 0.0, 1.0) ** 3 * speed / max_speed_mps
    return drive.undo(forward, 4.0 * off / max_yaw_rate_radps, dynamics)

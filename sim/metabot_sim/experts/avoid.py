"""Reciprocal avoidance: headings around other robots, and speeds at which nobody can collide.

Headings are the cheapest of a fan of candidates, each charged for its detour and for the time
in which it would lead into a neighbour or a wall (van den Berg, Lin and Manocha 2008,
"Reciprocal velocity obstacles"). Speeds are capped so that two robots together never close
more of the gap between them in a second than a fixed multiple of it (a control barrier
function; Wang, Ames and Egerstedt 2017): whatever the headings, robots that keep to it
cannot touch.
"""

from __future__ import annotations

import numpy as np

from metabot_sim.frames import pairwise, wrap

_NEIGHBOURS = 6
_CANDIDATES = 24
_LOOKAHEAD_S = 3.0
_MARGIN_M = 0.12
"""Added to the sum of two radii when headings are chosen."""
_GAP_M = 0.05
"""Added to the sum of two radii when speeds are capped."""
_APPROACH_PER_S = 5.0
"""Share of a gap that two robots may close per second."""


def nearest(poses: np.ndarray, most: int = _NEIGHBOURS) -> np.ndarray:
    """Numbers of each robot's nearest others, (n, R, min(R - 1, most)), the nearest first."""
    robots = poses.shape[1]
    apart = pairwise(poses)
    diagonal = np.arange(robots)
    apart[:, diagonal, diagonal] = np.inf
    return np.argsort(apart, axis=-1, kind="stable")[..., : min(robots - 1, most)]


def headings(
    poses: np.ndarray,
    velocities: np.ndarray,
    goals: np.ndarray,
    speeds: np.ndarray,
    others: np.ndarray,
    radius_m: float,
    half_m: tuple[float, float],
) -> np.ndarray:
    """The heading of each robot that leads it to its goal around the others, (n, R).

    Args:
        poses: (n, R, 3).
        velocities: (n, R, 2) in the world's frame, in m/s.
        goals: (n, R, 2).
        speeds: (n, R) at which each robot drives, in m/s.
        others: (n, R, M) neighbours of each robot, see `nearest`.
        radius_m: of every robot.
        half_m: half of the arena's extent along x and y.
    """
    offset = goals - poses[..., :2]
    distance = np.hypot(offset[..., 0], offset[..., 1])
    bearing = np.arctan2(offset[..., 1], offset[..., 0])
    if others.shape[-1] == 0:
        return bearing
    candidates = wrap(bearing[..., None] + _FAN)
    speed = np.minimum(speeds, 1.5 * distance + 0.1)[..., None]
    moves = np.stack([np.cos(candidates), np.sin(candidates)], axis=-1)
    rows = np.arange(len(poses))[:, None, None]
    gap = poses[rows, others, :2] - poses[:, :, None, :2]
    # A robot that is driving will give way as much as this one does: only half of what leads
    # into each other is this one's to mend.
    theirs = velocities[rows, others]
    relative = (speed[..., None] * moves)[:, :, :, None] - theirs[:, :, None]
    reach = np.hypot(gap[..., 0], gap[..., 1])
    wanted = np.minimum(2.0 * radius_m + _MARGIN_M, 0.98 * reach)
    closing = (relative * gap[:, :, None]).sum(-1)
    square = np.maximum((relative**2).sum(-1), 1e-6)
    clear = (reach**2 - wanted**2)[:, :, None]
    root = closing**2 - square * clear
    hits = (closing > 0.0) & (root > 0.0)
    time = np.where(hits, (closing - np.sqrt(np.maximum(root, 0.0))) / square, np.inf)
    # What lies beyond the goal is no obstacle on the way to it.
    until = np.minimum(_LOOKAHEAD_S, (distance + radius_m) / np.maximum(speeds, 0.05))[..., None]
    first = time.min(axis=-1)
    danger = np.where(first < until, 1.0 / np.maximum(first, 0.1) - 1.0 / _LOOKAHEAD_S, 0.0)
    ahead = poses[:, :, None, :2] + 0.5 * moves
    outside = np.maximum(np.abs(ahead) - (np.array(half_m) - radius_m - 0.05), 0.0).max(axis=-1)
    # Without the goal's own place being near a wall, a wall ahead ends the way.
    walled = np.where(distance[..., None] < 0.6, 0.0, 4.0 * outside)
    turn = np.abs(wrap(candidates - poses[..., 2:3]))
    cost = _DETOUR + 0.25 * turn + 0.9 * np.minimum(danger, 4.0) + walled
    best = np.argmin(cost, axis=-1)
    return np.take_along_axis(candidates, best[..., None], axis=-1)[..., 0]


def speed_limits(poses: np.ndarray, yaws: np.ndarray, others: np.ndarray, radius_m: float) -> np.ndarray:
    """Forward speeds that keep everybody apart if all keep to them, (n, R) in m/s.

    Args:
        poses: (n, R, 3).
        yaws: (n, R) directions in which the robots are about to move.
        others: (n, R, M), see `nearest`.
        radius_m: of every robot.
    """
    if others.shape[-1] == 0:
        return np.full(yaws.shape, np.inf)
    rows = np.arange(len(poses))[:, None, None]
    gap = poses[rows, others, :2] - poses[:, :, None, :2]
    reach = np.maximum(np.hypot(gap[..., 0], gap[..., 1]), 1e-6)
    towards = (np.cos(yaws)[..., None] * gap[..., 0] + np.sin(yaws)[..., None] * gap[..., 1]) / reach
    room = np.maximum(reach - 2.0 * radius_m - _GAP_M, 0.0)
    limit = np.where(towards > 0.02, 0.5 * _APPROACH_PER_S * room / np.maximum(towards, 0.02), np.inf)
    return limit.min(axis=-1)


_FAN = np.linspace(-np.pi, np.pi, _CANDIDATES, endpoint=False)
# Everybody passes on the right: two who meet do not dodge into each other.
_DETOUR = np.abs(_FAN) + np.where(_FAN > 0.0, 0.15, 0.0)

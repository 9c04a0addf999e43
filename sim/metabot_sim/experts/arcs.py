"""How an expert drives a car that cannot turn on the spot: the best of a fan of arcs, ahead or back.

Each arc is followed in thought; where it would end decides: how far the goal still is from there,
how far the car would have to turn towards it (either end may lead: Reeds and Shepp 1990 with
arcs tried instead of enumerated), and whether others or walls are in the way.
"""

from __future__ import annotations

import numpy as np

from metabot_sim import frames
from metabot_sim.episodes import DRIVE_GAIN, STEER_BIAS, STEER_GAIN
from metabot_sim.experts import avoid, drive

_MARGIN_M = 0.08
"""Added to the sum of two radii when arcs are chosen."""
_LENGTHS_M = np.array([0.12, 0.25, 0.45, 0.7, 1.0, 1.4])
_CURVATURES = 7
_GEAR_CHANGE_M = 0.35
"""How much longer a way may be that needs no change between forward and back."""


def shares(dynamics: np.ndarray, stop: float) -> np.ndarray:
    """Curvatures that each car can reach, as shares of its maximal one, (n, R, K).

    Args:
        dynamics: (n, R, D).
        stop: where the steering hits its stop.
    """
    gain, bias = np.abs(dynamics[..., STEER_GAIN]), dynamics[..., STEER_BIAS]
    low, high = np.maximum(bias - gain, -stop), np.minimum(bias + gain, stop)
    return low[..., None] + (high - low)[..., None] * np.linspace(0.0, 1.0, _CURVATURES)


def commands(
    poses: np.ndarray,
    twists: np.ndarray,
    goals: np.ndarray,
    dynamics: np.ndarray,
    *,
    distance: np.ndarray,
    max_speed: float,
    max_curvature: float,
    half_wheelbase_m: float,
    stop: float,
    others: np.ndarray,
    radius_m: float,
    half_m: tuple[float, float],
    rest_m: float = 0.1,
) -> np.ndarray:
    """Commands that bring cars to their goals around the others, (n, R, 2).

    Args:
        poses: (n, R, 3) of the middles between the axles.
        twists: (n, R, 2) forward speed and yaw rate.
        goals: (n, R, 2), or points on the way there.
        dynamics: (n, R, D).
        distance: (n, R) metres that are still to go.
        max_speed: of a healthy car, in m/s.
        max_curvature: of the rear axle's path at full command, in 1/m.
        half_wheelbase_m: from the rear axle to the middle.
        stop: share of `max_curvature` at which the steering hits its stop.
        others: (n, R, M), see `avoid.nearest`.
        radius_m: of every car.
        half_m: half of the arena's extent along x and y.
        rest_m: distance from the goal at which a car stays.
    """
    yaw = poses[..., 2]
    cos, sin = np.cos(yaw), np.sin(yaw)
    ahead = np.stack([cos, sin], axis=-1)
    rear = poses[..., :2] - half_wheelbase_m * ahead
    reachable = shares(dynamics, stop)
    # The arc that leads right through the goal is one of them.
    seen = goals - rear
    x, y = cos * seen[..., 0] + sin * seen[..., 1], -sin * seen[..., 0] + cos * seen[..., 1]
    through = 2.0 * y / np.maximum(x * x + y * y, 1e-4) / max_curvature
    through = np.clip(through, reachable[..., 0], reachable[..., -1])
    share = np.concatenate([reachable, through[..., None]], axis=-1)
    share = np.concatenate([share, share], axis=-1)
    gear = np.repeat([1.0, -1.0], _CURVATURES + 1)

    # Arcs of the rear axle, (n, R, K, T), in the frame of the car.
    length = gear[:, None] * _LENGTHS_M
    turned = share[..., None] * max_curvature * length
    half = 0.5 * turned
    chord = length * np.sinc(half / np.pi)
    across, along = chord * np.sin(half), chord * np.cos(half)
    # From the rear axle's middle to the car's.
    along += half_wheelbase_m * np.cos(turned)
    across += half_wheelbase_m * np.sin(turned)
    at_x = rear[..., 0, None, None] + cos[..., None, None] * along - sin[..., None, None] * across
    at_y = rear[..., 1, None, None] + sin[..., None, None] * along + cos[..., None, None] * across

    to_x, to_y = goals[..., 0, None, None] - at_x, goals[..., 1, None, None] - at_y
    left = np.hypot(to_x, to_y)
    off = np.abs(frames.wrap(np.arctan2(to_y, to_x) - yaw[..., None, None] - turned))
    off = np.minimum(off, np.pi - off)
    cost = _LENGTHS_M + left + np.where(left < 0.15, 0.0, 0.5 * off)

    blocked = _outside(poses, at_x, at_y, radius_m, half_m)
    if others.shape[-1]:
        speeds = max_speed * np.minimum(np.abs(dynamics[..., DRIVE_GAIN]), 1.0)
        blocked |= _hits(poses, twists, at_x, at_y, speeds, others, 2.0 * radius_m + _MARGIN_M)
    blocked = np.logical_or.accumulate(blocked, axis=-1)
    best = np.where(blocked, np.inf, cost).min(axis=-1)
    rolling = np.clip(twists[..., 0] / (0.2 * max_speed), -1.0, 1.0)[..., None]
    best = best + 0.5 * _GEAR_CHANGE_M * (1.0 - gear * rolling) + 0.02 * (share > 0.0)
    chosen = np.argmin(best, axis=-1)[..., None]
    free = np.isfinite(np.take_along_axis(best, chosen, axis=-1)[..., 0])
    direction = gear[chosen[..., 0]]
    bend = np.take_along_axis(share, chosen, axis=-1)[..., 0]

    # The middle of a car that turns slips outwards; it is the middle that has to keep apart.
    slip = np.arctan(bend * max_curvature * half_wheelbase_m)
    course = yaw + direction * slip + np.where(direction < 0.0, np.pi, 0.0)
    limit = avoid.speed_limits(poses, course, others, radius_m) * np.cos(slip)
    # Steering takes its time: the car slows down until the wheels point where they should.
    curvature = twists[..., 1] / np.where(np.abs(twists[..., 0]) < 0.1, np.inf, twists[..., 0])
    late = np.abs(curvature / max_curvature - bend) * (np.abs(twists[..., 0]) > 0.1)
    speed = np.minimum(np.minimum(1.0, 2.0 * distance + 0.1) / (1.0 + late), limit / max_speed)
    forward = np.where((distance > rest_m) & free, direction * speed, 0.0)
    return drive.undo(forward, bend, dynamics)


def _outside(
    poses: np.ndarray, at_x: np.ndarray, at_y: np.ndarray, radius_m: float, half_m: tuple[float, float]
) -> np.ndarray:
    """Which points are too near a wall, and no farther from it than the car is now."""
    room_x, room_y = half_m[0] - radius_m, half_m[1] - radius_m
    now_x, now_y = np.abs(poses[..., 0, None, None]), np.abs(poses[..., 1, None, None])
    return (np.abs(at_x) > np.maximum(room_x, now_x)) | (np.abs(at_y) > np.maximum(room_y, now_y))


def _hits(
    poses: np.ndarray,
    twists: np.ndarray,
    at_x: np.ndarray,
    at_y: np.ndarray,
    speeds: np.ndarray,
    others: np.ndarray,
    keep_m: float,
) -> np.ndarray:
    """Which points are too near to where a neighbour will be by then, (n, R, K, T)."""
    rows = np.arange(len(poses))[:, None, None]
    them = poses[rows, others]
    speed = twists[rows, others, 0]
    now = np.hypot(them[..., 0] - poses[..., 0, None], them[..., 1] - poses[..., 1, None])
    # Who is too near already may still go away.
    keep = np.minimum(keep_m, 0.98 * now)
    # Nobody is trusted to drive on for more than a second.
    when = np.minimum(_LENGTHS_M / np.maximum(speeds, 0.2)[..., None], 1.0)
    hits = np.zeros(at_x.shape, dtype=bool)
    for slot in range(others.shape[-1]):
        x = them[..., slot, 0, None] + (speed[..., slot] * np.cos(them[..., slot, 2]))[..., None] * when
        y = them[..., slot, 1, None] + (speed[..., slot] * np.sin(them[..., slot, 2]))[..., None] * when
        hits |= (at_x - x[:, :, None]) ** 2 + (at_y - y[:, :, None]) ** 2 < (keep[..., slot] ** 2)[..., None, None]
    return hits

"""How an expert that knows the hidden dynamics of cars drives to a point, around the others."""

from __future__ import annotations

import numpy as np

from metabot_sim.episodes import DRIVE_GAIN, STEER_BIAS, STEER_GAIN
from metabot_sim.frames import pairwise, wrap

SAFE_M = 0.75
"""Distance within which another robot is driven around."""


def undo(forward: np.ndarray, turn: np.ndarray, dynamics: np.ndarray) -> np.ndarray:
    """Commands that give a wanted motion in spite of the hidden dynamics, (..., 2) in [-1, 1].

    Args:
        forward: (...) wanted share of the maximal speed.
        turn: (...) wanted share of the maximal yaw rate.
        dynamics: (..., D), see `metabot_sim.episodes.ROBOT_DYNAMICS`. Against a gain of
            zero nothing helps, and nothing is commanded.
    """
    u = forward * _inverse(dynamics[..., DRIVE_GAIN])
    w = (turn - dynamics[..., STEER_BIAS]) * _inverse(dynamics[..., STEER_GAIN])
    return np.clip(np.stack([u, w], axis=-1), -1.0, 1.0)


def _inverse(gain: np.ndarray) -> np.ndarray:
    return np.divide(1.0, gain, out=np.zeros_like(gain), where=gain != 0.0)


def around_others(poses: np.ndarray, goals: np.ndarray, safe_m: float = SAFE_M) -> np.ndarray:
    """Headings towards the goals that bend to the right around robots in the way, (n, R).

    A robot ahead within `safe_m` pushes away and to its left: everybody passes on the right,
    so that two who meet do not dodge into each other.

    Args:
        poses: (n, R, 3).
        goals: (n, R, 2).
        safe_m: distance within which others count.
    """
    offset = goals - poses[..., :2]
    distance = np.maximum(np.hypot(offset[..., 0], offset[..., 1]), 1e-6)
    pull = offset / distance[..., None]
    if poses.shape[1] > 1:
        gaps = poses[:, :, None, :2] - poses[:, None, :, :2]
        apart = pairwise(poses)
        weight = np.clip((safe_m - apart) / (safe_m - 0.36), 0.0, 1.5)
        diagonal = np.arange(poses.shape[1])
        weight[:, diagonal, diagonal] = 0.0
        away = gaps / np.maximum(apart, 1e-6)[..., None]
        # Only those on the way to the goal are driven around.
        ahead = np.clip(0.3 - (away * pull[:, :, None]).sum(-1), 0.0, 1.0)
        aside = np.stack([away[..., 1], -away[..., 0]], axis=-1)
        push = (weight * ahead)[..., None] * (1.6 * away - 1.4 * aside)
        pull = pull + push.sum(axis=2)
    return np.arctan2(pull[..., 1], pull[..., 0])


def towards(
    poses: np.ndarray,
    headings: np.ndarray,
    distance: np.ndarray,
    dynamics: np.ndarray,
    max_yaw_rate: float = 3.0,
    speed_limits: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Commands that turn to a heading and drive, slower near the goal, (n, R, 2).

    Args:
        poses: (n, R, 3).
        headings: (n, R) wanted, in radians.
        distance: (n, R) metres still to go.
        dynamics: (n, R, D).
        max_yaw_rate: of the robot, in rad/s.
        speed_limits: (n, R) largest allowed share of the maximal speed.
    """
    error = quickest_turn(wrap(headings - poses[..., 2]), dynamics)
    moving = distance > 0.05
    turn = np.where(moving, 4.0 * error / max_yaw_rate, 0.0)
    forward = np.where(moving, np.clip(np.cos(error), 0.0, 1.0) ** 3 * np.minimum(1.0, 4.0 * distance), 0.0)
    return undo(np.minimum(forward, speed_limits), turn, dynamics)


def quickest_turn(error: np.ndarray, dynamics: np.ndarray) -> np.ndarray:
    """The same turn, or the other way round where a biased steering gets there sooner, (n, R).

    Args:
        error: (n, R) turn wanted, in [-pi, pi).
        dynamics: (n, R, D).
    """
    gain, bias = np.abs(dynamics[..., STEER_GAIN]), dynamics[..., STEER_BIAS]
    side = np.where(error < 0.0, -1.0, 1.0)
    straight = np.abs(error) * np.maximum(gain - side * bias, 1e-3)
    round_about = (2.0 * np.pi - np.abs(error)) * np.maximum(gain + side * bias, 1e-3)
    return np.where(straight < round_about, error, error - side * 2.0 * np.pi)

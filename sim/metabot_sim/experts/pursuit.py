"""How experts chase and flee: hunters that cut off and surround, a prey that runs to open space."""

from __future__ import annotations

import numpy as np

from metabot_sim.experts import drive

_LEAD_S = 1.5
"""Hunters drive to where the prey will be, at most so far ahead."""
_FAN = np.linspace(-np.pi, np.pi, 24, endpoint=False)
_TIMES_S = np.array([0.3, 0.7, 1.2, 2.0])
_EDGE_M = 0.25
"""A car's centre comes no closer to a wall."""


def intercept(poses: np.ndarray, speeds: np.ndarray, prey: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Points at which pursuers of given speeds would meet a prey that drives straight on, (n, H, 2).

    Args:
        poses: (n, H, 3) of the pursuers.
        speeds: (n, H) in m/s.
        prey: (n, H, 2) position of the prey of each.
        velocity: (n, H, 2) its velocity in m/s.
    """
    offset = prey - poses[..., :2]
    time = np.hypot(offset[..., 0], offset[..., 1]) / np.maximum(speeds, 0.1)
    return prey + velocity * np.minimum(time, _LEAD_S)[..., None]


def surround(poses: np.ndarray, prey: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Shift the points that hunters drive to so that they come from all sides, (n, H, 2).

    Each gets a bearing of its own around the prey, in the order in which they stand around
    it; the nearer a hunter is, the smaller the shift.

    Args:
        poses: (n, H, 3).
        prey: (n, 1, 2).
        points: (n, H, 2), see `intercept`.
    """
    hunters = poses.shape[1]
    if hunters == 1:
        return points
    offset = poses[..., :2] - prey
    bearing = np.arctan2(offset[..., 1], offset[..., 0])
    rank = np.argsort(np.argsort(bearing, axis=1, kind="stable"), axis=1, kind="stable")
    spread = 2.0 * np.pi * rank / hunters
    lag = bearing - spread
    base = np.arctan2(np.sin(lag).sum(axis=1), np.cos(lag).sum(axis=1))[:, None]
    distance = np.hypot(offset[..., 0], offset[..., 1])
    radius = np.clip(0.6 * (distance - 0.9), 0.0, 1.2)
    side = base + spread
    return points + radius[..., None] * np.stack([np.cos(side), np.sin(side)], axis=-1)


def flee(
    pose: np.ndarray, speed: np.ndarray, hunters: np.ndarray, speeds: np.ndarray, half_m: np.ndarray
) -> np.ndarray:
    """The heading that keeps the prey longest out of every hunter's reach, (n,).

    Of a fan of headings it takes the one with the largest head start: its distance, after a
    while on that heading and along the walls, from each hunter, less what that hunter can
    drive in the same time.

    Args:
        pose: (n, 3) of the prey.
        speed: (n,) of the prey, in m/s.
        hunters: (n, H, 2) where they are.
        speeds: (n, H) of the hunters, in m/s.
        half_m: (2,) half of the arena's extent along x and y.
    """
    headings = pose[:, 2:] + _FAN
    turn = np.abs(_FAN)
    # A car turns before it drives.
    driven = speed[:, None, None] * np.maximum(_TIMES_S - 0.2 * turn[:, None], 0.0)
    moves = np.stack([np.cos(headings), np.sin(headings)], axis=-1)
    edge = half_m - _EDGE_M
    points = np.clip(pose[:, None, None, :2] + driven[..., None] * moves[:, :, None], -edge, edge)
    gaps = points[:, :, :, None] - hunters[:, None, None]
    start = np.hypot(gaps[..., 0], gaps[..., 1]) - speeds[:, None, None] * _TIMES_S[:, None]
    cornered = (np.abs(points[:, :, -1]) / edge).max(axis=-1)
    score = start.min(axis=-1).sum(axis=-1) - 0.5 * cornered - 0.05 * turn
    best = np.argmax(score, axis=1)
    return np.take_along_axis(headings, best[:, None], axis=1)[:, 0]


def chase(poses: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Headings to points around one's mates, and the distances to them, both (n, H)."""
    offset = points - poses[..., :2]
    return drive.around_others(poses, points), np.hypot(offset[..., 0], offset[..., 1])

"""Geometry of the floor: angles, distances, points in frames. Radians and metres, REP-103."""

from __future__ import annotations

import numpy as np


def wrap(angle: np.ndarray) -> np.ndarray:
    """An angle in [-pi, pi)."""
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def yaws(quaternions: np.ndarray) -> np.ndarray:
    """Rotations about the vertical, (...), of unit quaternions, (..., 4) with w first."""
    w, x, y, z = (quaternions[..., i] for i in range(4))
    return np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def turned(quaternions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors, (..., 3), turned by unit quaternions, (..., 4) with w first.

    >>> turned(np.array([0.5**0.5, 0.0, 0.0, 0.5**0.5]), np.array([1.0, 0.0, 0.0])).round(6)
    array([0., 1., 0.])
    """
    w, axis = quaternions[..., :1], quaternions[..., 1:]
    across = 2.0 * np.cross(axis, vectors)
    result: np.ndarray = vectors + w * across + np.cross(axis, across)
    return result


def polar(distance: np.ndarray, bearing: np.ndarray) -> np.ndarray:
    """Points at distances and bearings from the origin, (..., 2)."""
    return np.stack([distance * np.cos(bearing), distance * np.sin(bearing)], axis=-1)


def pairwise(points: np.ndarray) -> np.ndarray:
    """Distances between all points of each episode, (n, count, count)."""
    offset = points[..., :, None, :2] - points[..., None, :, :2]
    return np.hypot(offset[..., 0], offset[..., 1])


def in_frame(poses: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points of the world as seen from poses, ahead and to the left.

    Args:
        poses: (..., 3) x, y, yaw.
        points: (..., 2) that broadcasts against the poses.
    """
    offset = points - poses[..., :2]
    cos, sin = np.cos(poses[..., 2]), np.sin(poses[..., 2])
    seen = np.empty_like(offset)
    seen[..., 0] = cos * offset[..., 0] + sin * offset[..., 1]
    seen[..., 1] = -sin * offset[..., 0] + cos * offset[..., 1]
    return seen


def to_world(poses: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The inverse of `in_frame`: points given in the frames of poses, in the world.

    Args:
        poses: (..., 3) x, y, yaw.
        points: (..., 2) that broadcasts against the poses.
    """
    cos, sin = np.cos(poses[..., 2]), np.sin(poses[..., 2])
    ahead, left = points[..., 0], points[..., 1]
    return poses[..., :2] + np.stack([cos * ahead - sin * left, sin * ahead + cos * left], axis=-1)

"""Kinematics of many arms at once: Jacobians, damped least squares, the closed form with the hand down."""

from __future__ import annotations

import numpy as np

SHOULDER_HEIGHT_M, UPPER_ARM_M, FOREARM_M, HAND_M = 0.20, 0.32, 0.38, 0.135
"""Lengths in arm.xml; the hand's from the wrist to the fingertips' centre."""


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products over the last axis; `np.cross` is several times slower."""
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    result[..., 0] = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    result[..., 1] = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    result[..., 2] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return result


def jacobian(axes: np.ndarray, anchors: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Jacobians of points that hinge joints move.

    Args:
        axes: (..., joints, 3) in the world.
        anchors: (..., joints, 3) in the world, in metres.
        points: (..., 3) in the world, in metres.

    Returns:
        (..., 6, joints): the point's velocity above the angular velocity.
    """
    columns = np.concatenate([cross(axes, points[..., None, :] - anchors), axes], axis=-1)
    return np.swapaxes(columns, -1, -2)


def least_squares(jacobians: np.ndarray, errors: np.ndarray, damping: float) -> np.ndarray:
    """Joint changes that undo errors of the hand (Wampler 1986, damped least squares).

    Args:
        jacobians: (..., 6, joints).
        errors: (..., 6) metres and radians.
        damping: larger is slower and calmer near singular poses.

    Returns:
        (..., joints) radians.
    """
    transposed = np.swapaxes(jacobians, -1, -2)
    square = np.matmul(jacobians, transposed) + damping**2 * np.eye(jacobians.shape[-2])
    return np.matmul(transposed, np.linalg.solve(square, errors[..., None]))[..., 0]


def turn_to(frames: np.ndarray, yaws: np.ndarray) -> np.ndarray:
    """Rotation vectors, to first order, from hands to hands that point down at a yaw.

    Args:
        frames: (..., 3, 3) the hands' axes as columns.
        yaws: (...) in radians.
    """
    wanted = np.zeros(frames.shape)
    cos, sin = np.cos(yaws), np.sin(yaws)
    wanted[..., 0, 0], wanted[..., 0, 1] = cos, sin
    wanted[..., 1, 0], wanted[..., 1, 1] = -sin, cos
    wanted[..., 2, 2] = 1.0
    return 0.5 * cross(np.swapaxes(frames, -1, -2), wanted).sum(axis=-2)


def hand_down(x: float, y: float, z: float, yaw: float) -> np.ndarray:
    """Joint angles, (6,) radians, that bring the fingertips to a point with the hand pointing down.

    Args:
        x: metres ahead of the base.
        y: metres to its left.
        z: metres above the floor.
        yaw: of the hand relative to the base.
    """
    radius, height = np.hypot(x, y), z + HAND_M - SHOULDER_HEIGHT_M
    cos = (radius**2 + height**2 - UPPER_ARM_M**2 - FOREARM_M**2) / (2.0 * UPPER_ARM_M * FOREARM_M)
    bend = np.arccos(np.clip(cos, -1.0, 1.0))
    shoulder = np.arctan2(radius, height) - np.arctan2(FOREARM_M * np.sin(bend), UPPER_ARM_M + FOREARM_M * np.cos(bend))
    elbow, waist = bend - np.pi / 2, np.arctan2(y, x)
    return np.array([waist, shoulder, elbow, 0.0, -(shoulder + elbow), yaw - waist])


def tilt(
    vectors: np.ndarray, roll: np.ndarray, pitch: np.ndarray, *, back: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors turned about x and then about y; their parts along x, y and z, (...) each.

    Args:
        vectors: (..., 3).
        roll: (...) radians about x.
        pitch: (...) radians about y.
        back: undo that.
    """
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    if not (roll.any() or pitch.any()):
        return x, y, z
    cos_roll, sin_roll, cos_pitch, sin_pitch = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch)
    if back:
        x, z = cos_pitch * x - sin_pitch * z, sin_pitch * x + cos_pitch * z
        return x, cos_roll * y + sin_roll * z, -sin_roll * y + cos_roll * z
    y, z = cos_roll * y - sin_roll * z, sin_roll * y + cos_roll * z
    return cos_pitch * x + sin_pitch * z, y, -sin_pitch * x + cos_pitch * z

"""The scripted expert of `drive-goal`: turn towards the pad, drive when facing it."""

from __future__ import annotations

import numpy as np

from metabot_sim.robots import diffdrive


def act(pose: np.ndarray, goal: np.ndarray, dynamics: np.ndarray, stop_m: float = 0.05) -> np.ndarray:
    """Commands that drive a robot whose hidden dynamics are known to its goal.

    Args:
        pose: (..., 3) x, y in metres, yaw in radians.
        goal: (..., 2) in metres.
        dynamics: (..., 3) drive gain, steer gain, steer bias.
        stop_m: distance below which the robot holds still.

    Returns:
        (..., 2) forward and turn commands in [-1, 1].
    """
    offset = goal - pose[..., :2]
    distance = np.hypot(offset[..., 0], offset[..., 1])
    error = np.arctan2(offset[..., 1], offset[..., 0]) - pose[..., 2]
    error = (error + np.pi) % (2 * np.pi) - np.pi
    moving = distance > stop_m
    yaw_rate = np.where(moving, 4.0 * error, 0.0) / diffdrive.MAX_YAW_RATE_RADPS
    speed = np.where(moving, np.clip(np.cos(error), 0.0, 1.0) ** 3 * np.minimum(1.0, 4.0 * distance), 0.0)
    forward = speed / diffdrive.MAX_SPEED_MPS / dynamics[..., 0]
    turn = (yaw_rate - dynamics[..., 2]) / dynamics[..., 1]
    return np.clip(np.stack([forward, turn], axis=-1), -1.0, 1.0)

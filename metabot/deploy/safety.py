"""The safety filter between a policy and a robot: what it says, limited to what is safe."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SafetyLimits:
    """When a command is changed or withheld."""

    stale_s: float = 0.5
    """Age of odometry beyond which the robot stops."""
    robot_radius_m: float = 0.18
    clearance_m: float = 0.25
    """Free space to another robot below which the one that has to give way stops."""


@dataclass(frozen=True)
class Filtered:
    """A safe command and why it differs from the policy's, "" if it does not."""

    command: np.ndarray
    reason: str


STOP = np.zeros(2)


def filter_command(
    command: np.ndarray,
    odometry_age_s: float,
    others: dict[str, np.ndarray],
    robot: str,
    limits: SafetyLimits,
) -> Filtered:
    """Limit a command to what is safe.

    Stops on stale odometry and on numbers that are not finite; clips to [-1, 1]; of two robots
    closer than the clearance the one whose name sorts later holds still, so that never both
    wait for each other.

    Args:
        command: (2,) forward and turn from the policy.
        odometry_age_s: seconds since the newest odometry.
        others: (2,) way in metres to every other robot that is known of, in any one frame.
        robot: own name.
        limits: the limits.
    """
    if not odometry_age_s <= limits.stale_s:
        return Filtered(STOP, f"no odometry for {odometry_age_s:.1f} s")
    if not np.isfinite(command).all():
        return Filtered(STOP, "the policy's command is not finite")
    reach = 2 * limits.robot_radius_m + limits.clearance_m
    for name, way in others.items():
        if name < robot and math.hypot(way[0], way[1]) < reach:
            return Filtered(STOP, f"giving way to {name}")
    return Filtered(np.clip(command, -1.0, 1.0), "")

"""The faults of a demo run: none of them was trained on exactly."""

from __future__ import annotations

import math

from metabot.task import RobotDynamics, TaskSpec

_FEEDBACK: tuple[RobotDynamics, ...] = (
    RobotDynamics(drive_gain=1.0, steer_gain=-1.0, steer_bias=0.0),
    RobotDynamics(drive_gain=0.65, steer_gain=1.0, steer_bias=0.28),
    RobotDynamics(drive_gain=-1.0, steer_gain=-1.0, steer_bias=0.0),
    RobotDynamics(drive_gain=-0.8, steer_gain=1.1, steer_bias=-0.2),
    RobotDynamics(drive_gain=0.9, steer_gain=1.35, steer_bias=-0.3),
    RobotDynamics(drive_gain=-0.7, steer_gain=-0.8, steer_bias=0.2),
)
"""Of motors, for `drive-goal`: which way they turn is one bit, and feedback swallows the rest."""


def _turned(degrees: float, **others: float) -> RobotDynamics:
    return RobotDynamics(heading_offset=round(math.radians(degrees), 4), **others)  # type: ignore[arg-type]


_ODOMETRY: tuple[RobotDynamics, ...] = (
    _turned(40.0),
    _turned(100.0, odometry_scale=1.2),
    _turned(160.0, odometry_scale=0.85),
    _turned(-140.0, wheel_left=0.8),
    _turned(-80.0, odometry_drift=-0.1),
    _turned(-20.0, steer_bias=0.2),
)
"""For `drive-odometry`: a compass mounted 60 degrees further round each time. The last three have a part of a
kind that no task of training has: a weak wheel, a heading that drifts away, steering that pulls."""

LEAST = 5
"""Faults that are told apart, however few robots there are."""


FAULTS = {"drive-goal": _FEEDBACK, "drive-odometry": _ODOMETRY}
"""By family, for its robots in turn."""


def with_faults(spec: TaskSpec, first: int = 0) -> TaskSpec:
    """The task with robot i suffering fault `first` + i of its family, counted round."""
    faults = FAULTS[spec.family]
    return spec.with_dynamics(faults[(first + index) % len(faults)] for index in range(len(spec.robots)))

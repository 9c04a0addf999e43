"""The four-wheel Ackermann car: two steered front wheels, all four driven."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from metabot_sim.episodes import DRIVE_GAIN, STEER_BIAS, STEER_GAIN
from metabot_sim.robots.car import miswired
from metabot_sim.robots.planar import PlanarCar

MJCF = Path(__file__).with_name("ackermann.xml")

WHEEL_RADIUS_M = 0.04
WHEELBASE_M = 0.24
TRACK_M = 0.17
MAX_SPEED_MPS = 1.0
"""Speed of the rear axle's middle for a full command on a healthy car."""
MAX_CURVATURE_PER_M = 1.0 / 0.36
"""Curvature of the rear axle's path for a full turn command on a healthy car."""
STOP = 1.2
"""Share of the maximal curvature at which the steering hits its stop."""

ACTUATORS = (
    "steer_left",
    "steer_right",
    "wheel_front_left",
    "wheel_front_right",
    "wheel_rear_left",
    "wheel_rear_right",
)


def targets(command: np.ndarray, dynamics: np.ndarray) -> np.ndarray:
    """Steering angles and wheel speeds of a command under hidden dynamics.

    The kinematic bicycle model with Ackermann geometry: all four axles meet in the centre of the
    turn, so that the inner front wheel turns in more than the outer one and every wheel rolls.

    Args:
        command: (..., 2), forward and turn, clipped to [-1, 1].
        dynamics: (..., D), see `metabot_sim.episodes.ROBOT_DYNAMICS`.

    Returns:
        (..., 6) in the order of `ACTUATORS`: rad, rad, then rad/s.
    """
    speed = MAX_SPEED_MPS * dynamics[..., DRIVE_GAIN] * command[..., 0]
    share = np.clip(dynamics[..., STEER_GAIN] * command[..., 1] + dynamics[..., STEER_BIAS], -STOP, STOP)
    curvature = share * MAX_CURVATURE_PER_M
    # How fast the middle of each side moves, as a share of the rear axle's middle.
    sides = 1.0 + curvature[..., None] * np.array([-0.5 * TRACK_M, 0.5 * TRACK_M])
    across = curvature[..., None] * WHEELBASE_M
    steer = np.arctan2(across, sides)
    rolling = speed[..., None] / WHEEL_RADIUS_M
    front, rear = rolling * np.hypot(sides, across), rolling * sides
    return np.concatenate([steer, miswired(front, dynamics), miswired(rear, dynamics)], axis=-1)


class Ackermann(PlanarCar):
    """Four-wheel cars: they turn only while they roll, on circles of at least 0.36 m.

    A turn command stands for the curvature of the path, so that the yaw rate is its share of the
    maximal one times the speed's. One dead motor of the four leaves the car drivable.
    """

    mjcf = MJCF
    height_m = WHEEL_RADIUS_M
    motors = ACTUATORS
    # 8 N a tyre, at wheels of 0.04 m.
    grip = {  # noqa: RUF012
        **{name: 0.32 for name in ACTUATORS[2:]},
        **{name.replace("wheel", "side"): 8.0 for name in ACTUATORS[2:]},
    }
    motor_limit = {name: 0.3 for name in ACTUATORS[2:]}  # noqa: RUF012
    max_speed_mps = MAX_SPEED_MPS
    max_yaw_rate_radps = MAX_SPEED_MPS * MAX_CURVATURE_PER_M

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Targets of steering and wheels."""
        self.world.ctrl[:, self.actuators] = targets(actions, dynamics)

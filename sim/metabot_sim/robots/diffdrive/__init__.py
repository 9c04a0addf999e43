"""The differential-drive robot: its geometry, its commands, what its policy observes."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.frames import in_frame
from metabot_sim.robots.base import robot_prefix
from metabot_sim.robots.car import miswired
from metabot_sim.robots.planar import PlanarCar

MJCF = Path(__file__).with_name("diffdrive.xml")

WHEEL_RADIUS_M = 0.05
TRACK_M = 0.24
SPAWN_HEIGHT_M = 0.05
MAX_SPEED_MPS = 1.0
"""Forward speed for a full command on a healthy robot."""
MAX_YAW_RATE_RADPS = 3.0
"""Yaw rate for a full turn command on a healthy robot."""

TRAY_HEIGHT_M, TRAY_HALF_M = 0.12, 0.1
"""Of a tray: height of its floor, half of the side between its rims."""
_RIM_HALF_M = (0.003, 0.004)
"""Half of a rim's thickness and height: low enough for fingers to reach what lies against it."""

ACTUATORS = ("wheel_left", "wheel_right")
ACTION_NAMES = ("forward", "turn")
OBSERVATION_NAMES = (
    "goal_forward",
    "goal_left",
    "goal_cos",
    "goal_sin",
    "forward_speed",
    "yaw_rate",
)
RECKONING_NAMES = (
    "goal_forward",
    "goal_left",
    "goal_cos",
    "goal_sin",
    "way_forward",
    "way_left",
    "forward_speed",
    "yaw_rate",
)
GOAL_SCALE_M = 2.0


def wheel_speeds(command: np.ndarray, dynamics: np.ndarray) -> np.ndarray:
    """Wheel speed targets of a command under hidden dynamics.

    Args:
        command: (..., 2), forward and turn, clipped to [-1, 1].
        dynamics: (..., D), see `metabot_sim.episodes.ROBOT_DYNAMICS`.

    Returns:
        (..., 2) left and right wheel speed in rad/s.
    """
    command = np.clip(command, -1.0, 1.0)
    forward = MAX_SPEED_MPS * dynamics[..., 0] * command[..., 0]
    turn = MAX_YAW_RATE_RADPS * (dynamics[..., 1] * command[..., 1] + dynamics[..., 2])
    half = 0.5 * TRACK_M * turn
    return miswired(np.stack([forward - half, forward + half], axis=-1) / WHEEL_RADIUS_M, dynamics)


def reckon_places(pose: np.ndarray, goal: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The first six of `RECKONING_NAMES` of robots that go by their own odometry.

    Args:
        pose: (..., 3) x, y in metres, yaw in radians, as the robot believes them.
        goal: (..., 2) the pad's centre on the map, in metres.
        start: (..., 2) where it started, in metres.

    Returns:
        (..., 6): the pad as it lies from the start and the way since then, both as seen from the robot's heading.
    """
    turned = pose.copy()
    turned[..., :2] = start
    ahead = in_frame(turned, goal)
    seen = np.empty((*pose.shape[:-1], 6))
    seen[..., :2] = ahead / GOAL_SCALE_M
    seen[..., 2:4] = ahead / np.maximum(np.hypot(ahead[..., 0], ahead[..., 1]), 1e-6)[..., None]
    seen[..., 4:] = -in_frame(pose, start) / GOAL_SCALE_M
    return seen


class DiffDrive(PlanarCar):
    """Differential-drive robots: two driven wheels, two casters."""

    mjcf = MJCF
    height_m = SPAWN_HEIGHT_M
    motors = ACTUATORS
    # 9 N a tyre, at wheels of 0.05 m.
    grip = {"wheel_left": 0.45, "wheel_right": 0.45, "axle": 18.0}  # noqa: RUF012
    motor_limit = {"wheel_left": 1.2, "wheel_right": 1.2}  # noqa: RUF012
    max_speed_mps = MAX_SPEED_MPS
    max_yaw_rate_radps = MAX_YAW_RATE_RADPS

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`."""
        super().attach(scene, robot, spec, index)
        if robot.tray:
            _add_tray(scene, robot_prefix(robot.name))

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Wheel speed targets."""
        self.world.ctrl[:, self.actuators] = wheel_speeds(actions, dynamics)


def _add_tray(scene: mujoco.MjSpec, prefix: str) -> None:
    """Four rims on top of the chassis."""
    thick, high = _RIM_HALF_M
    middle, long = TRAY_HALF_M + thick, TRAY_HALF_M + 2.0 * thick
    # The nose moves out of the way of what is carried.
    scene.geom(prefix + "nose").pos = [0.14, 0.0, 0.035]
    for number, (x, y) in enumerate(((middle, 0.0), (-middle, 0.0), (0.0, middle), (0.0, -middle))):
        scene.body(prefix + "base").add_geom(
            name=f"{prefix}rim_{number + 1}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[x, y, TRAY_HEIGHT_M - SPAWN_HEIGHT_M + high],
            size=[thick if x else long, thick if y else long, high],
            mass=0.01,
            friction=[0.3, 0.005, 0.0001],
            rgba=[0.25, 0.27, 0.30, 1.0],
        )

"""`CarGroup`: what all driving robots share: planar poses and twists, a bumper."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.colors import COLORS, TEAM_COLORS
from metabot_sim.episodes import WHEEL_LEFT, WHEEL_RIGHT, WHEELS_SWAPPED
from metabot_sim.robots.base import RobotGroup, robot_prefix

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld


class CarGroup(RobotGroup):
    """Robots that drive on the floor.

    The MJCF has a body ``base``, a geom ``chassis`` (it takes the robot's colour) and a touch
    sensor ``bumper`` that feels whatever is not the floor.
    """

    max_speed_mps: float
    """Forward speed of a healthy robot at full command."""
    max_yaw_rate_radps: float
    """Yaw rate of a healthy robot at full command (of a car: at full speed and lock)."""
    proprio_names = ("forward_speed", "yaw_rate")
    action_names = ("forward", "turn")

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        super().__init__(world, robots, indices)
        self._bumper = np.array(
            [int(world.model.sensor(robot_prefix(robot.name) + "bumper").adr[0]) for robot in robots]
        )

    @classmethod
    def has_wheels(cls, robot: RobotSpec) -> bool:
        """See `RobotGroup.has_wheels`."""
        return True

    @property
    def limits(self) -> np.ndarray:
        """(r, 2): forward speed and yaw rate of each robot at full command."""
        both = np.broadcast_arrays(self.max_speed_mps, self.max_yaw_rate_radps, np.empty(len(self.robots)))[:2]
        return np.stack(both, axis=-1)

    @abstractmethod
    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """(n, r, 3): x, y in metres and yaw in radians, in the world frame; of some simulations if asked."""

    @abstractmethod
    def velocities(self) -> np.ndarray:
        """(n, r, 3): velocity along x and y of the world in m/s, yaw rate in rad/s."""

    @abstractmethod
    def put(self, robot: int, pose: np.ndarray, velocity: np.ndarray) -> None:
        """Put a robot of the first simulation somewhere.

        Args:
            robot: its number among these.
            pose: (3,) x, y in metres and yaw in radians, in the world frame.
            velocity: (3,) along x and y of the world in m/s, yaw rate in rad/s.
        """

    def twists(self, poses: np.ndarray | None = None) -> np.ndarray:
        """(n, r, 2): forward speed in m/s and yaw rate in rad/s, robot frame."""
        yaw = (self.poses() if poses is None else poses)[..., 2]
        velocity = self.velocities()
        twists = np.empty((*yaw.shape, 2))
        twists[..., 0] = velocity[..., 0] * np.cos(yaw) + velocity[..., 1] * np.sin(yaw)
        twists[..., 1] = velocity[..., 2]
        return twists

    def bumped(self) -> np.ndarray:
        """(n, r) bool: which robots touch something that is not the floor."""
        return self.world.sensordata[:, self._bumper] > 0.0

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`."""
        poses = self.poses()
        twists = self.world.odometry.twists(self, self.twists(poses))
        return twists / np.array([self.max_speed_mps, self.max_yaw_rate_radps])


def miswired(targets: np.ndarray, dynamics: np.ndarray) -> np.ndarray:
    """What a left and a right wheel do that are told these targets, (..., 2).

    Args:
        targets: (..., 2) of the left and the right wheel.
        dynamics: (..., D), see `metabot_sim.episodes.ROBOT_DYNAMICS`.
    """
    swapped = dynamics[..., WHEELS_SWAPPED, None] > 0.0
    told = np.where(swapped, targets[..., ::-1], targets) if swapped.any() else targets
    return told * dynamics[..., WHEEL_LEFT : WHEEL_RIGHT + 1]


def paint(robot: RobotSpec, spec: TaskSpec) -> tuple[float, float, float, float]:
    """The colour of a car: its pad's, or its team's where it is sent to none."""
    return COLORS[robot.goal] if robot.goal else team_color(robot, spec)


def team_color(robot: RobotSpec, spec: TaskSpec) -> tuple[float, float, float, float]:
    """The colour of a robot's team."""
    teams = list(dict.fromkeys(each.team for each in spec.robots))
    return TEAM_COLORS[teams.index(robot.team) % len(TEAM_COLORS)]

"""Topics of simulated robots and objects: what they say of themselves, and how they are told what to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseArray, Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from metabot.nodes import conversions as convert
from metabot.nodes.qos import newest
from metabot.task import RobotInterface
from metabot_sim.batch import BatchedWorld
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.car import CarGroup

Told = Callable[[slice, np.ndarray], None]
"""Takes which numbers of a robot's action were commanded, and their values, each meant in [-1, 1]."""


@dataclass(frozen=True)
class Snapshot:
    """Where all robots of one world are; arms stand at their bases.

    Attributes:
        poses: (R, 3) x, y, yaw.
        believed: (R, 3), as their odometry has them believe.
        twists: (R, 2) forward speed and yaw rate of those that drive.
        counted: (R, 2), as their odometry counts them.
    """

    poses: np.ndarray
    believed: np.ndarray
    twists: np.ndarray
    counted: np.ndarray

    @classmethod
    def of(cls, world: BatchedWorld) -> Snapshot:
        """The newest state of a world's first simulation."""
        poses, twists = np.zeros((world.num_sims, world.num_robots, 3)), np.zeros((world.num_sims, world.num_robots, 2))
        counted = twists.copy()
        for group in world.groups:
            if isinstance(group, CarGroup):
                poses[:, group.indices] = group.poses()
                driven = group.twists(poses[:, group.indices])
                twists[:, group.indices], counted[:, group.indices] = driven, world.odometry.twists(group, driven)
            elif isinstance(group, Arm):
                poses[:, group.indices] = group.bases
        return cls(poses[0], world.odometry.poses(poses)[0], twists[0], counted[0])


class SimulatedRobot(ABC):
    """The topics of one robot of a world."""

    def __init__(self, node: Node, world: BatchedWorld, index: int) -> None:
        """Keep what all kinds need.

        Args:
            node: that publishes.
            world: the robot's.
            index: its number in the task.
        """
        self._node, self._world, self._index = node, world, index
        self.name = world.spec.robots[index].name
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []
        self._reward = self._says(Float64, "reward")

    def _says(self, kind: type, topic: str) -> Publisher:
        made: Publisher = self._node.create_publisher(kind, f"/{self.name}/{topic}", newest())
        self._publishers.append(made)
        return made

    def _hears(self, kind: type, topic: str, callback: Callable[..., None]) -> None:
        self._subscriptions.append(self._node.create_subscription(kind, f"/{self.name}/{topic}", callback, newest()))

    def pay(self, reward: float) -> None:
        """Say what the last command brought."""
        self._reward.publish(Float64(data=reward))

    @abstractmethod
    def publish(self, now: Snapshot, stamp: Time) -> None:
        """Say the newest state."""

    def close(self) -> None:
        """Take its topics away."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)


class SimulatedCar(SimulatedRobot):
    """odom, ground_truth and neighbours of a robot that drives; it is told by ``cmd_vel``."""

    def __init__(self, node: Node, world: BatchedWorld, index: int, interface: RobotInterface, told: Told) -> None:
        """Make its topics.

        Args:
            node: that publishes.
            world: the robot's.
            index: its number in the task.
            interface: what full commands stand for.
            told: takes commands.
        """
        super().__init__(node, world, index)
        self._odometry = self._says(Odometry, "odom")
        self._truth = self._says(Odometry, "ground_truth")
        self._neighbours = self._says(PoseArray, "neighbours")
        limits = [term.scale for term in interface.action]
        self._hears(Twist, "cmd_vel", lambda message: told(slice(0, 2), convert.command_from_ros(message, *limits)))

    def publish(self, now: Snapshot, stamp: Time) -> None:
        """What a robot tells of itself is what its odometry has it believe; where it is, the world knows."""
        i, name = self._index, self.name
        self._odometry.publish(convert.odometry_to_ros(now.believed[i], now.counted[i], name, stamp))
        self._truth.publish(convert.odometry_to_ros(now.poses[i], now.twists[i], name, stamp))
        others = np.delete(now.poses, i, axis=0)
        self._neighbours.publish(convert.neighbours_to_ros(now.poses[i], others, name, stamp))


class SimulatedArm(SimulatedRobot):
    """joint_states of an arm, and where its fingertips are as ground_truth.

    It is told by ``servo`` (a velocity of the fingertips) and, if it has a gripper, ``gripper`` (an opening).
    """

    def __init__(self, node: Node, world: BatchedWorld, index: int, interface: RobotInterface, told: Told) -> None:
        """See `SimulatedCar`."""
        super().__init__(node, world, index)
        self._states = self._says(JointState, "joint_states")
        self._truth = self._says(Odometry, "ground_truth")
        group = world.group_of(index)
        assert isinstance(group, Arm)
        self._arm, self._row = group, list(group.indices).index(index)
        self._hears(
            TwistStamped, "servo", lambda message: told(slice(0, 4), convert.servo_from_ros(message, interface))
        )
        if convert.GRIP in interface.action_names:
            self._hears(
                Float64, "gripper", lambda message: told(slice(4, 5), convert.gripper_from_ros(message, interface))
            )

    def publish(self, now: Snapshot, stamp: Time) -> None:
        """See `SimulatedRobot.publish`."""
        arm, row = self._arm, self._row
        positions, velocities = arm.joint_states(row)
        names, fingers, pressed = arm.joint_names[row], arm.fingers[row], bool(arm.pressed()[0, row])
        self._states.publish(
            convert.joint_states_to_ros(names, fingers, positions[0], velocities[0], pressed, self.name, stamp)
        )
        tip, yaw = arm.positions()[0, row], arm.yaws()[0, row]
        pose = np.array([tip[0], tip[1], yaw])
        self._truth.publish(convert.odometry_to_ros(pose, np.zeros(2), self.name, stamp))


class SimulatedObjects:
    """``/objects/<name>``, a `nav_msgs/Odometry` of every object of a world: as a camera or a tracker would say it."""

    def __init__(self, node: Node, world: BatchedWorld) -> None:
        """Publish those of a world."""
        self._node, self._world = node, world
        self._publishers = [
            node.create_publisher(Odometry, f"/objects/{thing.name}", newest()) for thing in world.spec.objects
        ]

    def publish(self, stamp: Time) -> None:
        """Say where all objects are."""
        poses, velocities = self._world.object_states()
        for publisher, thing, pose, velocity in zip(
            self._publishers, self._world.spec.objects, poses[0], velocities[0], strict=True
        ):
            publisher.publish(convert.object_to_ros(pose, velocity, thing.name, stamp))

    def close(self) -> None:
        """Take their topics away."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)

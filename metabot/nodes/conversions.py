"""Conversions between this project's data and ROS messages; nothing else touches both."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose, PoseArray, Twist, TwistStamped
from metabot_interfaces import msg
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from metabot.fleet import Identity, MetaParameters, Update
from metabot.params import decode_vector, encode_vector
from metabot.task import RobotInterface
from metabot_sim.frames import turned

GRIP = "grip"
"""Name of the command that arms with a gripper have and others have not."""


def vector_to_ros(vector: np.ndarray) -> tuple[array, int]:
    """The `data` and `checksum` fields of a vector.

    `array.frombytes` is the only fast way into a ``uint8[]``: bytes and lists are checked
    element by element.
    """
    data, checksum = encode_vector(vector)
    field = array("B")
    field.frombytes(data)
    return field, checksum


def vector_from_ros(data: array, checksum: int) -> np.ndarray:
    """The vector of a message.

    Raises:
        LayoutError: if the checksum does not hold.
    """
    return decode_vector(memoryview(data).cast("B"), checksum)


def meta_parameters_to_ros(parameters: MetaParameters, stamp: Time) -> msg.MetaParameters:
    """A `MetaParameters` message."""
    data, checksum = vector_to_ros(parameters.vector)
    return msg.MetaParameters(
        stamp=stamp,
        **_identity_to_ros(parameters.identity),
        version=parameters.version,
        data=data,
        checksum=checksum,
    )


def meta_parameters_from_ros(message: msg.MetaParameters) -> MetaParameters:
    """The meta-parameters of a message.

    Raises:
        LayoutError: if the data is damaged.
    """
    return MetaParameters(
        identity=_identity_from_ros(message),
        version=message.version,
        vector=vector_from_ros(message.data, message.checksum),
    )


def update_to_ros(update: Update, stamp: Time) -> msg.ParameterUpdate:
    """A `ParameterUpdate` message."""
    data, checksum = vector_to_ros(update.delta)
    return msg.ParameterUpdate(
        stamp=stamp,
        robot=update.robot,
        **_identity_to_ros(update.identity),
        version=update.version,
        data=data,
        checksum=checksum,
        weight=float(update.weight),
        env_steps=update.env_steps,
        success_before=float(update.success_before),
        success_after=float(update.success_after),
        compute_s=float(update.compute_s),
    )


def update_from_ros(message: msg.ParameterUpdate) -> Update:
    """The update of a message.

    Raises:
        LayoutError: if the data is damaged.
    """
    return Update(
        robot=message.robot,
        identity=_identity_from_ros(message),
        version=message.version,
        delta=vector_from_ros(message.data, message.checksum),
        weight=message.weight,
        env_steps=message.env_steps,
        success_before=message.success_before,
        success_after=message.success_after,
        compute_s=message.compute_s,
    )


def _identity_to_ros(identity: Identity) -> dict[str, str]:
    return {
        "method": identity.method,
        "settings": identity.settings,
        "distribution": identity.distribution,
        "layout_hash": identity.layout,
    }


def _identity_from_ros(message: msg.MetaParameters | msg.ParameterUpdate) -> Identity:
    return Identity(message.method, message.settings, message.distribution, message.layout_hash)


def policy_to_ros(content: bytes, robot: str, stamp: Time, **facts: Any) -> msg.PolicyFile:
    """An ONNX file for a robot's policy node; further fields of the message as keywords."""
    data = array("B")
    data.frombytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    return msg.PolicyFile(stamp=stamp, robot=robot, data=data, sha256=sha256, **facts)


def policy_from_ros(message: msg.PolicyFile) -> bytes:
    """The file of a message.

    Raises:
        ValueError: if it was damaged on the way.
    """
    content = memoryview(message.data).tobytes()
    found = hashlib.sha256(content).hexdigest()
    if found != message.sha256:
        raise ValueError(
            f"{message.name or 'policy'}: its SHA-256 is {found[:16]}…, announced is {message.sha256[:16]}…"
        )
    return content


def odometry_to_ros(pose: np.ndarray, twist: np.ndarray, robot: str, stamp: Time) -> Odometry:
    """Odometry of a planar robot (REP-105: from frame ``odom`` to ``<robot>/base_link``).

    Args:
        pose: (3,) x, y, yaw.
        twist: (2,) forward speed, yaw rate.
        robot: its name.
        stamp: time of the state.
    """
    message = Odometry()
    message.header.stamp = stamp
    message.header.frame_id = "odom"
    message.child_frame_id = f"{robot}/base_link"
    message.pose.pose.position.x, message.pose.pose.position.y = float(pose[0]), float(pose[1])
    message.pose.pose.orientation.z = math.sin(float(pose[2]) / 2)
    message.pose.pose.orientation.w = math.cos(float(pose[2]) / 2)
    message.twist.twist.linear.x, message.twist.twist.angular.z = float(twist[0]), float(twist[1])
    return message


def odometry_from_ros(message: Odometry) -> tuple[np.ndarray, np.ndarray]:
    """Planar pose (3,) x, y, yaw and twist (2,) forward speed, yaw rate."""
    position, q = message.pose.pose.position, message.pose.pose.orientation
    yaw = math.atan2(2.0 * (q.w * q.z + q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z))
    twist = message.twist.twist
    return np.array([position.x, position.y, yaw]), np.array([twist.linear.x, twist.angular.z])


def motion_from_ros(message: Odometry) -> tuple[np.ndarray, np.ndarray]:
    """Planar pose (3,) x, y, yaw and twist (3,) ahead, to the left, yaw rate; of one that slides sideways, too."""
    pose, twist = odometry_from_ros(message)
    return pose, np.array([twist[0], message.twist.twist.linear.y, twist[1]])


def neighbours_to_ros(pose: np.ndarray, others: np.ndarray, robot: str, stamp: Time) -> PoseArray:
    """Other robots as one sees them (in the frame ``<robot>/base_link``).

    Args:
        pose: (3,) its x, y, yaw.
        others: (n, 3) those of the others.
        robot: its name.
        stamp: time of the state.
    """
    message = PoseArray()
    message.header.stamp, message.header.frame_id = stamp, f"{robot}/base_link"
    ways = others[:, :2] - pose[:2]
    cos, sin = math.cos(pose[2]), math.sin(pose[2])
    for (x, y), yaw in zip(ways, others[:, 2] - pose[2], strict=True):
        seen = Pose()
        seen.position.x, seen.position.y = float(cos * x + sin * y), float(cos * y - sin * x)
        seen.orientation.z, seen.orientation.w = math.sin(float(yaw) / 2), math.cos(float(yaw) / 2)
        message.poses.append(seen)
    return message


def neighbours_from_ros(message: PoseArray) -> np.ndarray:
    """The inverse of `neighbours_to_ros`: (n, 3) ahead, to the left and yaw, relative to the one who sees them."""
    rows = [
        (pose.position.x, pose.position.y, 2.0 * math.atan2(pose.orientation.z, pose.orientation.w))
        for pose in message.poses
    ]
    return np.array(rows).reshape(-1, 3)


def command_to_ros(command: np.ndarray, max_speed_mps: float, max_yaw_rate_radps: float) -> Twist:
    """A velocity command from normalised forward and turn commands (2,) in [-1, 1]."""
    message = Twist()
    message.linear.x = float(command[0]) * max_speed_mps
    message.angular.z = float(command[1]) * max_yaw_rate_radps
    return message


def command_from_ros(message: Twist, max_speed_mps: float, max_yaw_rate_radps: float) -> np.ndarray:
    """Normalised commands (2,) from a velocity command, not clipped."""
    return np.array([message.linear.x / max_speed_mps, message.angular.z / max_yaw_rate_radps])


def joint_states_to_ros(
    names: Sequence[str],
    fingers: int,
    positions: np.ndarray,
    velocities: np.ndarray,
    pressed: bool,
    robot: str,
    stamp: Time,
) -> JointState:
    """State of an arm; its fingers' effort is 1 where they feel something between them, else 0.

    Args:
        names: of its joints, those of the gripper last.
        fingers: how many joints the gripper has; 0 without one.
        positions: (k,) in the order of names, radians or metres.
        velocities: (k,) of the same.
        pressed: whether the fingers feel something.
        robot: its name.
        stamp: time of the state.
    """
    message = JointState()
    message.header.stamp, message.header.frame_id = stamp, f"{robot}/base_link"
    message.name = list(names)
    message.position, message.velocity = positions.tolist(), velocities.tolist()
    message.effort = [0.0] * (len(names) - fingers) + [float(pressed)] * fingers
    return message


def joint_states_from_ros(
    message: JointState, names: Sequence[str], fingers: int
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Positions (k,) and velocities (k,) of an arm's joints, and whether its fingers feel something.

    Args:
        message: of joints in any order.
        names: of the arm's joints, in the order that is wanted, those of the gripper last.
        fingers: how many joints the gripper has; 0 without one.

    Raises:
        KeyError: naming the joint that is missing.
    """
    index = {name: number for number, name in enumerate(message.name)}
    order = [index[name] for name in names]
    velocities = np.array(message.velocity) if len(message.velocity) else np.zeros(len(message.name))
    effort = np.array(message.effort) if len(message.effort) else np.zeros(len(message.name))
    pressed = bool((effort[order[len(order) - fingers :]] > 0.0).any())
    return np.array(message.position)[order], velocities[order], pressed


def servo_to_ros(action: np.ndarray, interface: RobotInterface, robot: str, stamp: Time) -> TwistStamped:
    """Velocity of the fingertips in the base's frame, from commands of steps (dx, dy, dz, dyaw) in [-1, 1]."""
    message = TwistStamped()
    message.header.stamp, message.header.frame_id = stamp, f"{robot}/base_link"
    steps = [term.quantity(float(value)) for term, value in zip(interface.action[:4], action[:4], strict=True)]
    linear, angular = message.twist.linear, message.twist.angular
    linear.x, linear.y, linear.z, angular.z = (step * interface.control_hz for step in steps)
    return message


def servo_from_ros(message: TwistStamped, interface: RobotInterface) -> np.ndarray:
    """Commands of steps (dx, dy, dz, dyaw), not clipped, from a velocity of the fingertips in the base's frame."""
    linear, angular = message.twist.linear, message.twist.angular
    rates = (linear.x, linear.y, linear.z, angular.z)
    return np.array(
        [term.seen(rate / interface.control_hz) for term, rate in zip(interface.action[:4], rates, strict=True)]
    )


def gripper_to_ros(action: float, interface: RobotInterface) -> Float64:
    """Opening in metres, from a command in [-1, 1]."""
    return Float64(data=interface.action[4].quantity(float(action)))


def gripper_from_ros(message: Float64, interface: RobotInterface) -> np.ndarray:
    """The command (1,), not clipped, from an opening in metres."""
    return np.array([interface.action[4].seen(message.data)])


def object_to_ros(pose: np.ndarray, velocity: np.ndarray, name: str, stamp: Time) -> Odometry:
    """State of an object in the world.

    Args:
        pose: (7,) position and quaternion, w first.
        velocity: (6,) in m/s along the world's axes, in rad/s about its own.
        name: its name.
        stamp: time of the state.
    """
    message = Odometry()
    message.header.stamp, message.header.frame_id, message.child_frame_id = stamp, "world", name
    place, turn = message.pose.pose.position, message.pose.pose.orientation
    place.x, place.y, place.z, turn.w, turn.x, turn.y, turn.z = map(float, pose)
    linear, angular = message.twist.twist.linear, message.twist.twist.angular
    # Twists are said in the child's frame (REP-147 and the message's own words).
    ahead = turned(np.array([pose[3], -pose[4], -pose[5], -pose[6]]), velocity[:3])
    linear.x, linear.y, linear.z, angular.x, angular.y, angular.z = map(float, (*ahead, *velocity[3:]))
    return message


def object_from_ros(message: Odometry) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `object_to_ros`: (7,) and (6,)."""
    place, turn = message.pose.pose.position, message.pose.pose.orientation
    quaternion = np.array([turn.w, turn.x, turn.y, turn.z])
    linear, angular = message.twist.twist.linear, message.twist.twist.angular
    along = turned(quaternion, np.array([linear.x, linear.y, linear.z]))
    velocity = np.array([*along, angular.x, angular.y, angular.z])
    return np.array([place.x, place.y, place.z, *quaternion]), velocity

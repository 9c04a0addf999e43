"""Conversions between this project's data and ROS messages; nothing else touches both."""

from __future__ import annotations

import math
from array import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose, PoseArray, Twist
from metabot_interfaces import msg
from nav_msgs.msg import Odometry

from metabot.fleet import MetaParameters, Update
from metabot.params import decode_vector, encode_vector


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
        algorithm=parameters.algorithm,
        version=parameters.version,
        layout_hash=parameters.layout_hash,
        data=data,
        checksum=checksum,
    )


def meta_parameters_from_ros(message: msg.MetaParameters) -> MetaParameters:
    """The meta-parameters of a message.

    Raises:
        LayoutError: if the data is damaged.
    """
    return MetaParameters(
        algorithm=message.algorithm,
        version=message.version,
        layout_hash=message.layout_hash,
        vector=vector_from_ros(message.data, message.checksum),
    )


def update_to_ros(update: Update, stamp: Time) -> msg.ParameterUpdate:
    """A `ParameterUpdate` message."""
    data, checksum = vector_to_ros(update.delta)
    return msg.ParameterUpdate(
        stamp=stamp,
        robot=update.robot,
        version=update.version,
        layout_hash=update.layout_hash,
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
        version=message.version,
        layout_hash=message.layout_hash,
        delta=vector_from_ros(message.data, message.checksum),
        weight=message.weight,
        env_steps=message.env_steps,
        success_before=message.success_before,
        success_after=message.success_after,
        compute_s=message.compute_s,
    )


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


def command_to_ros(command: np.ndarray, max_speed_mps: float, max_yaw_rate_radps: float) -> Twist:
    """A velocity command from normalised forward and turn commands (2,) in [-1, 1]."""
    message = Twist()
    message.linear.x = float(command[0]) * max_speed_mps
    message.angular.z = float(command[1]) * max_yaw_rate_radps
    return message


def command_from_ros(message: Twist, max_speed_mps: float, max_yaw_rate_radps: float) -> np.ndarray:
    """Normalised commands (2,) from a velocity command, not clipped."""
    return np.array([message.linear.x / max_speed_mps, message.angular.z / max_yaw_rate_radps])

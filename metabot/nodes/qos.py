"""Quality of service of every topic, in one place."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def latched(depth: int = 1) -> QoSProfile:
    """State that a late joiner must get: reliable, transient_local, keep_last."""
    return QoSProfile(
        depth=depth,
        history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def reliable(depth: int = 10) -> QoSProfile:
    """Events that must arrive, but only to those who listen."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)


def newest() -> QoSProfile:
    """A stream of which only the newest value matters: odometry, commands.

    Reliable all the same, so that any subscriber's request matches; depth 1 drops the old.
    """
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

"""Task specifications: what a fleet is asked to do, as validated, frozen data."""

from metabot.task.distribution import DriveDistribution, Interval
from metabot.task.mission import PAD_COLORS, Mission, PadColor
from metabot.task.placement import place
from metabot.task.reward import RewardTerm
from metabot.task.spec import (
    Arena,
    DriveDynamics,
    Pad,
    Pose,
    RobotSpec,
    Success,
    TaskSpec,
)

__all__ = [
    "PAD_COLORS",
    "Arena",
    "DriveDistribution",
    "DriveDynamics",
    "Interval",
    "Mission",
    "Pad",
    "PadColor",
    "Pose",
    "RewardTerm",
    "RobotSpec",
    "Success",
    "TaskSpec",
    "place",
]

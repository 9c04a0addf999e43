"""Task specifications: what a fleet is asked to do, as validated, frozen data."""

from metabot.task.distribution import OBJECT_DYNAMICS, OF_OBJECTS, Interval, TaskDistribution
from metabot.task.interface import RobotInterface, Term
from metabot.task.kinds import FAMILIES, KINDS, ROBOT_KINDS, RobotKind
from metabot.task.mission import COLOR_NAMES, PAD_COLORS, Color, Mission, PadColor
from metabot.task.model import SpecError
from metabot.task.placement import place
from metabot.task.reward import RewardTerm
from metabot.task.spec import (
    MAX_DELAY_STEPS,
    WHOLE_DYNAMICS,
    Arena,
    ObjectSpec,
    Pad,
    Pose,
    RobotDynamics,
    RobotSpec,
    Success,
    TaskSpec,
)

__all__ = [
    "COLOR_NAMES",
    "FAMILIES",
    "KINDS",
    "MAX_DELAY_STEPS",
    "OBJECT_DYNAMICS",
    "OF_OBJECTS",
    "PAD_COLORS",
    "ROBOT_KINDS",
    "WHOLE_DYNAMICS",
    "Arena",
    "Color",
    "Interval",
    "Mission",
    "ObjectSpec",
    "Pad",
    "PadColor",
    "Pose",
    "RewardTerm",
    "RobotDynamics",
    "RobotInterface",
    "RobotKind",
    "RobotSpec",
    "SpecError",
    "Success",
    "TaskDistribution",
    "TaskSpec",
    "Term",
    "place",
]

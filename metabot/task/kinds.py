"""The kinds of robots and the families of tasks a specification can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator


def _known_kind(name: str) -> str:
    if name in KINDS:
        return name
    raise ValueError(f"no such kind; allowed: {', '.join(KINDS)}")


RobotKind = Annotated[str, AfterValidator(_known_kind)]

FAMILIES = (
    "drive-goal",
    "drive-odometry",
    "drive-blind",
    "drive-search",
    "drive-escort",
    "drive-formation",
    "drive-push",
    "drive-race",
    "drive-pursuit",
    "drive-capture",
    "arm-reach",
    "grasp-place",
    "grasp-frames",
    "grasp-eye",
    "grasp-bin",
    "grasp-sort",
    "grasp-handover",
    "grasp-carry",
    "grasp-race",
    "deliver",
)
"""Families of tasks; each is a module of `metabot_sim.families`."""


@dataclass(frozen=True)
class KindFacts:
    """What a specification has to know of a robot to be checked before anything is compiled.

    Attributes:
        radius_m: radius of the circle that contains the robot's footprint.
        reach_m: nearest and farthest distance from its base at which an arm can work; None
            for a robot that drives.
        simulation_hz: physics steps per second that the robot needs to behave.
    """

    radius_m: float
    reach_m: tuple[float, float] | None = None
    simulation_hz: int = 100


OWN_ARM_HZ = 500
"""Physics steps per second for arms of users' files: makers tune their models for this rate."""
KINDS: dict[str, KindFacts] = {
    "diffdrive": KindFacts(radius_m=0.18),
    "ackermann": KindFacts(radius_m=0.24),
    "arm": KindFacts(radius_m=0.1, reach_m=(0.22, 0.62), simulation_hz=200),
    "fetch": KindFacts(radius_m=0.4, reach_m=(0.4, 1.0), simulation_hz=500),
    "mjcf": KindFacts(radius_m=0.2, simulation_hz=200),
    # Parts share a body: they stand nowhere of their own.
    "part": KindFacts(radius_m=0.0, simulation_hz=100),
}
"""What there is; each is a class of `metabot_sim.robots.registry`."""
ROBOT_KINDS = tuple(KINDS)

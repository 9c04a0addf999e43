"""`TaskSpec`: one fully specified task, every field a number or a name."""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from metabot.task.mission import PadColor
from metabot.task.model import SpecModel
from metabot.task.reward import DEFAULT_REWARD, RewardTerm

Meters = Annotated[float, Field(ge=-50.0, le=50.0)]
RobotName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

ROBOT_RADIUS_M = 0.18
"""Radius of the circle that contains the differential-drive robot's footprint."""


class Pose(SpecModel):
    """A planar pose in the world frame (REP-103: x forward, y left, yaw counter-clockwise)."""

    x: Meters = 0.0
    y: Meters = 0.0
    yaw: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0


class DriveDynamics(SpecModel):
    """Hidden dynamics of a differential-drive robot: how commands become motion.

    With a command (forward u, turn w) in [-1, 1] the wheels are asked for
    ``drive_gain * u`` of the maximal forward speed and ``steer_gain * w + steer_bias`` of the
    maximal yaw rate. A policy never observes these numbers: it has to adapt to them.
    """

    drive_gain: Annotated[float, Field(ge=-1.5, le=1.5)] = 1.0
    steer_gain: Annotated[float, Field(ge=-1.5, le=1.5)] = 1.0
    steer_bias: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0

    def as_tuple(self) -> tuple[float, float, float]:
        """(drive_gain, steer_gain, steer_bias): the order of a dynamics row in the simulator."""
        return (self.drive_gain, self.steer_gain, self.steer_bias)

    def describe(self) -> str:
        """Say in words what differs from a healthy robot."""
        words = []
        if self.drive_gain < 0:
            words.append("drive reversed")
        if self.steer_gain < 0:
            words.append("steering reversed")
        if abs(self.drive_gain) < 0.9:
            words.append(f"drive at {abs(self.drive_gain):.0%}")
        if abs(self.steer_bias) > 0.02:
            words.append(f"steering pulls {'left' if self.steer_bias > 0 else 'right'} by {abs(self.steer_bias):.0%}")
        return ", ".join(words) or "healthy"


class RobotSpec(SpecModel):
    """One robot of the fleet: what it is, where it starts, which pad it is sent to."""

    name: RobotName
    kind: Literal["diffdrive"] = "diffdrive"
    team: str = "fleet"
    spawn: Pose = Pose()
    goal: PadColor
    dynamics: DriveDynamics = DriveDynamics()


class Pad(SpecModel):
    """A coloured disc on the floor."""

    color: PadColor
    x: Meters
    y: Meters


class Arena(SpecModel):
    """A walled rectangle centred on the world's origin."""

    length_m: Annotated[float, Field(ge=2.0, le=100.0)] = 6.0
    """Extent along x."""
    width_m: Annotated[float, Field(ge=2.0, le=100.0)] = 6.0
    """Extent along y."""

    def contains(self, x: float, y: float, margin_m: float = 0.0) -> bool:
        """Whether a point lies inside the walls with a margin."""
        return abs(x) <= self.length_m / 2 - margin_m and abs(y) <= self.width_m / 2 - margin_m


class Success(SpecModel):
    """When a robot has mastered the task."""

    radius_m: Annotated[float, Field(gt=0.0, le=1.0)] = 0.2
    """The robot's centre comes this close to its pad's centre."""
    contact: Literal["forbidden", "allowed"] = "forbidden"
    """Whether touching another robot spoils it."""


class TaskSpec(SpecModel):
    """One task, complete: the same spec and seed give the same world everywhere.

    JSON round-trips: ``TaskSpec.parse(spec.model_dump_json()) == spec``.
    """

    family: Literal["drive-goal"] = "drive-goal"
    world: Arena = Arena()
    robots: Annotated[tuple[RobotSpec, ...], Field(min_length=1, max_length=16)]
    pads: Annotated[tuple[Pad, ...], Field(min_length=1)]
    reward: dict[RewardTerm, float] = Field(default_factory=lambda: dict(DEFAULT_REWARD))
    """Weights of the named reward terms; their sum is the reward of a step."""
    success: Success = Success()
    horizon_s: Annotated[float, Field(gt=0.0, le=600.0)] = 4.0
    """Length of one episode."""
    control_hz: Annotated[int, Field(ge=1, le=500)] = 20
    """Rate at which a policy acts."""

    @model_validator(mode="after")
    def _consistent(self) -> TaskSpec:
        pads = {pad.color for pad in self.pads}
        if len(pads) != len(self.pads):
            raise ValueError("pads: each colour may appear once")
        names: set[str] = set()
        for robot in self.robots:
            if robot.name in names:
                raise ValueError(f"robots: the name {robot.name!r} appears twice")
            names.add(robot.name)
            if robot.goal not in pads:
                raise ValueError(f"robots.{robot.name}.goal: no {robot.goal} pad; pads: {', '.join(sorted(pads))}")
            if not self.world.contains(robot.spawn.x, robot.spawn.y, ROBOT_RADIUS_M):
                raise ValueError(
                    f"robots.{robot.name}.spawn: outside the {self.world.length_m} x {self.world.width_m} m arena"
                )
        for pad in self.pads:
            if not self.world.contains(pad.x, pad.y, ROBOT_RADIUS_M):
                raise ValueError(f"pads.{pad.color}: outside the {self.world.length_m} x {self.world.width_m} m arena")
        for i, a in enumerate(self.robots):
            for b in self.robots[:i]:
                if math.dist((a.spawn.x, a.spawn.y), (b.spawn.x, b.spawn.y)) < 2 * ROBOT_RADIUS_M:
                    raise ValueError(f"robots: the spawns of {b.name} and {a.name} overlap")
        return self

    @property
    def horizon_steps(self) -> int:
        """Control steps in one episode."""
        return round(self.horizon_s * self.control_hz)

    @property
    def digest(self) -> str:
        """A short hash of the whole spec."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def pad_of(self, robot: str) -> Pad:
        """The pad a robot is sent to.

        Raises:
            KeyError: if the spec has no robot of that name.
        """
        goal = self.robot(robot).goal
        return next(pad for pad in self.pads if pad.color == goal)

    def robot(self, name: str) -> RobotSpec:
        """The robot of that name.

        Raises:
            KeyError: if there is none.
        """
        for robot in self.robots:
            if robot.name == name:
                return robot
        raise KeyError(f"no robot {name!r}; robots: {', '.join(r.name for r in self.robots)}")

"""`TaskSpec`: one fully specified task, every field a number or a name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from metabot.task.consistency import check_consistent
from metabot.task.kinds import FAMILIES, KINDS, OWN_ARM_HZ, RobotKind
from metabot.task.mission import Color
from metabot.task.model import SpecModel
from metabot.task.reward import DEFAULT_REWARD, RewardTerm

Meters = Annotated[float, Field(ge=-50.0, le=50.0)]
MAX_DELAY_STEPS = 8
WHOLE_DYNAMICS = frozenset({"delay_steps", "dead", "wheels_swapped"})
"""Hidden dynamics that are whole numbers."""


def _known_family(name: str) -> str:
    if name in FAMILIES or name.startswith("gymnasium:"):
        return name
    raise ValueError(f"no such family; allowed: {', '.join(FAMILIES)}, gymnasium:<id>")


FamilyName = Annotated[str, AfterValidator(_known_family)]
RobotName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

ROBOT_RADIUS_M = KINDS["diffdrive"].radius_m


class Pose(SpecModel):
    """A planar pose in the world frame (REP-103: x forward, y left, yaw counter-clockwise)."""

    x: Meters = 0.0
    y: Meters = 0.0
    yaw: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0


class RobotDynamics(SpecModel):
    """Hidden dynamics of one robot: how commands become motion.

    A policy never observes these numbers: it has to adapt to them. With a command (forward u,
    turn w) in [-1, 1] a car is asked for ``drive_gain * u`` of its maximal forward speed and
    ``steer_gain * w + steer_bias`` of its maximal yaw rate. An arm's translation command is
    multiplied by ``drive_gain`` and turned by ``steer_bias`` radians about the vertical, its
    rotation command multiplied by ``steer_gain``.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    drive_gain: Annotated[float, Field(ge=-1.5, le=1.5)] = 1.0
    """Factor on translation commands; negative: reversed."""
    steer_gain: Annotated[float, Field(ge=-1.5, le=1.5)] = 1.0
    """Factor on rotation commands; negative: reversed."""
    steer_bias: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0
    """Car: added turn command; arm: radians its command frame is turned."""
    payload_kg: Annotated[float, Field(ge=0.0, le=20.0)] = 0.0
    """Mass on a car's chassis, in an arm's hand or on the first limb of a body's part."""
    friction: Annotated[float, Field(gt=0.0, le=3.0)] = 1.0
    """Factor on the sliding friction of tyres or finger pads."""
    link_mass: Annotated[float, Field(gt=0.0, le=5.0)] = 1.0
    """Factor on the mass of every body."""
    damping: Annotated[float, Field(ge=0.0, le=20.0)] = 1.0
    """Factor on the damping of every joint."""
    gripper: Annotated[float, Field(ge=0.0, le=3.0)] = 1.0
    """Factor on the force of the gripper."""
    delay_steps: Annotated[int, Field(ge=0, le=MAX_DELAY_STEPS)] = 0
    """Control steps until a command acts."""
    noise: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Standard deviation of the noise on each observed number."""
    dead: Annotated[int, Field(ge=-1, le=31)] = -1
    """Index of an actuator that gives no force; -1: none."""
    wheel_left: Annotated[float, Field(ge=-1.5, le=1.5)] = 1.0
    """Factor on what a car's left wheels are told; negative: wired the wrong way round."""
    wheel_right: Annotated[float, Field(ge=-1.5, le=1.5)] = 1.0
    """Factor on what a car's right wheels are told; negative: wired the wrong way round."""
    wheels_swapped: Annotated[int, Field(ge=0, le=1)] = 0
    """1: the wires of a car's left and right wheels are swapped."""
    heading_offset: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0
    """Radians by which the heading that a car believes in is turned against its true one."""
    odometry_scale: Annotated[float, Field(ge=0.3, le=3.0)] = 1.0
    """Metres that a car's odometry counts for each metre driven."""
    odometry_drift: Annotated[float, Field(ge=-2.0, le=2.0)] = 0.0
    """Radians by which the heading that a car believes in turns away with each metre it counts."""
    frame_roll: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0
    """Radians an arm's command frame is turned about its x axis, before `frame_pitch` and `steer_bias`."""
    frame_pitch: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0
    """Radians an arm's command frame is turned about its y axis, before `steer_bias`."""
    eye_yaw: Annotated[float, Field(ge=-math.pi, le=math.pi)] = 0.0
    """Radians by which what an arm's camera sees is turned about the arm's base."""
    eye_x: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0
    """Metres by which what an arm's camera sees is shifted ahead."""
    eye_y: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0
    """Metres by which what an arm's camera sees is shifted to the left."""

    def as_tuple(self) -> tuple[float, ...]:
        """All fields in the order of a dynamics row in the simulator."""
        return tuple(float(getattr(self, name)) for name in type(self).model_fields)

    def describe(self) -> str:
        """Say in words what differs from a healthy robot.

        An arm's gripper, command frame and camera are left out: the words are those of robots that drive.
        """
        words = []
        if self.drive_gain < 0:
            words.append("drive reversed")
        if self.steer_gain < 0:
            words.append("steering reversed")
        for name, gain in (("drive", self.drive_gain), ("steering", self.steer_gain)):
            if not 0.9 <= abs(gain) <= 1.1:
                words.append(f"{name} at {abs(gain):.0%}")
        if abs(self.steer_bias) > 0.02:
            words.append(f"steering pulls {'left' if self.steer_bias > 0 else 'right'} by {abs(self.steer_bias):.0%}")
        if self.wheels_swapped:
            words.append("wheels swapped")
        for side, factor in (("left", self.wheel_left), ("right", self.wheel_right)):
            if abs(factor - 1.0) > 0.02:
                words.append(f"{side} wheel {'reversed' if factor < 0 else f'at {factor:.0%}'}")
        if abs(self.heading_offset) > 0.01:
            side = "left" if self.heading_offset > 0 else "right"
            words.append(f"compass turned {abs(math.degrees(self.heading_offset)):.0f}° {side}")
        if abs(self.odometry_scale - 1.0) > 0.02:
            words.append(f"odometry counts {self.odometry_scale:.2f} m a metre")
        if abs(self.odometry_drift) > 0.01:
            words.append(f"odometry drifts {math.degrees(self.odometry_drift):+.0f}° a metre")
        return ", ".join(words + self._of_the_body()) or "healthy"

    def _of_the_body(self) -> list[str]:
        """What is neither of gains nor of odometry."""
        words = []
        if self.delay_steps:
            words.append(f"commands {self.delay_steps} step{'' if self.delay_steps == 1 else 's'} late")
        if self.dead >= 0:
            words.append(f"actuator {self.dead} dead")
        if self.noise > 0.0:
            words.append(f"observations noisy by {self.noise:.2g}")
        if self.payload_kg > 0.01:
            words.append(f"carries {self.payload_kg:.2g} kg")
        for name, factor in (("grip", self.friction), ("mass", self.link_mass), ("damping", self.damping)):
            if abs(factor - 1.0) > 0.02:
                words.append(f"{name} at {factor:.0%}")
        return words


class RobotSpec(SpecModel):
    """One robot of the fleet: what it is, where it starts, where it is sent."""

    name: RobotName
    kind: RobotKind = "diffdrive"
    mjcf: str | None = None
    """Path of the robot's own MJCF or URDF file: of one that drives for ``kind: "mjcf"``, of an arm for ``"arm"``."""
    team: RobotName = "fleet"
    spawn: Pose = Pose()
    """Where it starts; an arm's base stands there for good."""
    goal: Color | None = None
    """Colour of the pad it is sent to, in families where each robot has its own."""
    radius_m: Annotated[float, Field(gt=0.0, le=5.0, strict=True)] | None = None
    """Radius of the circle about its base that it fits in, for ``kind: "mjcf"``; None: as usual for its kind."""
    tray: bool = False
    """Whether it has a rim on its top, so that things stay there; for ``kind: "diffdrive"`` only."""
    dynamics: RobotDynamics = RobotDynamics()

    @model_validator(mode="after")
    def _file(self) -> RobotSpec:
        if self.kind == "mjcf" and self.mjcf is None:
            raise ValueError("mjcf: a path is wanted for kind 'mjcf'")
        if self.mjcf is not None and self.kind not in ("mjcf", "arm"):
            raise ValueError(f"mjcf: kind {self.kind!r} takes no file; allowed: 'mjcf' and 'arm'")
        if self.radius_m is not None and self.kind != "mjcf":
            raise ValueError(f"radius_m: kind {self.kind!r} is of one size; allowed: 'mjcf'")
        if self.tray and self.kind != "diffdrive":
            raise ValueError(f"tray: kind {self.kind!r} has no room for one; allowed: 'diffdrive'")
        return self

    @property
    def footprint_m(self) -> float:
        """Radius of the circle about its base that others keep out of."""
        return KINDS[self.kind].radius_m if self.radius_m is None else self.radius_m

    @property
    def color(self) -> Color:
        """The colour it is drawn in: its pad's, or gray."""
        return self.goal or "gray"


class Pad(SpecModel):
    """A coloured disc on the floor."""

    color: Color
    x: Meters
    y: Meters
    z: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    """Height of a goal in the air; 0: on the floor."""
    solid: bool = False
    """Whether a post holds it up, so that things can stand on it; otherwise it is drawn only."""


class ObjectSpec(SpecModel):
    """A thing that robots push, grasp or carry."""

    name: RobotName
    color: Color
    shape: Literal["box", "cylinder", "ball", "bar"] = "box"
    size_m: Annotated[float, Field(ge=0.01, le=2.0)] = 0.04
    """Edge of a box, diameter of a cylinder or ball, width of a bar."""
    length_m: Annotated[float, Field(ge=0.05, le=3.0)] = 0.4
    """Length of a bar along its x axis; of no meaning for other shapes."""
    mass_kg: Annotated[float, Field(gt=0.0, le=500.0)] = 0.1
    friction: Annotated[float, Field(gt=0.0, le=3.0)] = 1.0
    pose: Pose = Pose()
    goal: Color | None = None
    """Colour of the pad it belongs on."""


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
    hold_s: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    """Seconds that it has to stand still there; 0: passing over the pad is enough."""


class TaskSpec(SpecModel):
    """One task, complete: the same spec and seed give the same world everywhere.

    JSON round-trips: ``TaskSpec.parse(spec.model_dump_json()) == spec``.
    """

    family: FamilyName = "drive-goal"
    world: Arena = Arena()
    robots: Annotated[tuple[RobotSpec, ...], Field(min_length=1, max_length=16)]
    pads: Annotated[tuple[Pad, ...], Field(max_length=16)] = ()
    objects: Annotated[tuple[ObjectSpec, ...], Field(max_length=32)] = ()
    reward: dict[RewardTerm, float] = Field(default_factory=lambda: dict(DEFAULT_REWARD))
    """Weights of the named reward terms; their sum is the reward of a step."""
    team_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Part of each robot's reward that is the mean of its team's; the rest is its own."""
    success: Success = Success()
    horizon_s: Annotated[float, Field(gt=0.0, le=600.0)] = 4.0
    """Length of one episode."""
    control_hz: Annotated[int, Field(ge=1, le=500)] = 20
    """Rate at which a policy acts."""

    @model_validator(mode="after")
    def _consistent(self) -> TaskSpec:
        check_consistent(self)
        return self

    @property
    def simulation_hz(self) -> int:
        """Physics steps per simulated second: what the most demanding robot needs."""
        own = any(robot.kind == "arm" and robot.mjcf is not None for robot in self.robots)
        return max(OWN_ARM_HZ if own else 0, *(KINDS[robot.kind].simulation_hz for robot in self.robots))

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
            KeyError: if the spec has no robot of that name, or it is sent to no pad.
        """
        goal = self.robot(robot).goal
        for pad in self.pads:
            if pad.color == goal:
                return pad
        raise KeyError(f"{robot} is sent to no pad")

    def with_dynamics(self, dynamics: Iterable[RobotDynamics]) -> TaskSpec:
        """The same task with other hidden dynamics, one for each robot in turn."""
        robots = (
            robot.model_copy(update={"dynamics": each}) for robot, each in zip(self.robots, dynamics, strict=False)
        )
        return self.model_copy(update={"robots": tuple(robots)})

    @classmethod
    def read(cls, path: Path) -> TaskSpec:
        """The task that a JSON file holds; files of robots that it names are looked for beside it.

        Raises:
            SpecError: with one line, see `SpecModel.parse`.
            OSError: if the file cannot be read.
            UnicodeDecodeError: if it is no text.
        """
        spec = cls.parse(path.read_text())
        robots = [
            robot if robot.mjcf is None else robot.model_copy(update={"mjcf": str(path.absolute().parent / robot.mjcf)})
            for robot in spec.robots
        ]
        return spec.model_copy(update={"robots": tuple(robots)})

    def robot(self, name: str) -> RobotSpec:
        """The robot of that name.

        Raises:
            KeyError: if there is none.
        """
        for robot in self.robots:
            if robot.name == name:
                return robot
        raise KeyError(f"no robot {name!r}; robots: {', '.join(r.name for r in self.robots)}")

"""A user's own driving robot: an MJCF or URDF file, as `prepare` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task import KINDS, RobotSpec, SpecError, TaskSpec
from metabot_sim.episodes import WHEEL_LEFT, WHEEL_RIGHT, WHEELS_SWAPPED
from metabot_sim.robots.base import rectangular, robot_prefix, spawn_frame
from metabot_sim.robots.car import CarGroup, paint
from metabot_sim.robots.mjcf.bases import bases_of
from metabot_sim.robots.mjcf.contract import Contract
from metabot_sim.robots.mjcf.prepare import USUAL_SPEED_MPS, USUAL_YAW_RATE_RADPS, load

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld


class MjcfCar(CarGroup):
    """Robots from files of users: driven wheels on the left and on the right, or a planar base; each file its own.

    What a file has to hold, and what is inferred, stands in `docs/tutorials/bring-your-own-robot.md`.
    """

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        super().__init__(world, robots, indices)
        found = [load(str(robot.mjcf))[1] for robot in robots]
        self._reaches = np.array([each.radius_m for each in found])
        self._bases = bases_of(world, robots, found)
        self.grip_geoms = rectangular(
            [
                [
                    g
                    for g in range(world.model.ngeom)
                    if world.model.geom_bodyid[g] in tree[1:] and world.model.geom_contype[g]
                ]
                for tree in self.bodies
            ]
        )
        # A payload lies where most of the robot is; the base of a file may weigh nothing.
        masses = world.model.body_mass[self.bodies]
        self.payload_bodies = np.take_along_axis(self.bodies, masses.argmax(axis=1)[:, None], axis=1)[:, 0]
        self._limits = np.array([(each.max_speed_mps, each.max_yaw_rate_radps) for each in found])
        # One per robot, which broadcasts wherever one number would.
        self.max_speed_mps, self.max_yaw_rate_radps = self._limits.T
        wheels = [
            (world.model.actuator(robot_prefix(robot.name) + wheel.actuator).id, index, wheel)
            for index, (robot, each) in enumerate(zip(robots, found, strict=True))
            for wheel in each.wheels
        ]
        # One flat list of wheels: robots of different files have different numbers of them.
        self._wheels = np.array([actuator for actuator, _, _ in wheels], dtype=np.int64)
        self._owner = np.array([index for _, index, _ in wheels], dtype=np.int64)
        self._on_the_left = np.array([wheel.side_m > 0.0 for _, _, wheel in wheels], dtype=bool)
        self._per_speed = np.array([wheel.gear * wheel.sign / wheel.radius_m for _, _, wheel in wheels])
        self._per_yaw_rate = self._per_speed * np.array([-wheel.side_m for _, _, wheel in wheels])
        self._gliding = np.array([index for index, each in enumerate(found) if each.planar is not None], dtype=np.int64)
        gliding = [(robots[index], found[index].planar) for index in self._gliding]
        self._slides = np.array(
            [
                [world.model.actuator(robot_prefix(robot.name) + name).id for name in each.actuators]
                for robot, each in gliding
                if each is not None
            ],
            dtype=np.int64,
        )
        # From a velocity in the world to what the servos of the slides and the hinge are told.
        self._to_slides = np.array(
            [np.array(each.axes) * np.array(each.gears) for _, each in gliding if each is not None]
        )
        self._held, self._told = _postures(world.model, robots, found)
        self._period_s = 1.0 / world.spec.control_hz

    @classmethod
    def slowness(cls, robot: RobotSpec) -> float:
        """See `RobotGroup.slowness`: tasks are made for 1 m/s and 3 rad/s."""
        found = load(str(robot.mjcf))[1]
        slower = max(USUAL_SPEED_MPS / found.max_speed_mps, USUAL_YAW_RATE_RADPS / found.max_yaw_rate_radps)
        return max(1.0, slower / min(1.0, found.reached / _FULLY))

    @classmethod
    def has_wheels(cls, robot: RobotSpec) -> bool:
        """See `RobotGroup.has_wheels`."""
        return load(str(robot.mjcf))[1].planar is None

    @property
    def reaches(self) -> np.ndarray:
        """See `RobotGroup.reaches`: the corners of one of usual size may lie outside of the circle for it."""
        return self._reaches

    @classmethod
    def base_body(cls, robot: RobotSpec) -> str:
        """See `RobotGroup.base_body`: as the file calls it."""
        return load(str(robot.mjcf))[1].base

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`."""
        child, found = load(str(robot.mjcf))
        if found.radius_m > _largest(robot):
            raise ValueError(
                f"radius_m: {robot.footprint_m:g}, but its parts reach {found.radius_m:.3g} m from"
                f" where it turns; allowed: at least {_rounded(found.radius_m):g}"
            )
        chassis = child.geom(found.chassis)
        chassis.material = ""
        chassis.rgba = paint(robot, spec)
        # The slides of a planar base lie as the world's axes do, wherever it starts.
        frame = scene.worldbody.add_frame() if found.planar else spawn_frame(scene, robot)
        scene.attach(child, prefix=robot_prefix(robot.name), frame=frame)

    def place(self, ids: np.ndarray) -> None:
        """See `RobotGroup.place`."""
        columns, values = self._bases.places(self.world.episodes.spawns[ids[:, None], self.indices])
        self.world.qpos[ids[:, None, None], columns] = values
        for target, (where, what) in ((self.world.qpos, self._held), (self.world.ctrl, self._told)):
            if len(where):
                target[ids[:, None], where] = what

    def put(self, robot: int, pose: np.ndarray, velocity: np.ndarray) -> None:
        """See `CarGroup.put`; the robot stands upright, its wheels as they were."""
        everyone = np.zeros((2, len(self.robots), 3))
        everyone[:, robot] = pose, velocity
        columns, values = self._bases.places(everyone[:1])
        self.world.qpos[0, columns[robot]] = values[0, robot]
        columns, values = self._bases.speeds(everyone[1])
        self.world.qvel[0, columns[robot]] = values[robot]

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """See `CarGroup.poses`."""
        return self._bases.poses(ids)

    def velocities(self) -> np.ndarray:
        """See `CarGroup.velocities`."""
        return self._bases.velocities()

    def positions(self) -> np.ndarray:
        """See `RobotGroup.positions`."""
        return self._bases.positions()

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Wheel speed targets; hidden dynamics act as on the differential-drive robot."""
        forward = self._limits[:, 0] * dynamics[..., 0] * actions[..., 0]
        turn = self._limits[:, 1] * (dynamics[..., 1] * actions[..., 1] + dynamics[..., 2])
        if len(self._gliding):
            self._glide(forward[:, self._gliding], turn[:, self._gliding])
        # A swapped wheel is told what one on the other side would be: the turn the other way round.
        turn = np.where(dynamics[..., WHEELS_SWAPPED] > 0.0, -turn, turn)
        told = forward[:, self._owner] * self._per_speed + turn[:, self._owner] * self._per_yaw_rate
        left = dynamics[:, self._owner, WHEEL_LEFT]
        self.world.ctrl[:, self._wheels] = told * np.where(
            self._on_the_left, left, dynamics[:, self._owner, WHEEL_RIGHT]
        )

    def _glide(self, forward: np.ndarray, turn: np.ndarray) -> None:
        """Tell the motors of planar bases what moves them ahead and turns them, (n, gliding) each."""
        # Their slides do not turn with them: midway through the step is where they look on average.
        course = self.poses()[:, self._gliding, 2] + turn * self._period_s / 2
        wanted = np.stack([forward * np.cos(course), forward * np.sin(course), turn], axis=-1)
        self.world.ctrl[:, self._slides] = np.einsum("gij,ngi->ngj", self._to_slides, wanted)

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`."""
        return self.world.odometry.twists(self, self.twists()) / self._limits


_FULLY = 0.95
"""Share of its full speed from which on a robot needs no more time than its limits say."""
_CORNERS = float(np.sqrt(2.0))


def with_mjcf(spec: TaskSpec, path: str) -> TaskSpec:
    """The same task with every robot replaced by one from a file; where there are arms, every arm.

    Tasks are made for robots of 1 m/s: slower ones get as much more time. The floor grows with large ones.

    Args:
        spec: a task, such as `metabot_sim.families.registry.family("drive-goal").spec(3)`.
        path: of the MJCF or URDF file: of a robot that drives, or of an arm.

    Raises:
        SpecError: if there is no such robot, or the task does not hold with it, as one with things to grasp does not
            with an arm without a gripper; one line.
    """
    arms = [robot.name for robot in spec.robots if robot.kind == "arm"]
    if arms:
        return _with_arm(spec, arms, path)
    try:
        _, found = load(path)
    except ValueError as problem:
        raise SpecError(f"robots.{spec.robots[0].name}: {problem}") from None
    from metabot_sim.families.driving import with_robots

    # Whatever fits in the usual circle but for its corners is of the usual size.
    size = None if found.radius_m <= KINDS["mjcf"].radius_m * _CORNERS else _rounded(found.radius_m)
    changed = [
        RobotSpec.parse({**robot.model_dump(), "kind": "mjcf", "mjcf": path, "radius_m": size}) for robot in spec.robots
    ]
    return with_robots(spec, changed)


def _postures(
    model: mujoco.MjModel, robots: list[RobotSpec], found: list[Contract]
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Columns of ``qpos``, and of ``ctrl``, and what belongs there at the start of an episode."""
    held = [
        (int(model.joint(robot_prefix(robot.name) + name).qposadr[0]) + place, value)
        for robot, each in zip(robots, found, strict=True)
        for name, values in each.posture.joints
        for place, value in enumerate(values)
    ]
    told = [
        (int(model.actuator(robot_prefix(robot.name) + name).id), value)
        for robot, each in zip(robots, found, strict=True)
        for name, value in each.posture.controls
    ]
    return _columns(held), _columns(told)


def _columns(pairs: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([where for where, _ in pairs], dtype=np.int64), np.array([what for _, what in pairs])


def _largest(robot: RobotSpec) -> float:
    """How far parts of a robot may reach: the corners of one of usual size may lie outside of its circle."""
    return robot.footprint_m * (_CORNERS if robot.radius_m is None else 1.0)


def _rounded(radius_m: float) -> float:
    """Up to whole centimetres."""
    return float(np.ceil(radius_m * 100.0 - 1e-6) / 100.0)


def _with_arm(spec: TaskSpec, arms: list[str], path: str) -> TaskSpec:
    """The same task with other arms."""
    # Families know the robots that play them.
    from metabot_sim.families.registry import family
    from metabot_sim.robots.arm.file import load as load_arm

    try:
        load_arm(path)
    except ValueError as problem:
        raise SpecError(f"robots.{arms[0]}: {problem}") from None
    robots = [{**robot.model_dump(), "mjcf": path if robot.name in arms else None} for robot in spec.robots]
    replaced = TaskSpec.parse({**spec.model_dump(), "robots": robots})
    family(spec.family).check_grippers(replaced)
    return replaced

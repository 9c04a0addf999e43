"""A user's own driving robot: an MJCF or URDF file, as `prepare` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task import RobotSpec, SpecError, TaskSpec
from metabot_sim.episodes import WHEEL_LEFT, WHEEL_RIGHT, WHEELS_SWAPPED
from metabot_sim.frames import turned, yaws
from metabot_sim.robots.base import grid_view, rectangular, robot_prefix, spawn_frame
from metabot_sim.robots.car import CarGroup, paint
from metabot_sim.robots.mjcf.prepare import USUAL_SPEED_MPS, USUAL_YAW_RATE_RADPS, load

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld


class MjcfCar(CarGroup):
    """Robots from files of users: driven wheels on the left and on the right, each file its own.

    What a file has to hold, and what is inferred, stands in `docs/tutorials/bring-your-own-robot.md`.
    """

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        super().__init__(world, robots, indices)
        found = [load(str(robot.mjcf))[1] for robot in robots]
        roots = [
            world.model.joint(robot_prefix(robot.name) + each.root) for robot, each in zip(robots, found, strict=True)
        ]
        self._pos_index = np.array([int(root.qposadr[0]) for root in roots])[:, None] + np.arange(7)
        self._vel_index = np.array([int(root.dofadr[0]) for root in roots])[:, None] + np.arange(6)
        self._positions = grid_view(world.qpos, self._pos_index)
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
        self._attitudes = np.array([each.attitude for each in found])
        self._ahead, self._up = (np.array([each.local(way) for each in found]) for way in ((1, 0, 0), (0, 0, 1)))
        self._plain = bool(np.array_equal(self._attitudes, np.tile([1.0, 0.0, 0.0, 0.0], (len(found), 1))))
        # A payload lies where most of the robot is; the base of a file may weigh nothing.
        masses = world.model.body_mass[self.bodies]
        self.payload_bodies = np.take_along_axis(self.bodies, masses.argmax(axis=1)[:, None], axis=1)[:, 0]
        self._heights = np.array([each.height_m for each in found])
        self._limits = np.array([(each.max_speed_mps, each.max_yaw_rate_radps) for each in found])
        # One per robot, which broadcasts wherever one number would.
        self.max_speed_mps, self.max_yaw_rate_radps = self._limits.T
        wheels = [
            (world.model.actuator(robot_prefix(robot.name) + wheel.actuator).id, index, wheel)
            for index, (robot, each) in enumerate(zip(robots, found, strict=True))
            for wheel in each.wheels
        ]
        # One flat list of wheels: robots of different files have different numbers of them.
        self._wheels = np.array([actuator for actuator, _, _ in wheels])
        self._owner = np.array([index for _, index, _ in wheels])
        self._on_the_left = np.array([wheel.side_m > 0.0 for _, _, wheel in wheels])
        self._per_speed = np.array([wheel.gear * wheel.sign / wheel.radius_m for _, _, wheel in wheels])
        self._per_yaw_rate = self._per_speed * np.array([-wheel.side_m for _, _, wheel in wheels])

    @classmethod
    def base_body(cls, robot: RobotSpec) -> str:
        """See `RobotGroup.base_body`: as the file calls it."""
        return load(str(robot.mjcf))[1].base

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`."""
        child, found = load(str(robot.mjcf))
        chassis = child.geom(found.chassis)
        chassis.material = ""
        chassis.rgba = paint(robot, spec)
        scene.attach(child, prefix=robot_prefix(robot.name), frame=spawn_frame(scene, robot))

    def place(self, ids: np.ndarray) -> None:
        """See `RobotGroup.place`."""
        spawns = self.world.episodes.spawns[ids[:, None], self.indices]
        self.world.qpos[ids[:, None, None], self._pos_index] = self._stood(spawns)

    def _stood(self, spawns: np.ndarray) -> np.ndarray:
        """Positions of the free joints, (n, r, 7), of robots that stand at (n, r, 3) x, y, yaw."""
        pose = np.zeros((*spawns.shape[:2], 7))
        pose[..., :2], pose[..., 2] = spawns[..., :2], self._heights
        cos, sin = np.cos(spawns[..., 2] / 2), np.sin(spawns[..., 2] / 2)
        w, x, y, z = np.moveaxis(self._attitudes, -1, 0)
        # A turn about the vertical, and before it the attitude in which the robot stands.
        pose[..., 3], pose[..., 4] = cos * w - sin * z, cos * x - sin * y
        pose[..., 5], pose[..., 6] = cos * y + sin * x, cos * z + sin * w
        return pose

    def put(self, robot: int, pose: np.ndarray, velocity: np.ndarray) -> None:
        """See `CarGroup.put`; the robot stands upright, its wheels as they were."""
        everyone = np.zeros((1, len(self.robots), 3))
        everyone[0, robot] = pose
        self.world.qpos[0, self._pos_index[robot]] = self._stood(everyone)[0, robot]
        self.world.qvel[0, self._vel_index[robot]] = [*velocity[:2], 0.0, *(self._up[robot] * velocity[2])]

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """See `CarGroup.poses`."""
        if ids is not None:
            position = self.world.qpos[ids[:, None, None], self._pos_index]
        else:
            position = self.world.qpos[:, self._pos_index] if self._positions is None else self._positions
        poses = np.empty((*position.shape[:2], 3))
        poses[..., :2] = position[..., :2]
        if self._plain:
            poses[..., 2] = yaws(position[..., 3:])
        else:
            ahead = turned(position[..., 3:], self._ahead)
            poses[..., 2] = np.arctan2(ahead[..., 1], ahead[..., 0])
        return poses

    def velocities(self) -> np.ndarray:
        """See `CarGroup.velocities`."""
        velocity = self.world.qvel[:, self._vel_index]
        # A free joint's rates are about the axes of its body.
        rate = velocity[..., 5] if self._plain else (velocity[..., 3:] * self._up).sum(-1)
        return np.concatenate([velocity[..., :2], rate[..., None]], axis=-1)

    def positions(self) -> np.ndarray:
        """See `RobotGroup.positions`."""
        return self.world.qpos[:, self._pos_index[:, :3]]

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Wheel speed targets; hidden dynamics act as on the differential-drive robot."""
        forward = self._limits[:, 0] * dynamics[..., 0] * actions[..., 0]
        turn = self._limits[:, 1] * (dynamics[..., 1] * actions[..., 1] + dynamics[..., 2])
        # A swapped wheel is told what one on the other side would be: the turn the other way round.
        turn = np.where(dynamics[..., WHEELS_SWAPPED] > 0.0, -turn, turn)
        told = forward[:, self._owner] * self._per_speed + turn[:, self._owner] * self._per_yaw_rate
        left = dynamics[:, self._owner, WHEEL_LEFT]
        self.world.ctrl[:, self._wheels] = told * np.where(
            self._on_the_left, left, dynamics[:, self._owner, WHEEL_RIGHT]
        )

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`."""
        return self.world.odometry.twists(self, self.twists()) / self._limits


_FULLY = 0.95
"""Share of its full speed from which on a robot needs no more time than its limits say."""


def with_mjcf(spec: TaskSpec, path: str) -> TaskSpec:
    """The same task with every robot replaced by one from a file; where there are arms, every arm.

    Tasks are made for robots of 1 m/s: slower ones get as much more time.

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
    slower = max(USUAL_SPEED_MPS / found.max_speed_mps, USUAL_YAW_RATE_RADPS / found.max_yaw_rate_radps)
    slower = max(1.0, slower / min(1.0, found.reached / _FULLY))
    robots = [{**robot.model_dump(), "kind": "mjcf", "mjcf": path} for robot in spec.robots]
    return TaskSpec.parse({**spec.model_dump(), "robots": robots, "horizon_s": spec.horizon_s * slower})


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

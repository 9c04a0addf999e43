"""`PlanarCar`: cars that move in the plane on tyres that are forces, not contacts.

A wheel that only rolls needs no contact: its tyre gives a force along the floor that grows with the
slip until grip ends it. Soft contacts creep, by an amount that depends on the time step; these
forces do not, and they cost neither collision detection nor a constraint solver. The rolling
direction is the motor's own servo (its torque limited by grip), across it a damper resists, as
stiff as the step allows: a tyre's cornering stiffness (Pacejka 2012, chapter 1) with a limit.
Whatever stands on the floor (robots, walls, boxes) is met in contacts as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.frames import wrap
from metabot_sim.robots.base import Tyres, grid_view, robot_prefix
from metabot_sim.robots.car import CarGroup, paint

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

JOINTS = ("x", "y", "yaw")
"""Of the base, in this order and without others between them."""


class PlanarCar(CarGroup):
    """Cars on planar bases; the MJCF has the joints ``x``, ``y`` (slides) and ``yaw`` (a hinge) in ``base``."""

    mjcf: ClassVar[Path]
    height_m: ClassVar[float]
    """Of the base above the floor."""
    motors: ClassVar[tuple[str, ...]]
    """Actuators that commands drive, in the order of the targets that `command` writes."""
    grip: ClassVar[Mapping[str, float]]
    """Largest force of each tyre on a floor of nominal friction, in the units of its actuator."""
    motor_limit: ClassVar[Mapping[str, float]] = {}
    """Largest force of the motors behind them, in the same units; where there is none, grip alone limits."""

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        super().__init__(world, robots, indices)
        model = world.model

        def ids(kind: str, names: tuple[str, ...]) -> np.ndarray:
            find = getattr(model, kind)
            return np.array([[find(robot_prefix(robot.name) + name).id for name in names] for robot in robots])

        joints = ids("joint", JOINTS)
        self._pos_index, self._vel_index = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
        self._positions = grid_view(world.qpos, self._pos_index)
        self._velocities = grid_view(world.qvel, self._vel_index)
        self.actuators = ids("actuator", self.motors)
        self.tyres = Tyres(
            ids("actuator", tuple(self.grip)),
            np.array(list(self.grip.values())),
            np.array([self.motor_limit.get(name, np.inf) for name in self.grip]),
        )

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`."""
        child = mujoco.MjSpec.from_file(str(cls.mjcf))
        child.geom("chassis").rgba = paint(robot, spec)
        base = child.body("base")
        x, y, yaw = robot.spawn.x, robot.spawn.y, robot.spawn.yaw
        cos, sin = np.cos(yaw), np.sin(yaw)
        base.pos = [x, y, base.pos[2]]
        base.quat = [np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
        # Joint positions are then those of the world, wherever the robot is spawned.
        for joint, at, axis in zip(base.joints, (x, y, yaw), ([cos, -sin, 0], [sin, cos, 0], [0, 0, 1]), strict=True):
            joint.ref, joint.axis = at, axis
        scene.worldbody.add_frame().attach_body(base, robot_prefix(robot.name), "")

    def place(self, ids: np.ndarray) -> None:
        """See `RobotGroup.place`."""
        self.world.qpos[ids[:, None, None], self._pos_index] = self.world.episodes.spawns[ids[:, None], self.indices]

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """See `CarGroup.poses`."""
        if ids is not None:
            poses = self.world.qpos[ids[:, None, None], self._pos_index]
        else:
            poses = self.world.qpos[:, self._pos_index] if self._positions is None else self._positions.copy()
        poses[..., 2] = wrap(poses[..., 2])
        return poses

    def put(self, robot: int, pose: np.ndarray, velocity: np.ndarray) -> None:
        """See `CarGroup.put`."""
        self.world.qpos[0, self._pos_index[robot]] = pose
        self.world.qvel[0, self._vel_index[robot]] = velocity

    def velocities(self) -> np.ndarray:
        """See `CarGroup.velocities`."""
        return self.world.qvel[:, self._vel_index] if self._velocities is None else self._velocities

    def positions(self) -> np.ndarray:
        """See `RobotGroup.positions`."""
        result = np.full((self.world.num_sims, len(self.robots), 3), self.height_m)
        result[..., :2] = self.world.qpos[:, self._pos_index[:, :2]]
        return result

"""`CarGroup`: what all driving robots share: a free base, planar poses, a bumper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.colors import COLORS, TEAM_COLORS
from metabot_sim.frames import yaws
from metabot_sim.robots.base import RobotGroup, grid_view, rectangular, robot_prefix

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld


class CarGroup(RobotGroup):
    """Robots that drive on the floor.

    The MJCF has a body ``base`` with a free joint ``root``, a geom ``chassis`` (it takes the
    robot's colour) and a touch sensor ``bumper`` that feels whatever is not the floor.
    """

    mjcf: ClassVar[Path]
    spawn_height_m: ClassVar[float]
    max_speed_mps: float
    """Forward speed of a healthy robot at full command."""
    max_yaw_rate_radps: float
    """Yaw rate of a healthy robot at full command (of a car: at full speed and lock)."""
    proprio_names = ("forward_speed", "yaw_rate")
    action_names = ("forward", "turn")

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        super().__init__(world, robots, indices)
        roots = [world.model.joint(robot_prefix(robot.name) + "root") for robot in robots]
        first = np.array([int(root.qposadr[0]) for root in roots])
        self._pos_index = first[:, None] + np.arange(7)
        self._vel_index = np.array([int(root.dofadr[0]) for root in roots])[:, None] + np.arange(6)
        self._positions = grid_view(world.qpos, self._pos_index)
        self._velocities = grid_view(world.qvel, self._vel_index)
        self._bumper = np.array(
            [int(world.model.sensor(robot_prefix(robot.name) + "bumper").adr[0]) for robot in robots]
        )
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

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`."""
        child = mujoco.MjSpec.from_file(str(robot.mjcf or cls.mjcf))
        child.geom("chassis").rgba = COLORS[robot.goal] if robot.goal else team_color(robot, spec)
        yaw = robot.spawn.yaw
        frame = scene.worldbody.add_frame(
            pos=[robot.spawn.x, robot.spawn.y, 0.0], quat=[np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
        )
        frame.attach_body(child.body("base"), robot_prefix(robot.name), "")

    def place(self, ids: np.ndarray) -> None:
        """See `RobotGroup.place`."""
        spawns = self.world.episodes.spawns[ids[:, None], self.indices]
        pose = np.zeros((*spawns.shape[:2], 7))
        pose[..., :2] = spawns[..., :2]
        pose[..., 2] = self.spawn_height_m
        pose[..., 3], pose[..., 6] = np.cos(spawns[..., 2] / 2), np.sin(spawns[..., 2] / 2)
        self.world.qpos[ids[:, None, None], self._pos_index] = pose

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """(n, r, 3): x, y in metres and yaw in radians, in the world frame; of some simulations if asked."""
        if ids is not None:
            position = self.world.qpos[ids[:, None, None], self._pos_index]
        else:
            position = self.world.qpos[:, self._pos_index] if self._positions is None else self._positions
        poses = np.empty((*position.shape[:2], 3))
        poses[..., :2] = position[..., :2]
        poses[..., 2] = yaws(position[..., 3:])
        return poses

    def twists(self, poses: np.ndarray | None = None) -> np.ndarray:
        """(n, r, 2): forward speed in m/s and yaw rate in rad/s, robot frame."""
        yaw = (self.poses() if poses is None else poses)[..., 2]
        velocity = self._velocities
        if velocity is None:
            velocity = self.world.qvel[:, self._vel_index]
        twists = np.empty((*yaw.shape, 2))
        twists[..., 0] = velocity[..., 0] * np.cos(yaw) + velocity[..., 1] * np.sin(yaw)
        twists[..., 1] = velocity[..., 5]
        return twists

    def bumped(self) -> np.ndarray:
        """(n, r) bool: which robots touch something that is not the floor."""
        return self.world.sensordata[:, self._bumper] > 0.0

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`."""
        return self.twists() / np.array([self.max_speed_mps, self.max_yaw_rate_radps])

    def positions(self) -> np.ndarray:
        """See `RobotGroup.positions`."""
        return self.world.qpos[:, self._pos_index[:, :3]]


def team_color(robot: RobotSpec, spec: TaskSpec) -> tuple[float, float, float, float]:
    """The colour of a robot's team."""
    teams = list(dict.fromkeys(each.team for each in spec.robots))
    return TEAM_COLORS[teams.index(robot.team) % len(TEAM_COLORS)]

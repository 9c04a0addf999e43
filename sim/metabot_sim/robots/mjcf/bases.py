"""What carries a user's robot over the floor: a free joint, or a planar base on two slides and a hinge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from metabot.task import RobotSpec
from metabot_sim.frames import turned, wrap, yaws
from metabot_sim.robots.base import grid_view, robot_prefix
from metabot_sim.robots.mjcf.contract import Contract

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld


class Bases(ABC):
    """Where some robots of a batch are, and how they are put somewhere."""

    @abstractmethod
    def places(self, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joint positions of robots that stand somewhere.

        Args:
            poses: (n, r, 3) x, y in metres and yaw in radians, in the world frame.

        Returns:
            Columns of ``qpos``, (r, k), and what belongs there, (n, r, k).
        """

    @abstractmethod
    def speeds(self, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joint velocities of upright robots that move: columns of ``qvel``, (r, k), and values, (r, k).

        Args:
            velocities: (r, 3) along x and y of the world in m/s, yaw rate in rad/s.
        """

    @abstractmethod
    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """(n, r, 3) x, y, yaw; of some simulations if asked."""

    @abstractmethod
    def velocities(self) -> np.ndarray:
        """(n, r, 3) along x and y of the world in m/s, yaw rate in rad/s."""

    @abstractmethod
    def positions(self) -> np.ndarray:
        """(n, r, 3) of the bases' origins, in metres."""


class FreeBases(Bases):
    """Robots on free joints: they stand on what touches the floor."""

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], found: list[Contract]) -> None:
        """Find the joints in a compiled model."""
        self._world = world
        roots = [
            world.model.joint(robot_prefix(robot.name) + each.root) for robot, each in zip(robots, found, strict=True)
        ]
        self._pos_index = np.array([int(root.qposadr[0]) for root in roots])[:, None] + np.arange(7)
        self._vel_index = np.array([int(root.dofadr[0]) for root in roots])[:, None] + np.arange(6)
        self._live = grid_view(world.qpos, self._pos_index)
        self._attitudes = np.array([each.attitude for each in found])
        self._ahead, self._up = (np.array([each.local(way) for each in found]) for way in ((1, 0, 0), (0, 0, 1)))
        self._plain = bool(np.array_equal(self._attitudes, np.tile([1.0, 0.0, 0.0, 0.0], (len(found), 1))))
        self._heights = np.array([each.height_m for each in found])

    def places(self, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Bases.places`."""
        result = np.zeros((*poses.shape[:2], 7))
        result[..., :2], result[..., 2] = poses[..., :2], self._heights
        cos, sin = np.cos(poses[..., 2] / 2), np.sin(poses[..., 2] / 2)
        w, x, y, z = np.moveaxis(self._attitudes, -1, 0)
        # A turn about the vertical, and before it the attitude in which the robot stands.
        result[..., 3], result[..., 4] = cos * w - sin * z, cos * x - sin * y
        result[..., 5], result[..., 6] = cos * y + sin * x, cos * z + sin * w
        return self._pos_index, result

    def speeds(self, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Bases.speeds`."""
        flat = np.concatenate([velocities[:, :2], np.zeros((len(velocities), 1))], axis=1)
        return self._vel_index, np.concatenate([flat, self._up * velocities[:, 2:]], axis=1)

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """See `Bases.poses`."""
        if ids is not None:
            position = self._world.qpos[ids[:, None, None], self._pos_index]
        else:
            position = self._world.qpos[:, self._pos_index] if self._live is None else self._live
        poses = np.empty((*position.shape[:2], 3))
        poses[..., :2] = position[..., :2]
        if self._plain:
            poses[..., 2] = yaws(position[..., 3:])
        else:
            ahead = turned(position[..., 3:], self._ahead)
            poses[..., 2] = np.arctan2(ahead[..., 1], ahead[..., 0])
        return poses

    def velocities(self) -> np.ndarray:
        """See `Bases.velocities`."""
        velocity = self._world.qvel[:, self._vel_index]
        # A free joint's rates are about the axes of its body.
        rate = velocity[..., 5] if self._plain else (velocity[..., 3:] * self._up).sum(-1)
        return np.concatenate([velocity[..., :2], rate[..., None]], axis=-1)

    def positions(self) -> np.ndarray:
        """See `Bases.positions`."""
        return self._world.qpos[:, self._pos_index[:, :3]]


class PlanarBases(Bases):
    """Robots on two slides and a hinge, whose motors move them along the slides and turn them."""

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], found: list[Contract]) -> None:
        """Find the joints in a compiled model."""
        self._world = world
        planar = [each.planar for each in found]
        joints = np.array(
            [
                [world.model.joint(robot_prefix(robot.name) + name).id for name in each.joints]
                for robot, each in zip(robots, planar, strict=True)
                if each is not None
            ]
        )
        self._pos_index, self._vel_index = world.model.jnt_qposadr[joints], world.model.jnt_dofadr[joints]
        # Slides of a file may lie along any two directions: of orthogonal ones the transpose is the inverse.
        self._axes = np.array([each.axes for each in planar if each is not None])
        self._heights = np.array([each.height_m for each in found])

    def places(self, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Bases.places`."""
        return self._pos_index, np.einsum("rji,nrj->nri", self._axes, poses)

    def speeds(self, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Bases.speeds`."""
        return self._vel_index, np.einsum("rji,rj->ri", self._axes, velocities)

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """See `Bases.poses`."""
        qpos = self._world.qpos
        joints = qpos[:, self._pos_index] if ids is None else qpos[ids[:, None, None], self._pos_index]
        poses = np.einsum("rij,nrj->nri", self._axes, joints)
        poses[..., 2] = wrap(poses[..., 2])
        return poses

    def velocities(self) -> np.ndarray:
        """See `Bases.velocities`."""
        return np.asarray(np.einsum("rij,nrj->nri", self._axes, self._world.qvel[:, self._vel_index]))

    def positions(self) -> np.ndarray:
        """See `Bases.positions`."""
        result = self.poses()
        result[..., 2] = self._heights
        return result


class MixedBases(Bases):
    """Robots of which some are on free joints and some on planar bases."""

    def __init__(self, kinds: list[tuple[np.ndarray, Bases]]) -> None:
        """Take the robots of each kind, by their numbers, and where they are."""
        self._kinds = kinds
        self._back = np.argsort(np.concatenate([rows for rows, _ in kinds]))

    def _joined(self, parts: list[np.ndarray], axis: int) -> np.ndarray:
        # A base of fewer joints repeats its first column and value, which changes nothing.
        widest = max(part.shape[-1] for part in parts)
        wide = [
            np.concatenate([part, np.repeat(part[..., :1], widest - part.shape[-1], axis=-1)], axis=-1)
            for part in parts
        ]
        return np.take(np.concatenate(wide, axis=axis), self._back, axis=axis)

    def places(self, poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Bases.places`."""
        found = [bases.places(poses[:, rows]) for rows, bases in self._kinds]
        return self._joined([columns for columns, _ in found], 0), self._joined([values for _, values in found], 1)

    def speeds(self, velocities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Bases.speeds`."""
        found = [bases.speeds(velocities[rows]) for rows, bases in self._kinds]
        return self._joined([columns for columns, _ in found], 0), self._joined([values for _, values in found], 0)

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """See `Bases.poses`."""
        return self._joined([bases.poses(ids) for _, bases in self._kinds], 1)

    def velocities(self) -> np.ndarray:
        """See `Bases.velocities`."""
        return self._joined([bases.velocities() for _, bases in self._kinds], 1)

    def positions(self) -> np.ndarray:
        """See `Bases.positions`."""
        return self._joined([bases.positions() for _, bases in self._kinds], 1)


def bases_of(world: BatchedWorld, robots: list[RobotSpec], found: list[Contract]) -> Bases:
    """Where robots of any files are."""
    rows = [np.flatnonzero([(each.planar is None) == free for each in found]) for free in (True, False)]
    kinds: list[tuple[np.ndarray, Bases]] = [
        (mine, kind(world, [robots[i] for i in mine], [found[i] for i in mine]))
        for mine, kind in zip(rows, (FreeBases, PlanarBases), strict=True)
        if len(mine)
    ]
    return kinds[0][1] if len(kinds) == 1 else MixedBases(kinds)

"""What cars believe of their own motion: dead reckoning with a turned heading, a wrong scale, a drift.

Within an episode nothing in it contradicts itself: only what is paid tells a robot that it is
somewhere else (Borenstein and Feng 1996 call such errors systematic and calibrate them by driving).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from metabot_sim import episodes as ep
from metabot_sim.frames import wrap
from metabot_sim.robots.car import CarGroup

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld


class Odometry:
    """Believed poses of all driving robots of a world.

    Where no robot's odometry is wrong it is the truth, and costs nothing.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """Get to know the cars; all robots believe the truth until `reset`."""
        self._world = world
        self._cars = [group for group in world.groups if isinstance(group, CarGroup)]
        self.wrong = False
        """Whether any robot's odometry has been wrong so far."""

    def reset(self, ids: np.ndarray) -> None:
        """Start anew where the given simulations have been put; with the heading already turned."""
        dynamics = self._world.episodes.robot_dynamics
        if not self.wrong:
            mine = dynamics[ids]
            self.wrong = bool(
                self._cars
                and (
                    np.any(mine[..., ep.HEADING_OFFSET])
                    or np.any(mine[..., ep.ODOMETRY_SCALE] != 1.0)
                    or np.any(mine[..., ep.ODOMETRY_DRIFT])
                )
            )
            if not self.wrong:
                return
            everyone = np.arange(self._world.num_sims)
            self._true = self._poses(everyone)
            self._place = self._true[..., :2].copy()
            self._turned = np.zeros(self._place.shape[:2])
        self._true[ids] = self._poses(ids)
        self._place[ids] = self._true[ids, :, :2]
        self._turned[ids] = dynamics[ids, :, ep.HEADING_OFFSET]

    def advance(self) -> None:
        """Count the way since the last call."""
        if not self.wrong:
            return
        dynamics = self._world.episodes.robot_dynamics
        now = self._poses(np.arange(self._world.num_sims))
        way = now[..., :2] - self._true[..., :2]
        middle = self._true[..., 2] + 0.5 * wrap(now[..., 2] - self._true[..., 2])
        scale, drift = dynamics[..., ep.ODOMETRY_SCALE], dynamics[..., ep.ODOMETRY_DRIFT]
        counted = scale * (way[..., 0] * np.cos(middle) + way[..., 1] * np.sin(middle))
        turned = self._turned + 0.5 * drift * counted
        cos, sin = scale * np.cos(turned), scale * np.sin(turned)
        self._place[..., 0] += cos * way[..., 0] - sin * way[..., 1]
        self._place[..., 1] += sin * way[..., 0] + cos * way[..., 1]
        self._turned += drift * counted
        self._true = now

    def poses(self, poses: np.ndarray) -> np.ndarray:
        """Where robots believe they are, (n, R, 3), when they are at these poses; those of the newest step."""
        if not self.wrong:
            return poses
        believed = np.empty_like(poses)
        believed[..., :2] = self._place
        believed[..., 2] = wrap(poses[..., 2] + self._turned)
        return believed

    def twists(self, cars: CarGroup, twists: np.ndarray) -> np.ndarray:
        """Speeds and yaw rates that robots of one kind count, (n, r, 2), when these are the true ones."""
        if not self.wrong:
            return twists
        dynamics = self._world.episodes.robot_dynamics[:, cars.select]
        counted = twists.copy()
        counted[..., 0] *= dynamics[..., ep.ODOMETRY_SCALE]
        counted[..., 1] += dynamics[..., ep.ODOMETRY_DRIFT] * counted[..., 0]
        return counted

    def _poses(self, ids: np.ndarray) -> np.ndarray:
        poses = np.zeros((len(ids), self._world.num_robots, 3))
        for cars in self._cars:
            poses[:, cars.select] = cars.poses(ids)
        return poses

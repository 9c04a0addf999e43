"""`Driver`: the expert for a fleet of cars of any kind, each to a point, around the others."""

from __future__ import annotations

import numpy as np

from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import DRIVE_GAIN
from metabot_sim.experts import arcs, avoid, drive
from metabot_sim.robots import ackermann

_WAYPOINT_M = 1.5
"""How far ahead a car that cannot turn on the spot looks along its way around the others."""


class Driver:
    """Drives all cars of a world to points; it knows their hidden dynamics."""

    def __init__(self, world: BatchedWorld, *, careful: bool = True) -> None:
        """Get to know the cars.

        Args:
            world: all of whose robots are cars of one kind.
            careful: keep so slow near others that nobody can be touched; else only drive around
                them, and push through where there is no way around.
        """
        self._careful = careful
        self._world = world
        self._cars = world.cars
        self._radius = max(robot.footprint_m for robot in world.spec.robots)
        self._half = (world.spec.world.length_m / 2, world.spec.world.width_m / 2)
        self._turns_on_the_spot = not isinstance(self._cars, ackermann.Ackermann)

    def __call__(self, poses: np.ndarray, goals: np.ndarray) -> np.ndarray:
        """Commands that bring every car to its goal without a collision, (n, R, 2).

        Args:
            poses: (n, R, 3).
            goals: (n, R, 2).
        """
        world, cars = self._world, self._cars
        dynamics = world.episodes.robot_dynamics
        twists = world.twists(poses)
        others = avoid.nearest(poses)
        yaw = poses[..., 2]
        ahead = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
        velocities = twists[..., :1] * ahead
        speeds = cars.max_speed_mps * np.minimum(np.abs(dynamics[..., DRIVE_GAIN]), 1.0)
        distance = np.hypot(goals[..., 0] - poses[..., 0], goals[..., 1] - poses[..., 1])
        if not self._turns_on_the_spot:
            # Either end of a car may lead.
            leading = np.concatenate([poses[..., :2], (yaw + np.pi * (twists[..., 0] < 0.0))[..., None]], axis=-1)
            headings = avoid.headings(leading, velocities, goals, speeds, others, self._radius, self._half)
            step = np.minimum(distance, _WAYPOINT_M)[..., None]
            on_the_way = poses[..., :2] + step * np.stack([np.cos(headings), np.sin(headings)], axis=-1)
            return arcs.commands(
                poses,
                twists,
                on_the_way,
                dynamics,
                distance=distance,
                max_speed=ackermann.MAX_SPEED_MPS,
                max_curvature=ackermann.MAX_CURVATURE_PER_M,
                half_wheelbase_m=ackermann.WHEELBASE_M / 2,
                stop=ackermann.STOP,
                others=others,
                radius_m=self._radius,
                half_m=self._half,
            )
        size = self._radius if self._careful else 0.7 * self._radius
        headings = avoid.headings(poses, velocities, goals, speeds, others, size, self._half)
        limits: np.ndarray | float = 1.0
        if self._careful:
            limits = avoid.speed_limits(poses, yaw, others, self._radius) / cars.max_speed_mps
        return drive.towards(poses, headings, distance, dynamics, cars.max_yaw_rate_radps, limits)

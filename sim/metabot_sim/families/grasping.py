"""What the grasping families share: places in reach, what lies where, what is held."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np

from metabot.task import KINDS, ObjectSpec, RobotSpec, SpecError
from metabot_sim import episodes as ep
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.experts.grasp import Load
from metabot_sim.families.base import Rules
from metabot_sim.robots.arm import Arm

Shape = Literal["box", "cylinder", "ball"]
CONTROL_HZ = 25
STILL_MPS = 0.05
"""What moves more slowly is at rest."""
LOW_M = 0.012
"""What has its centre at most so far above the height of rest lies on the floor."""
POSITION_SCALE_M = 0.5
"""Observed places are in this unit: order one within reach."""

SHOWN_OBJECTS, SHOWN_NEIGHBOURS = 3, 2
"""Of a shared table, an arm is told of so many open objects and other hands, the nearest first."""


def scatter(
    draws: rng.Draws,
    arms: int,
    apart_m: np.ndarray,
    radius_m: tuple[float, float],
    bearing_rad: tuple[float, float],
    *,
    keep_off: np.ndarray | None = None,
    rivals: np.ndarray | None = None,
    candidates: int = 32,
) -> np.ndarray:
    """Random points before each arm that keep their distance, (n, arms, count, 2) in base frames.

    One point after the other is drawn, each the first of some candidates that is far enough
    from all before it, or else the one that comes nearest to that. Every episode consumes
    equally many numbers.

    Args:
        draws: one stream per episode.
        arms: arms of each episode.
        apart_m: (count, count) smallest distance between two points of an arm.
        radius_m: nearest and farthest from the base.
        bearing_rad: rightmost and leftmost, from straight ahead.
        keep_off: (m, 3) x, y and how far to stay away from them, the same before each arm.
        rivals: (m, 3) x, y of other arms and by how much nearer the points should be to this arm.
        candidates: tries per point.
    """
    count = len(apart_m)
    shape = (arms, count, candidates)
    # The square root makes the points even over the area.
    radius = np.sqrt(draws.uniform(radius_m[0] ** 2, radius_m[1] ** 2, *shape))
    bearing = draws.uniform(*bearing_rad, *shape)
    tries = np.stack([radius * np.cos(bearing), radius * np.sin(bearing)], axis=-1)
    allowed = np.zeros(tries.shape[:-1])
    for x, y, least in [] if keep_off is None else keep_off:
        allowed = np.minimum(allowed, np.hypot(tries[..., 0] - x, tries[..., 1] - y) - least)
    for x, y, least in [] if rivals is None else rivals:
        allowed = np.minimum(allowed, np.hypot(tries[..., 0] - x, tries[..., 1] - y) - radius - least)
    points = np.empty((len(draws), arms, count, 2))
    for k in range(count):
        offset = tries[:, :, k, :, None] - points[:, :, None, :k]
        room = np.hypot(offset[..., 0], offset[..., 1]) - apart_m[k, :k]
        room = np.minimum(room.min(axis=-1, initial=np.inf), allowed[:, :, k])
        best = room.argmax(axis=-1)[..., None, None]
        points[:, :, k] = np.take_along_axis(tries[:, :, k], best, axis=2)[:, :, 0]
    return points


def check_reach(robots: tuple[RobotSpec, ...], thing: ObjectSpec) -> None:
    """Refuse an object that none of some arms reaches.

    Raises:
        SpecError: with the object's place and what is allowed.
    """
    x, y = thing.pose.x, thing.pose.y
    ranges = [(robot, KINDS[robot.kind].reach_m or (0.0, 0.0)) for robot in robots]
    if not any(near <= np.hypot(x - r.spawn.x, y - r.spawn.y) <= far for r, (near, far) in ranges):
        arms = ", ".join(f"{near:g} to {far:g} m from {robot.name}" for robot, (near, far) in ranges)
        raise SpecError(f"objects.{thing.name}.pose: ({x:g}, {y:g}) is out of reach; allowed: {arms}")


class GraspRules(Rules):
    """Rules of worlds with arms and objects; `look` keeps the state of the newest step.

    Attributes:
        arm: the arms.
        tips: (n, R, 3) fingertips in metres.
        centres: (n, K, 3) centres of the objects in metres.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        arm = world.group("arm")
        assert isinstance(arm, Arm)
        self.arm = arm
        self._nominal = np.array([thing.size_m for thing in world.spec.objects])
        self._rolls = np.array([thing.shape == "ball" for thing in world.spec.objects])
        self._rows = np.arange(world.num_sims)[:, None]
        self._sizes = np.zeros((world.num_sims, len(self._nominal)))

    def look(self) -> None:
        """Take in where everything is now."""
        self.tips, self.centres = self.arm.positions(), self.world.object_positions()

    def measure(self, ids: np.ndarray) -> None:
        """Take in the sizes of the objects of the given simulations, at their reset."""
        self._sizes[ids] = self._nominal * self.world.episodes.object_dynamics[ids, :, ep.OBJECT_DYNAMICS.index("size")]

    @property
    def sizes(self) -> np.ndarray:
        """(n, K) widths of the objects in metres; half of it is the height of rest."""
        return self._sizes

    def lying(self) -> np.ndarray:
        """(n, K) bool: objects that lie still on the floor."""
        velocity = self.world.object_velocities()
        still = np.square(velocity).sum(axis=-1) < STILL_MPS**2
        return still & (self.centres[..., 2] < self._sizes / 2 + LOW_M)

    def pick(self, values: np.ndarray, index: np.ndarray) -> np.ndarray:
        """For each robot the value of one object: (n, K, ...) and (n, R) to (n, R, ...)."""
        return values[self._rows, index]

    def flat_yaws(self) -> np.ndarray:
        """Yaws of the objects' vertical faces, modulo a quarter turn, (n, K)."""
        w, x, y, z = np.moveaxis(self.world.object_quaternions(), -1, 0)
        # Of a box that has tumbled, one axis may point up: the flatter of two tells.
        first = (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z))
        second = (2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z))
        flat = np.hypot(*first) >= np.hypot(*second)
        return np.arctan2(np.where(flat, first[1], second[1]), np.where(flat, first[0], second[0]))

    def grasp_yaws(self, index: np.ndarray) -> np.ndarray:
        """Yaws at which hands meet the faces of objects, modulo a quarter turn, (n, R).

        Args:
            index: (n, R) which object each.
        """
        return np.where(self._rolls[index], self.arm.bases[:, 2], self.pick(self.flat_yaws(), index))


class SharedRules(GraspRules):
    """Rules of scenes where every arm may take every object.

    Attributes:
        held: (n, R, K) bool, which arm holds which object.
        reach: (n, R, K) metres from the fingertips to the objects.
        open: (n, K) bool, objects that are not yet where they belong, as `settled` says.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        shape = (world.num_sims, world.num_robots)
        self._shown = min(SHOWN_OBJECTS, len(world.spec.objects))
        self._shown_tips = min(SHOWN_NEIGHBOURS, world.num_robots - 1)
        self._to_go, self._was_open = np.zeros(shape), np.zeros((world.num_sims, len(world.spec.objects)), dtype=bool)
        parts = ("x", "y", "z", "cos_4yaw", "sin_4yaw", "held", "place_x", "place_y", "there")
        self.task_names = (
            *(f"object_{k + 1}_{part}" for k in range(self._shown) for part in parts),
            *(f"neighbour_{k + 1}_{axis}" for k in range(self._shown_tips) for axis in "xyz"),
        )

    @abstractmethod
    def places(self) -> np.ndarray:
        """(n, R, K, 2), or what broadcasts to it: where each robot should bring each object."""

    @abstractmethod
    def settled(self) -> np.ndarray:
        """(n, K) bool: objects that need no more care, given `centres` and `held`."""

    def look(self) -> None:
        """See `GraspRules.look`."""
        super().look()
        points = np.broadcast_to(self.centres[:, None], (*self.tips.shape[:2], *self.centres.shape[1:]))
        self.held = self.arm.holds(points)
        self.reach = np.sqrt(np.square(points - self.tips[:, :, None]).sum(axis=-1))
        self.open = ~self.settled()

    def nearest_open(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """For each robot the open objects nearest to its fingertips: (n, R, count) which, and whether there."""
        distance = np.where(self.open[:, None], self.reach, np.inf)
        index = np.argsort(distance, axis=-1, kind="stable")[..., :count]
        return index, np.isfinite(np.take_along_axis(distance, index, axis=-1))

    def potential(self) -> np.ndarray:
        """(n, R) metres to go for the nearest open object: to it, and twice from it to its place."""
        offset = self.places() - self.centres[:, None, :, :2]
        total = self.reach + 2.0 * np.sqrt(np.square(offset).sum(axis=-1))
        least = np.where(self.open[:, None], total, np.inf).min(axis=-1)
        return np.where(np.isfinite(least), least, 0.0)

    def restart(self, ids: np.ndarray) -> None:
        """Begin new episodes in the given simulations: sizes, newest state, metres to go."""
        self.measure(ids)
        self.look()
        self._to_go[ids], self._was_open[ids] = self.potential()[ids], self.open[ids]

    def approached(self) -> np.ndarray:
        """(n, R) metres that the robots came nearer in this step; zero where the set of open objects changed."""
        to_go = self.potential()
        same = (self.open == self._was_open).all(axis=-1, keepdims=True)
        result = np.where(same, self._to_go - to_go, 0.0)
        self._to_go, self._was_open = to_go, self.open.copy()
        return result

    def lifted(self) -> np.ndarray:
        """(n, R) height in metres of what a robot holds above where it would lie."""
        height = np.maximum(self.centres[..., 2] - self.sizes / 2, 0.0)
        return (self.held * height[:, None]).max(axis=-1)

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: places are relative to the fingertips, in the base's frame."""
        arm, (index, there) = self.arm, self.nearest_open(self._shown)
        n, robots = self.tips.shape[:2]
        seen = np.zeros((n, robots, self._shown, 9))
        rows = self._rows[..., None]
        seen[..., :3] = arm.turn_to_base(self.centres[rows, index] - self.tips[:, :, None]) / POSITION_SCALE_M
        angle = 4.0 * (self.flat_yaws()[rows, index] - arm.yaws()[..., None])
        seen[..., 3], seen[..., 4] = np.cos(angle), np.sin(angle)
        seen[..., 5] = np.take_along_axis(self.held, index, axis=-1)
        goal = np.zeros((n, robots, self._shown, 3))
        places = np.broadcast_to(self.places(), (*self.held.shape, 2))
        goal[..., :2] = np.take_along_axis(places, index[..., None], axis=2) - self.tips[:, :, None, :2]
        seen[..., 6:8] = arm.turn_to_base(goal)[..., :2] / POSITION_SCALE_M
        seen[..., 8] = 1.0
        seen *= there[..., None]
        flat = seen.reshape(n, robots, -1)
        if not self._shown_tips:
            return flat
        offset = self.tips[:, None] - self.tips[:, :, None]
        distance = np.square(offset).sum(axis=-1)
        distance[:, np.arange(robots), np.arange(robots)] = np.inf
        nearest = np.argsort(distance, axis=-1, kind="stable")[..., : self._shown_tips, None]
        others = arm.turn_to_base(np.take_along_axis(offset, nearest, axis=2)) / POSITION_SCALE_M
        return np.concatenate([flat, others.reshape(n, robots, -1)], axis=-1)

    def load(self, index: np.ndarray, places: np.ndarray, placed: np.ndarray) -> Load:
        """One object for each robot to move, for its expert.

        Args:
            index: (n, R) which object.
            places: (n, R, 2) where to.
            placed: (n, R) whether it is there.
        """
        sizes = self.pick(self.sizes, index)
        return Load(
            centres=self.pick(self.centres, index),
            yaws=self.grasp_yaws(index),
            widths=sizes,
            rest=sizes / 2,
            held=np.take_along_axis(self.held, index[..., None], axis=-1)[..., 0],
            places=places,
            placed=placed,
        )


def ring(arms: int, radius_m: float) -> list[tuple[float, float, float]]:
    """Bases on a circle that face its centre: x, y, yaw of each."""
    angles = 2.0 * np.pi * np.arange(arms) / arms
    return [
        (float(radius_m * np.cos(a)), float(radius_m * np.sin(a)), float((a + 2.0 * np.pi) % (2.0 * np.pi) - np.pi))
        for a in angles
    ]

"""`grasp-race`: arms around one heap of objects; whoever has most in the own bin wins."""

from __future__ import annotations

import numpy as np

from metabot.task import COLOR_NAMES, Arena, Interval, ObjectSpec, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.grasp import Picker, steer
from metabot_sim.families import grasping
from metabot_sim.families.base import Family, Rules
from metabot_sim.frames import to_world
from metabot_sim.rewards import Step
from metabot_sim.robots.arm import HOME_M

_RING_M = {2: 0.44, 3: 0.44, 4: 0.47, 5: 0.5}
"""Distance of the bases from the centre of the heap, by the number of arms."""
_BIN_RAD = {2: 1.7, 3: 2.2, 4: 2.4, 5: 2.5}
"""Bearing of an arm's bin: so far behind that no other arm reaches it."""
_BIN_M = 0.4
_BIN_RADIUS_M = 0.12
_SLOTS = 5
_SLOT_M = 0.075
_HEAP_M = 0.18
_APART_M = 0.105
_SHAPES: tuple[grasping.Shape, ...] = ("box", "cylinder", "box", "ball", "box")
_SIZE_M = 0.036
_REACH_M = 0.61
_STUCK_STEPS, _YIELD_STEPS = 70, 40
"""Whoever gets nowhere with an object for so long makes room for a hand nearer to it, or tries another one."""
_ROOM_M = 0.06
"""A place in a bin is free if nothing lies so near."""


class GraspRace(Family):
    """Arms around one heap of objects: whoever has most in the own bin wins."""

    name = "grasp-race"
    summary = "whoever gets most of a heap of objects into the own bin wins"
    mode = "competitive"
    robots = (2, 2, 5)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.75, high=1.2),
        "steer_gain": Interval(low=0.8, high=1.2, signed=True),
        "steer_bias": Interval(low=-0.5, high=0.5),
        "gripper": Interval(low=0.8, high=1.2),
        "friction": Interval(low=0.8, high=1.2),
        "object_mass_kg": Interval(low=0.05, high=0.2),
        "object_size": Interval(low=0.85, high=1.15),
        "object_friction": Interval(low=0.5, high=1.0),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.75),
        "steer_bias": Interval(low=0.5, high=0.9, signed=True),
        "gripper": Interval(low=0.6, high=0.8),
        "friction": Interval(low=0.6, high=0.8),
        "object_mass_kg": Interval(low=0.2, high=0.35),
        "object_size": Interval(low=0.75, high=0.85),
        "object_friction": Interval(low=0.35, high=0.5),
    }
    provides = frozenset({"approach_m", "grasped", "lifted_m", "scored"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        bases = grasping.ring(robots, _RING_M[robots])
        angle = _BIN_RAD[robots]
        local = np.tile([_BIN_M * np.cos(angle), _BIN_M * np.sin(angle)], (1, robots, 1, 1))
        bins = to_world(np.array(bases)[:, None], local)[0, :, 0]
        colors = COLOR_NAMES[len(_SHAPES) : len(_SHAPES) + robots]
        heap = _slots(np.zeros(2), 0.12)
        return TaskSpec(
            family="grasp-race",
            world=Arena(length_m=2.4, width_m=2.4),
            robots=tuple(
                RobotSpec(
                    name=f"arm_{i + 1}",
                    kind="arm",
                    team=f"team_{i + 1}",
                    goal=colors[i],
                    spawn=Pose(x=x, y=y, yaw=yaw),
                )
                for i, (x, y, yaw) in enumerate(bases)
            ),
            pads=tuple(Pad(color=colors[i], x=float(x), y=float(y)) for i, (x, y) in enumerate(bins)),
            objects=tuple(
                ObjectSpec(
                    name=f"{shape}_{k + 1}",
                    color=COLOR_NAMES[k],
                    shape=shape,
                    size_m=_SIZE_M,
                    pose=Pose(x=float(heap[k, 0]), y=float(heap[k, 1])),
                )
                for k, shape in enumerate(_SHAPES)
            ),
            reward={"progress": 1.0, "score": 1.0, "success": 2.0, "effort": -0.005},
            success=Success(radius_m=_BIN_RADIUS_M, contact="allowed"),
            horizon_s=16.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        if not spec.objects:
            raise SpecError("objects: none; allowed: at least 1")
        for thing in spec.objects:
            grasping.check_reach(spec.robots, thing)
        for robot in spec.robots:
            if robot.goal is None:
                raise SpecError(f"robots.{robot.name}.goal: none; allowed: the colour of its bin")

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        count = len(spec.objects)
        batch.objects[..., 2] = draws.uniform(-np.pi, np.pi, count)
        apart = np.full((count, count), _APART_M)
        batch.objects[..., :2] = grasping.scatter(draws, 1, apart, (0.0, _HEAP_M), (-np.pi, np.pi))[:, 0]

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspRaceRules(world)


class GraspRaceRules(grasping.SharedRules):
    """Success: strictly more objects in one's bin than anybody else, at the end.

    The end has come when time is up, when all objects are in bins, or when one arm has more
    than half of them.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        shape = (world.num_sims, world.num_robots)
        self._radius = world.spec.success.radius_m
        self._horizon = world.spec.horizon_steps
        self._objects = len(world.spec.objects)
        self._picker = Picker(self.arm)
        self._steps = np.zeros(world.num_sims, dtype=np.int64)
        self._count = np.zeros(shape)
        self._won = np.zeros(shape, dtype=bool)
        self._after = np.full(shape, -1)
        self._since, self._yield = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        home = np.tile(np.array(HOME_M), (1, world.num_robots, 1))
        self._homes = self.arm.from_base(home)
        self._homes[..., :2] += self.arm.bases[:, :2]
        self.task_names = (*self.task_names, "own_count", "best_other_count")

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._steps[ids] = 0
        self._won[ids] = False
        self._after[ids] = -1
        self._since[ids] = self._yield[ids] = 0
        self._picker.reset(ids)
        self.restart(ids)
        self._count[ids] = self._counts()[ids]

    def places(self) -> np.ndarray:
        """See `SharedRules.places`."""
        return self.world.goals[:, :, None]

    def settled(self) -> np.ndarray:
        """See `SharedRules.settled`."""
        offset = self.places() - self.centres[:, None, :, :2]
        self._inside = np.square(offset).sum(axis=-1) < self._radius**2
        low = self.centres[..., 2] < self.sizes / 2 + grasping.LOW_M
        self._inside &= (low & ~self.held.any(axis=1))[:, None]
        return self._inside.any(axis=1)

    def _counts(self) -> np.ndarray:
        """(n, R) objects in each bin."""
        return self._inside.sum(axis=-1).astype(np.float64)

    def _best_other(self) -> np.ndarray:
        """(n, R) the most objects that another arm has."""
        ordered = np.sort(self._count, axis=-1)
        best, second = ordered[:, -1:], ordered[:, -2:-1]
        return np.where(self._count == best, second, best)

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self.look()
        self._steps += 1
        before, self._count = self._count, self._counts()
        most = self._count.max(axis=-1)
        ended = (self._count.sum(axis=-1) == self._objects) | (most > self._objects / 2)
        final = ended | (self._steps >= self._horizon)
        success = (self._count > self._best_other()) & final[:, None]
        arrived = success & ~self._won
        self._won |= success
        return Step(
            actions=actions,
            success=success,
            arrived=arrived,
            ended=ended,
            approach_m=self.approached(),
            grasped=self.held.max(axis=-1),
            lifted_m=self.lifted(),
            scored=self._count - before,
        )

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: the counts are shares of all objects."""
        counts = np.stack([self._count, self._best_other()], axis=-1) / self._objects
        return np.concatenate([super().observe_task(), counts], axis=-1)

    def expert(self) -> np.ndarray:
        """See `Rules.expert`: always the object that is near, in reach and far from other hands."""
        index, bins = self._choose(), self.world.goals
        placed = np.take_along_axis(self._inside, index[..., None], axis=-1)[..., 0]
        load = self.load(index, self._free_slot(index, bins), placed)
        aim = self._picker.aim(load)
        away = self._yield > 0
        aim.points[away] = np.broadcast_to(self._homes, aim.points.shape)[away]
        return steer(self.arm, aim, self.world.episodes.robot_dynamics)

    def _choose(self) -> np.ndarray:
        """(n, R) which object each arm is after: the last one as long as that makes sense."""
        others = np.where(np.eye(self.tips.shape[1], dtype=bool)[:, :, None], np.inf, self.reach[:, None]).min(axis=2)
        offset = self.centres[:, None, :, :2] - self.arm.bases[:, None, :2]
        far = np.sqrt(np.square(offset).sum(axis=-1)) > _REACH_M
        elsewhere = self.held.max(axis=1)[:, None] & ~self.held
        cost = self.reach - 0.5 * np.minimum(others, 0.3) + 10.0 * (far | elsewhere) + 100.0 * ~self.open[:, None]
        self._since += 1
        last = np.maximum(self._after, 0)[..., None]
        bad = np.take_along_axis(cost, last, axis=-1)[..., 0] > 5.0
        holds = np.take_along_axis(self.held, last, axis=-1)[..., 0]
        stuck = (self._since > _STUCK_STEPS) & ~holds
        np.put_along_axis(cost, last, np.take_along_axis(cost, last, axis=-1) + 1.0 * stuck[..., None], axis=-1)
        nearer = np.take_along_axis(self.reach > others, last, axis=-1)[..., 0]
        self._yield = np.where(stuck & nearer, _YIELD_STEPS, np.maximum(self._yield - 1, 0))
        again = bad | stuck | (self._after < 0)
        self._after = np.where(again, cost.argmin(axis=-1), self._after)
        self._since[again] = 0
        return self._after

    def _free_slot(self, index: np.ndarray, bins: np.ndarray) -> np.ndarray:
        """(n, R, 2) the first place in each arm's bin with room enough."""
        slots = _slots(bins, _SLOT_M)
        offset = slots[:, :, :, None] - self.centres[:, None, None, :, :2]
        distance = np.square(offset).sum(axis=-1)
        mine = index[..., None] == np.arange(self._objects)
        room = np.where(mine[:, :, None], np.inf, distance).min(axis=-1)
        # Of places with room enough the first one, so that the choice does not flicker.
        best = (room > _ROOM_M**2).argmax(axis=-1)
        return np.take_along_axis(slots, best[..., None, None], axis=2)[:, :, 0]


def _slots(centres: np.ndarray, radius_m: float) -> np.ndarray:
    """Places around centres: (..., 2) to (..., slots, 2)."""
    angles = 2.0 * np.pi * np.arange(_SLOTS) / _SLOTS
    return centres[..., None, :] + radius_m * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


FAMILY = GraspRace()

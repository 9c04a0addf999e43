"""`grasp-place`: each arm brings the object it is told to its own bin."""

from __future__ import annotations

import numpy as np

from metabot.task import (
    COLOR_NAMES,
    Arena,
    Interval,
    ObjectSpec,
    Pad,
    Pose,
    RobotSpec,
    SpecError,
    Success,
    TaskSpec,
)
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.grasp import Load, Picker, steer
from metabot_sim.families import grasping
from metabot_sim.families.base import Family, Rules
from metabot_sim.frames import to_world
from metabot_sim.rewards import Step

SHAPES: tuple[grasping.Shape, ...] = ("box", "cylinder", "ball")
"""Each arm has one object of each shape before it."""
_EACH = len(SHAPES)
_OBJECT_COLORS, _BIN_COLORS = COLOR_NAMES[:_EACH], COLOR_NAMES[_EACH:]
_BIN_RADIUS_M = 0.08
_SIZE_M = 0.04
_SPACING_M = 1.6
"""Between two bases: farther than two arms reach."""
_APART_M = np.full((_EACH + 1, _EACH + 1), 0.13)
_APART_M[0], _APART_M[:, 0] = 0.17, 0.17
_RADIUS_M, _BEARING_RAD = (0.27, 0.56), (-1.4, 1.4)


class GraspPlace(Family):
    """Each arm brings the object it is told to its own bin."""

    name = "grasp-place"
    summary = "each arm brings the object of a named shape and colour to its bin"
    mode = "independent"
    robots = (1, 2, 10)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.75, high=1.2),
        "steer_gain": Interval(low=0.8, high=1.2, signed=True),
        "steer_bias": Interval(low=-0.5, high=0.5),
        "gripper": Interval(low=0.8, high=1.2),
        "friction": Interval(low=0.8, high=1.2),
        "payload_kg": Interval(low=0.0, high=0.2),
        "object_mass_kg": Interval(low=0.05, high=0.2),
        "object_size": Interval(low=0.8, high=1.15),
        "object_friction": Interval(low=0.5, high=1.0),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.75),
        "steer_bias": Interval(low=0.5, high=0.9, signed=True),
        "gripper": Interval(low=0.6, high=0.8),
        "friction": Interval(low=0.6, high=0.8),
        "object_mass_kg": Interval(low=0.2, high=0.35),
        "object_size": Interval(low=0.7, high=0.8),
        "object_friction": Interval(low=0.35, high=0.5),
    }
    provides = frozenset({"approach_m", "grasped", "lifted_m"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`: the arms in a square, their objects and bin before each."""
        side = int(np.ceil(np.sqrt(robots)))
        rows = int(np.ceil(robots / side))
        places = [
            ((i % side - (side - 1) / 2) * _SPACING_M, (i // side - (rows - 1) / 2) * _SPACING_M) for i in range(robots)
        ]
        colors = [[_OBJECT_COLORS[(i + k) % _EACH] for k in range(_EACH)] for i in range(robots)]
        return TaskSpec(
            family="grasp-place",
            world=Arena(length_m=side * _SPACING_M + 0.4, width_m=max(rows * _SPACING_M + 0.4, 2.0)),
            robots=tuple(
                RobotSpec(name=f"arm_{i + 1}", kind="arm", goal=_BIN_COLORS[i], spawn=Pose(x=x, y=y))
                for i, (x, y) in enumerate(places)
            ),
            pads=tuple(Pad(color=_BIN_COLORS[i], x=x + 0.4, y=y + 0.3) for i, (x, y) in enumerate(places)),
            objects=tuple(
                ObjectSpec(
                    name=f"{shape}_{i + 1}",
                    color=colors[i][k],
                    shape=shape,
                    size_m=_SIZE_M,
                    pose=Pose(x=x + 0.4, y=y + 0.1 - 0.15 * k),
                    goal=_BIN_COLORS[i] if k == 0 else None,
                )
                for i, (x, y) in enumerate(places)
                for k, shape in enumerate(SHAPES)
            ),
            reward={"progress": 1.0, "success": 2.0, "lift": 0.1, "effort": -0.005},
            success=Success(radius_m=_BIN_RADIUS_M, contact="allowed"),
            horizon_s=8.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        if len(spec.objects) != _EACH * len(spec.robots):
            raise SpecError(
                f"objects: {len(spec.objects)}; allowed: {_EACH} for each of {len(spec.robots)} arms, in order"
            )
        for i, robot in enumerate(spec.robots):
            mine = spec.objects[_EACH * i : _EACH * (i + 1)]
            if robot.goal is None or [thing.goal for thing in mine].count(robot.goal) != 1:
                raise SpecError(
                    f"robots.{robot.name}.goal: {robot.goal}; allowed: the goal of exactly one of {mine[0].name} to"
                    f" {mine[-1].name}"
                )
            for thing in mine:
                grasping.check_reach((robot,), thing)

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        arms = len(spec.robots)
        bases = np.array([(robot.spawn.x, robot.spawn.y, robot.spawn.yaw) for robot in spec.robots])
        batch.objects[..., 2] = draws.uniform(-np.pi, np.pi, _EACH * arms)
        named = draws.integers(_EACH, arms)
        batch.object_targets[...] = np.where(
            named[..., None] == np.arange(_EACH), np.arange(arms)[:, None], -1
        ).reshape(len(draws), -1)
        places = to_world(bases[:, None], grasping.scatter(draws, arms, _APART_M, _RADIUS_M, _BEARING_RAD))
        batch.pads[...] = places[:, :, 0]
        batch.objects[..., :2] = places[:, :, 1:].reshape(len(draws), -1, 2)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspPlaceRules(world)


class GraspPlaceRules(grasping.GraspRules):
    """Success: the named object lies at rest in the bin, let go of, and no other object lies there."""

    task_names = (
        "target_x",
        "target_y",
        "target_z",
        "target_cos_4yaw",
        "target_sin_4yaw",
        "target_is_box",
        "target_is_cylinder",
        "target_is_ball",
        "target_held",
        "bin_x",
        "bin_y",
        "other_1_x",
        "other_1_y",
        "other_2_x",
        "other_2_y",
    )

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        shape = (world.num_sims, world.num_robots)
        self._radius = world.spec.success.radius_m
        self._picker = Picker(self.arm)
        self._own = np.arange(world.num_robots * _EACH).reshape(world.num_robots, _EACH)
        self._named, self._ever = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
        self._others = np.zeros((*shape, _EACH - 1), dtype=np.int64)
        self._to_go = np.zeros(shape)
        self._kind = np.zeros((*shape, _EACH))
        shapes = [SHAPES.index(thing.shape) if thing.shape in SHAPES else 0 for thing in world.spec.objects]
        self._shapes = np.eye(_EACH)[shapes]

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self.measure(ids)
        episodes = self.world.episodes
        mine = episodes.object_targets[ids][:, self._own] == episodes.targets[ids][..., None]
        # The named one first, the others in their order behind it.
        order = np.argsort(~mine, axis=-1, kind="stable") + self._own[:, :1]
        self._named[ids], self._others[ids] = order[..., 0], order[..., 1:]
        self._kind[ids] = self._shapes[order[..., 0]]
        self._ever[ids] = False
        self._picker.reset(ids)
        self.look()
        self._to_go[ids] = self._potential()[ids]

    def look(self) -> None:
        """See `GraspRules.look`."""
        super().look()
        self._target = self.pick(self.centres, self._named)
        self._held = self.arm.holds(self._target[:, :, None])[..., 0]
        offset = self.world.goals[:, :, None] - self.centres[:, self._own, :2]
        inside = np.square(offset).sum(axis=-1) < self._radius**2
        self._in_bin = inside.reshape(len(inside), -1)

    def _potential(self) -> np.ndarray:
        """Metres to go: from the fingertips to the object, and twice from it to the bin."""
        reach = np.sqrt(np.square(self._target - self.tips).sum(axis=-1))
        carry = np.sqrt(np.square(self._target[..., :2] - self.world.goals).sum(axis=-1))
        return np.where(self.pick(self._in_bin, self._named), 0.0, reach) + 2.0 * np.maximum(carry - self._radius, 0.0)

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self.look()
        lying = self.pick(self._in_bin & self.lying(), self._named)
        alone = self._in_bin.reshape(*self._named.shape, _EACH).sum(axis=-1) == 1
        success = lying & alone & ~self._held
        to_go = self._potential()
        step = Step(
            actions=actions,
            success=success,
            arrived=success & ~self._ever,
            ended=success.all(axis=1),
            approach_m=self._to_go - to_go,
            grasped=self._held,
            lifted_m=np.where(
                self._held, np.maximum(self._target[..., 2] - self.pick(self.sizes, self._named) / 2, 0.0), 0.0
            ),
        )
        self._ever |= success
        self._to_go = to_go
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: places are relative to the fingertips, in the base's frame."""
        arm, tips = self.arm, self.tips
        seen = np.empty((*self._named.shape, len(self.task_names)))
        seen[..., :3] = arm.turn_to_base(self._target - tips) / grasping.POSITION_SCALE_M
        angle = 4.0 * (self.grasp_yaws(self._named) - arm.yaws())
        seen[..., 3], seen[..., 4] = np.cos(angle), np.sin(angle)
        seen[..., 5:8] = self._kind
        seen[..., 8] = self._held
        spots = np.zeros((*self._named.shape, 3, 3))
        spots[:, :, 0, :2] = self.world.goals
        spots[:, :, 1:] = self.centres[np.arange(len(tips))[:, None, None], self._others]
        spots = arm.turn_to_base(spots - tips[:, :, None]) / grasping.POSITION_SCALE_M
        seen[..., 9:] = spots[..., :2].reshape(*self._named.shape, 6)
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        sizes = self.pick(self.sizes, self._named)
        down = self._target[..., 2] < sizes / 2 + grasping.LOW_M
        load = Load(
            centres=self._target,
            yaws=self.grasp_yaws(self._named),
            widths=sizes,
            rest=sizes / 2,
            held=self._held,
            places=self.world.goals,
            placed=self.pick(self._in_bin, self._named) & down & ~self._held,
        )
        return steer(self.arm, self._picker.aim(load), self.world.episodes.robot_dynamics)


FAMILY = GraspPlace()

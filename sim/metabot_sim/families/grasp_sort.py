"""`grasp-sort`: arms around a shared table bring every object to the pad of its colour."""

from __future__ import annotations

import numpy as np

from metabot.task import COLOR_NAMES, Arena, Interval, ObjectSpec, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.grasp import Picker, steer
from metabot_sim.families import grasping
from metabot_sim.families.base import Family, Rules
from metabot_sim.frames import in_frame, to_world
from metabot_sim.rewards import Step

_CHORD_M = 0.88
"""Between neighbouring bases: each reaches the pads on both sides, and no other arm's objects safely."""
_PAD_RADIUS_M = 0.12
_SLOT_M = 0.06
"""From a pad's centre to where the expert of either side puts its object."""
_SIZE_M = 0.04
_SHAPES: tuple[grasping.Shape, ...] = ("box", "cylinder", "ball")
_CLEAR_M = 0.28
"""So near to a pad two hands would touch."""


def ring_radius_m(arms: int) -> float:
    """Distance of the bases from the table's centre."""
    return _CHORD_M / 2 / np.sin(np.pi / arms)


def pad_radius_m(arms: int) -> float:
    """Distance of the pads from the table's centre: between two arms, a little inside or outside."""
    return 0.32 if arms == 2 else ring_radius_m(arms) * np.cos(np.pi / arms) + 0.05


class GraspSort(Family):
    """Arms around a shared table bring every object to the pad of its colour.

    The arms stand in a ring, a pad between each two neighbours. Of each colour there are two
    objects, one before either neighbour: nobody reaches all of them.
    """

    name = "grasp-sort"
    summary = "arms around a table bring every object to the pad of its colour"
    mode = "cooperative"
    robots = (2, 2, 8)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.75, high=1.2),
        "steer_gain": Interval(low=0.8, high=1.2, signed=True),
        "steer_bias": Interval(low=-0.5, high=0.5),
        "gripper": Interval(low=0.8, high=1.2),
        "friction": Interval(low=0.8, high=1.2),
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
    provides = frozenset({"approach_m", "grasped", "lifted_m", "scored"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        bases = grasping.ring(robots, ring_radius_m(robots))
        angles = (2.0 * np.arange(robots) + 1.0) * np.pi / robots
        pads = pad_radius_m(robots) * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        colors = COLOR_NAMES[:robots]
        side = max(2.0, 2.0 * ring_radius_m(robots) + 1.4)
        # At nominal places each object lies before its arm, towards its pad.
        spots = [(arm, color) for color in range(robots) for arm in (color, (color + 1) % robots)]
        objects = []
        for number, (i, color) in enumerate(spots):
            base = np.array(bases[i][:2])
            ahead = -base / np.linalg.norm(base)
            aside = (1.0 if number % 2 else -1.0) * np.array([-ahead[1], ahead[0]])
            x, y = base + 0.34 * ahead + 0.1 * aside
            objects.append(
                ObjectSpec(
                    name=f"{_SHAPES[color % 3]}_{number + 1}",
                    color=colors[color],
                    shape=_SHAPES[color % 3],
                    size_m=_SIZE_M,
                    pose=Pose(x=float(x), y=float(y)),
                    goal=colors[color],
                )
            )
        return TaskSpec(
            family="grasp-sort",
            world=Arena(length_m=side, width_m=side),
            robots=tuple(
                RobotSpec(name=f"arm_{i + 1}", kind="arm", spawn=Pose(x=x, y=y, yaw=yaw))
                for i, (x, y, yaw) in enumerate(bases)
            ),
            pads=tuple(Pad(color=colors[i], x=float(x), y=float(y)) for i, (x, y) in enumerate(pads)),
            objects=tuple(objects),
            reward={"progress": 1.0, "score": 1.0, "success": 2.0, "effort": -0.005},
            team_share=0.5,
            success=Success(radius_m=_PAD_RADIUS_M, contact="allowed"),
            horizon_s=16.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        arms = len(spec.robots)
        if len(spec.pads) != arms or len(spec.objects) != 2 * arms:
            raise SpecError(
                f"objects: {len(spec.objects)} and {len(spec.pads)} pads for {arms} arms; allowed: a pad for each arm"
                " and two objects of its colour, one before that arm, one before the next"
            )
        for number, thing in enumerate(spec.objects):
            pad = spec.pads[number // 2]
            if thing.goal != pad.color:
                raise SpecError(f"objects.{thing.name}.goal: {thing.goal}; allowed: {pad.color}")
            grasping.check_reach((spec.robots[(number // 2 + number % 2) % arms],), thing)

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        arms = len(spec.robots)
        bases = np.array([(robot.spawn.x, robot.spawn.y, robot.spawn.yaw) for robot in spec.robots])
        batch.objects[..., 2] = draws.uniform(-np.pi, np.pi, 2 * arms)
        # In a ring everything looks the same from every base.
        others = in_frame(bases[0], bases[1:, :2])
        pads = in_frame(bases[0], batch.pads[0])
        apart = np.full((2, 2), 0.14)
        places = grasping.scatter(
            draws,
            arms,
            apart,
            (0.27, 0.5),
            (-1.2, 1.2),
            keep_off=np.column_stack([pads, np.full(len(pads), _PAD_RADIUS_M + 0.07)]),
            rivals=np.column_stack([others, np.full(len(others), 0.16)]),
        )
        world = to_world(bases[:, None], places)
        # Objects 2c and 2c + 1 have colour c; they lie before arms c and c + 1.
        batch.objects[:, 0::2, :2] = world[:, :, 0]
        batch.objects[:, 1::2, :2] = np.roll(world[:, :, 1], -1, axis=1)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspSortRules(world)


class GraspSortRules(grasping.SharedRules):
    """Success, for all: every object lies at rest on the pad of its colour, held by nobody."""

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n, robots = world.num_sims, world.num_robots
        self._radius = world.spec.success.radius_m
        self._picker = Picker(self.arm)
        self._ever = np.zeros((n, 1), dtype=bool)
        numbers = np.arange(robots)
        # First all go to the pad on one side, then all to the other: nobody meets anybody there.
        self._duties = np.stack([2 * ((numbers - 1) % robots) + 1, 2 * numbers], axis=-1)

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._ever[ids] = False
        self._picker.reset(ids)
        self.restart(ids)

    def places(self) -> np.ndarray:
        """See `SharedRules.places`."""
        return self.world.episodes.pads[self._rows, self.world.episodes.object_targets][:, None]

    def settled(self) -> np.ndarray:
        """See `SharedRules.settled`."""
        offset = self.places()[:, 0] - self.centres[..., :2]
        inside = np.square(offset).sum(axis=-1) < self._radius**2
        return inside & (self.centres[..., 2] < self.sizes / 2 + grasping.LOW_M) & ~self.held.any(axis=1)

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        held, was_open = self.held, self.open
        self.look()
        success = (~self.open & self.lying()).all(axis=-1, keepdims=True)
        everyone = np.broadcast_to(success, self.tips.shape[:2])
        arrived = np.broadcast_to(success & ~self._ever, everyone.shape)
        self._ever |= success
        # A point goes to whoever let the object go there, and is lost by whoever takes it away.
        points = (held & (was_open & ~self.open)[:, None]).sum(axis=-1) - (
            self.held & (~was_open & self.open)[:, None]
        ).sum(axis=-1)
        return Step(
            actions=actions,
            success=everyone,
            arrived=arrived,
            ended=success[:, 0],
            approach_m=self.approached(),
            grasped=self.held.max(axis=-1),
            lifted_m=self.lifted(),
            scored=points.astype(np.float64),
        )

    def expert(self) -> np.ndarray:
        """See `Rules.expert`: each arm brings its two objects, one pad after the other."""
        first, second = self._duties[:, 0], self._duties[:, 1]
        index = np.where(self.open[:, first], first, second)
        robots = np.arange(len(first))
        pads = self.world.episodes.pads
        pad = self.pick(self.world.episodes.object_targets, index)
        centre = pads[self._rows, pad]
        # Each side has its own half of a pad.
        aside = self.arm.bases[:, :2] - centre
        outward = centre / np.maximum(np.sqrt(np.square(centre).sum(-1, keepdims=True)), 1e-9)
        aside = aside - (aside * outward).sum(-1, keepdims=True) * outward
        aside /= np.maximum(np.sqrt(np.square(aside).sum(-1, keepdims=True)), 1e-9)
        load = self.load(index, centre + _SLOT_M * aside, ~self.pick(self.open, index))
        aim = self._picker.aim(load)
        # Whoever is nearer to a pad goes there first.
        offset = self.tips[:, None, :, :2] - centre[:, :, None]
        distance = np.sqrt(np.square(offset).sum(axis=-1))
        mine = distance[:, robots, robots]
        distance[:, robots, robots] = np.inf
        other = distance.min(axis=-1)
        carries = load.held & (load.centres[..., 2] > 0.06)
        wait = carries & (mine > _CLEAR_M) & (mine < _CLEAR_M + 0.1) & (other < _CLEAR_M)
        aim.steps[wait] = 0.0
        return steer(self.arm, aim, self.world.episodes.robot_dynamics)


FAMILY = GraspSort()

"""`grasp-handover`: one arm picks, the other places where the first cannot reach."""

from __future__ import annotations

import numpy as np

from metabot.task import KINDS, Arena, Interval, ObjectSpec, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.grasp import HOVER_M, Load, Picker, steer
from metabot_sim.experts.relay import step_aside
from metabot_sim.families import grasping
from metabot_sim.families.base import Family, Rules
from metabot_sim.frames import to_world
from metabot_sim.rewards import Step
from metabot_sim.robots.arm import REACH_M

_BASE_M = 0.47
"""From the middle to either base: both reach the middle, neither the other's side."""
_BIN_RADIUS_M = 0.08
_RADIUS_M, _BEARING_RAD = (0.27, 0.56), (1.0, 1.9)
"""Where object and bin lie before their own arm: to its left or right, out of the other's reach."""
_TAKES_OVER_M = 0.6
"""What lies so near to the second arm's base is its business."""
_CLEAR_M = 0.14
"""Horizontal distance from the object at which a hand leaves room for the other one."""


class GraspHandover(Family):
    """One arm picks, the other places where the first cannot reach.

    The object lies where only the first arm reaches, the bin where only the second one does:
    between the arms there is a zone that both reach.
    """

    name = "grasp-handover"
    summary = "one arm picks, the other places where the first cannot reach"
    mode = "cooperative"
    robots = (2, 2, 2)
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
    provides = frozenset({"approach_m", "grasped", "lifted_m"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`: the arms face each other."""
        return TaskSpec(
            family="grasp-handover",
            world=Arena(length_m=2.4, width_m=2.0),
            robots=(
                RobotSpec(name="arm_1", kind="arm", spawn=Pose(x=-_BASE_M)),
                RobotSpec(name="arm_2", kind="arm", spawn=Pose(x=_BASE_M, yaw=-np.pi)),
            ),
            pads=(Pad(color="green", x=_BASE_M, y=-0.42),),
            objects=(ObjectSpec(name="box", color="red", pose=Pose(x=-_BASE_M, y=0.42), goal="green"),),
            reward={"progress": 1.0, "success": 2.0, "lift": 0.1, "effort": -0.005},
            success=Success(radius_m=_BIN_RADIUS_M, contact="allowed"),
            horizon_s=11.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`: each place belongs to one of the arms."""
        super().check(spec)
        first, second = spec.robots
        thing, bin_ = spec.objects[0], spec.pads[0]
        grasping.check_reach((first,), thing)
        # An arm can put something down somewhat beyond the place its fingertips get to.
        places = (
            (f"objects.{thing.name}.pose", (thing.pose.x, thing.pose.y), 0.0, first, second),
            (f"pads.{bin_.color}", (bin_.x, bin_.y), spec.success.radius_m, second, first),
        )
        for field, (x, y), radius, mine, other in places:
            near, far = KINDS["arm"].reach_m or (0.0, 0.0)
            own = np.hypot(x - mine.spawn.x, y - mine.spawn.y)
            others = np.hypot(x - other.spawn.x, y - other.spawn.y)
            if not (near <= own <= far and others > REACH_M[1] + radius):
                raise SpecError(
                    f"{field}: ({x:g}, {y:g}) is {own:.2f} m from {mine.name} and {others:.2f} m from {other.name};"
                    f" allowed: {near:g} to {far:g} m from {mine.name}, above {REACH_M[1] + radius:g} m from"
                    f" {other.name}"
                )

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        bases = np.array([(robot.spawn.x, robot.spawn.y, robot.spawn.yaw) for robot in spec.robots])
        radius = np.sqrt(draws.uniform(_RADIUS_M[0] ** 2, _RADIUS_M[1] ** 2, 2, 1))
        bearing = draws.uniform(*_BEARING_RAD, 2, 1) * draws.sign(2, 1)
        places = to_world(bases[:, None], np.stack([radius * np.cos(bearing), radius * np.sin(bearing)], axis=-1))
        batch.objects[:, 0, :2], batch.pads[:, 0] = places[:, 0, 0], places[:, 1, 0]
        batch.objects[..., 2] = draws.uniform(-np.pi, np.pi, 1)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspHandoverRules(world)


class GraspHandoverRules(grasping.GraspRules):
    """Success, for both: the object lies at rest in the bin, held by nobody."""

    task_names = (
        "object_x",
        "object_y",
        "object_z",
        "object_cos_4yaw",
        "object_sin_4yaw",
        "held",
        "held_by_other",
        "bin_x",
        "bin_y",
        "other_x",
        "other_y",
        "other_z",
        "picks",
    )

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n = world.num_sims
        self._radius = world.spec.success.radius_m
        self._picker = Picker(self.arm)
        self._middle = self.arm.bases[:, :2].mean(axis=0)
        self._box = np.zeros((n, 2), dtype=np.int64)
        self._ever, self._was_second = np.zeros((n, 1), dtype=bool), np.zeros(n, dtype=bool)
        self._to_go = np.zeros(n)

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self.measure(ids)
        self._ever[ids] = False
        self._picker.reset(ids)
        self.look()
        self._to_go[ids], self._was_second[ids] = self._potential()[ids], self._second[ids]

    def look(self) -> None:
        """See `GraspRules.look`."""
        super().look()
        box = self.centres[:, :1]
        self._held = self.arm.holds(np.repeat(box[:, None], 2, axis=1))[..., 0]
        offset = box[..., :2] - self.arm.bases[:, :2]
        self._second = np.hypot(offset[:, 1, 0], offset[:, 1, 1]) < _TAKES_OVER_M
        self._reach = np.sqrt(np.square(box - self.tips).sum(axis=-1))
        away = box[:, 0, :2] - self.world.episodes.pads[:, 0]
        self._away = np.hypot(away[:, 0], away[:, 1])

    def _potential(self) -> np.ndarray:
        """(n,) metres to go: from the hand whose turn it is to the object, and twice from it to the bin."""
        reach = np.where(self._second, self._reach[:, 1], self._reach[:, 0])
        return np.where(self._away < self._radius, 0.0, reach) + 2.0 * np.maximum(self._away - self._radius, 0.0)

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self.look()
        done = (self._away < self._radius) & self.lying()[:, 0] & ~self._held.any(axis=1)
        to_go = self._potential()
        # Where the turn changes, the way to the object is another hand's.
        closer = np.where(self._second == self._was_second, self._to_go - to_go, 0.0)
        shape = self._held.shape
        success = np.broadcast_to(done[:, None], shape)
        height = np.maximum(self.centres[:, :1, 2] - self.sizes / 2, 0.0)
        step = Step(
            actions=actions,
            success=success,
            arrived=success & ~self._ever,
            ended=done,
            approach_m=np.broadcast_to(closer[:, None], shape),
            grasped=self._held,
            lifted_m=self._held * height,
        )
        self._ever |= success[:, :1]
        self._to_go, self._was_second = to_go, self._second
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: places are relative to the fingertips, in the base's frame."""
        arm, tips = self.arm, self.tips
        spots = np.zeros((*self._held.shape, 3, 3))
        spots[:, :, 0] = self.centres[:, :1]
        spots[:, :, 1, :2] = self.world.episodes.pads[:, :1]
        spots[:, :, 2] = tips[:, ::-1]
        spots = arm.turn_to_base(spots - tips[:, :, None]) / grasping.POSITION_SCALE_M
        seen = np.empty((*self._held.shape, len(self.task_names)))
        seen[..., :3] = spots[:, :, 0]
        angle = 4.0 * (self.grasp_yaws(self._box) - arm.yaws())
        seen[..., 3], seen[..., 4] = np.cos(angle), np.sin(angle)
        seen[..., 5], seen[..., 6] = self._held, self._held[:, ::-1]
        seen[..., 7:9] = spots[:, :, 1, :2]
        seen[..., 9:12] = spots[:, :, 2]
        seen[..., 12] = np.array([1.0, 0.0])
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`: the first arm puts the object down in the middle, where the second one takes it."""
        size = self.sizes[:, 0]
        down = self.centres[:, 0, 2] < size / 2 + grasping.LOW_M
        first_done = self._second & ~self._held[:, 0]
        places = np.broadcast_to(self._middle, (len(size), 2, 2)).copy()
        places[:, 1] = self.world.episodes.pads[:, 0]
        placed = np.stack([first_done, (self._away < self._radius) & down & ~self._held[:, 1]], axis=-1)
        sizes = np.repeat(size[:, None], 2, axis=1)
        aim = self._picker.aim(
            Load(
                centres=np.repeat(self.centres[:, :1], 2, axis=1),
                yaws=self.grasp_yaws(self._box),
                widths=sizes,
                rest=sizes / 2,
                held=self._held,
                places=places,
                placed=placed,
            )
        )
        # The hand that is done rises before it makes room; the other one waits for that.
        offset = self.tips[..., :2] - self.centres[:, :1, :2]
        clear = (self.tips[..., 2] > HOVER_M - 0.03) | (np.hypot(offset[..., 0], offset[..., 1]) > 0.08)
        waits = first_done & ((np.hypot(offset[:, 0, 0], offset[:, 0, 1]) > _CLEAR_M) | self._held[:, 1])
        idle = np.stack([first_done & clear[:, 0], ~waits], axis=-1)
        step_aside(self.arm, aim, idle)
        return steer(self.arm, aim, self.world.episodes.robot_dynamics)


FAMILY = GraspHandover()

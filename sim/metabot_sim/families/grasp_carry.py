"""`grasp-carry`: two arms carry a bar that needs both ends held onto two posts."""

from __future__ import annotations

import numpy as np

from metabot.task import COLOR_NAMES, Arena, Interval, ObjectSpec, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.carry import Bar, Bearers
from metabot_sim.families import grasping
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step
from metabot_sim.robots.arm import REACH_M

_BASE_M = 0.8
"""From the middle to either base: nobody reaches the middle of the bar."""
_LENGTH_M, _WIDTH_M, _MASS_KG = 0.9, 0.04, 1.7
_GRIP_M, _REST_M = 0.38, 0.28
"""From the bar's centre to where it is grasped and to where it rests on a post."""
_POST_RADIUS_M, _POST_HEIGHT_M = 0.05, 0.08
_LEVEL = 0.05
"""Sine of the largest tilt of a bar that rests on both posts."""


class GraspCarry(Family):
    """Two arms carry a bar that needs both ends held onto two posts.

    Each arm reaches its half of the bar only. Held off its centre the bar is too heavy for the
    grip of one hand: its other end stays on the floor, and does not come onto its post.
    """

    name = "grasp-carry"
    summary = "two arms carry a bar, one at each end, onto two posts"
    mode = "cooperative"
    robots = (2, 2, 2)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.75, high=1.2),
        "steer_gain": Interval(low=0.8, high=1.2, signed=True),
        "steer_bias": Interval(low=-0.5, high=0.5),
        "gripper": Interval(low=0.9, high=1.2),
        "friction": Interval(low=0.85, high=1.2),
        "object_mass_kg": Interval(low=1.4, high=2.0),
        "object_friction": Interval(low=0.5, high=1.0),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.75),
        "steer_bias": Interval(low=0.5, high=0.9, signed=True),
        "gripper": Interval(low=0.8, high=0.9),
        "friction": Interval(low=0.75, high=0.85),
        "object_mass_kg": Interval(low=2.0, high=2.3),
        "object_friction": Interval(low=0.35, high=0.5),
    }
    provides = frozenset({"approach_m", "grasped", "lifted_m"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`: the arms face each other, the bar lies between them."""
        colors = COLOR_NAMES[1:3]
        return TaskSpec(
            family="grasp-carry",
            world=Arena(length_m=2.6, width_m=2.0),
            robots=(
                RobotSpec(name="arm_1", kind="arm", goal=colors[0], spawn=Pose(x=-_BASE_M)),
                RobotSpec(name="arm_2", kind="arm", goal=colors[1], spawn=Pose(x=_BASE_M, yaw=-np.pi)),
            ),
            pads=tuple(
                Pad(color=color, x=x, y=0.14, z=_POST_HEIGHT_M, solid=True)
                for color, x in zip(colors, (-_REST_M, _REST_M), strict=True)
            ),
            objects=(
                ObjectSpec(
                    name="bar",
                    color="orange",
                    shape="bar",
                    size_m=_WIDTH_M,
                    length_m=_LENGTH_M,
                    mass_kg=_MASS_KG,
                    pose=Pose(y=-0.18),
                ),
            ),
            reward={"progress": 1.0, "success": 2.0, "lift": 0.1, "effort": -0.005},
            team_share=0.5,
            success=Success(radius_m=_POST_RADIUS_M, contact="allowed"),
            horizon_s=7.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`: each arm reaches its end of the bar, none the middle."""
        super().check(spec)
        bar = spec.objects[0]
        if bar.shape != "bar" or bar.length_m < 2.0 * _GRIP_M:
            raise SpecError(
                f"objects.{bar.name}: a {bar.shape} of length {bar.length_m:g} m; allowed: a bar of at least"
                f" {2.0 * _GRIP_M:g} m"
            )
        first, second = spec.robots
        if first.goal == second.goal:
            raise SpecError(f"robots.{second.name}.goal: {second.goal} as that of {first.name}; allowed: a post each")
        for robot in spec.robots:
            distance = float(np.hypot(bar.pose.x - robot.spawn.x, bar.pose.y - robot.spawn.y))
            if not REACH_M[1] < distance < REACH_M[1] + _GRIP_M:
                raise SpecError(
                    f"objects.{bar.name}.pose: {distance:.2f} m from {robot.name}; allowed: {REACH_M[1]:g} to"
                    f" {REACH_M[1] + _GRIP_M:g} m, where it reaches an end and not the middle"
                )
        for pad in spec.pads:
            if not pad.solid or pad.z <= 0.0:
                raise SpecError(f"pads.{pad.color}: no post; allowed: solid, with z above 0")

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        side, jitter = draws.sign(), draws.uniform(-1.0, 1.0, 2, 2) * np.array([0.03, 0.15])
        start, end = -side * draws.uniform(0.12, 0.24), side * draws.uniform(0.08, 0.2)
        batch.objects[:, 0, 0], batch.objects[:, 0, 1] = jitter[:, 0, 0], start
        batch.objects[:, 0, 2] = jitter[:, 0, 1]
        along = _REST_M * np.stack([np.cos(jitter[:, 1, 1]), np.sin(jitter[:, 1, 1])], axis=-1)
        middle = np.stack([jitter[:, 1, 0], end], axis=-1)
        batch.pads[:, 0], batch.pads[:, 1] = middle - along, middle + along

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return GraspCarryRules(world)


class GraspCarryRules(grasping.GraspRules):
    """Success, for both: the bar lies at rest and level across both posts, held by nobody."""

    task_names = (
        "end_x",
        "end_y",
        "end_z",
        "cos_2yaw",
        "sin_2yaw",
        "tilt",
        "held",
        "held_by_other",
        "post_x",
        "post_y",
        "post_z",
        "other_x",
        "other_y",
        "other_z",
    )

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n = world.num_sims
        self._bearers = Bearers(self.arm)
        self._ever, self._to_go = np.zeros((n, 1), dtype=bool), np.zeros((n, 2))

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self.measure(ids)
        self._ever[ids] = False
        self._bearers.reset(ids)
        self.look()
        self._to_go[ids] = self._potential()[ids]

    def look(self) -> None:
        """See `GraspRules.look`; `_ends` are unit vectors along the bar towards each arm."""
        super().look()
        w, x, y, z = np.moveaxis(self.world.object_quaternions()[:, 0], -1, 0)
        axis = np.stack([1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y)], axis=-1)
        line = self.arm.bases[0, :2] - self.arm.bases[1, :2]
        axis *= np.where((axis[:, :2] * line).sum(axis=-1) < 0.0, -1.0, 1.0)[:, None]
        self._ends = np.stack([axis, -axis], axis=1)
        bar = self.centres[:, :1]
        self._grips = bar + _GRIP_M * self._ends
        along = ((self.tips - bar) * self._ends).sum(axis=-1, keepdims=True)
        half = self.world.spec.objects[0].length_m / 2
        nearest = bar + np.clip(along, -half, half) * self._ends
        self._held = self.arm.holds(nearest[:, :, None])[..., 0]
        # Where the bar should touch its posts, and how far it is from there.
        posts = np.empty_like(self.tips)
        posts[..., :2] = self.world.goals
        posts[..., 2] = self.world.episodes.pad_heights[self._rows, self.world.episodes.targets] + self.sizes / 2
        self._posts = posts
        self._missing = posts - (bar + _REST_M * self._ends)

    def _potential(self) -> np.ndarray:
        """(n, 2) metres to go: from the fingertips to the bar's end, and twice from it to its place."""
        reach = np.sqrt(np.square(self._grips - self.tips).sum(axis=-1))
        return reach + 2.0 * np.sqrt(np.square(self._missing).sum(axis=-1))

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self.look()
        missing, radius = self._missing, self.world.spec.success.radius_m
        above = np.square(missing[..., :2]).sum(axis=-1) < radius**2
        rests = above & (np.abs(missing[..., 2]) < grasping.LOW_M)
        still = np.square(self.world.object_velocities()[:, 0]).sum(axis=-1) < grasping.STILL_MPS**2
        level = np.abs(self._ends[:, 0, 2]) < _LEVEL
        done = rests.all(axis=1) & still & level & ~self._held.any(axis=1)
        success = np.broadcast_to(done[:, None], rests.shape)
        to_go = self._potential()
        step = Step(
            actions=actions,
            success=success,
            arrived=success & ~self._ever,
            ended=done,
            approach_m=self._to_go - to_go,
            grasped=self._held,
            lifted_m=self._held * np.maximum(self._grips[..., 2] - self.sizes / 2, 0.0),
        )
        self._ever |= success[:, :1]
        self._to_go = to_go
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: places are relative to the fingertips, in the base's frame."""
        arm, tips = self.arm, self.tips
        spots = np.stack([self._grips - tips, self._missing, tips[:, ::-1] - tips], axis=2)
        spots = arm.turn_to_base(spots) / grasping.POSITION_SCALE_M
        seen = np.empty((*self._held.shape, len(self.task_names)))
        seen[..., :3] = spots[:, :, 0]
        angle = 2.0 * (np.arctan2(self._ends[..., 1], self._ends[..., 0]) - arm.yaws())
        seen[..., 3], seen[..., 4] = np.cos(angle), np.sin(angle)
        seen[..., 5] = self._ends[..., 2]
        seen[..., 6], seen[..., 7] = self._held, self._held[:, ::-1]
        seen[..., 8:11], seen[..., 11:14] = spots[:, :, 1], spots[:, :, 2]
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        posts, ends = self._posts, self._ends
        line = posts[:, 0] - posts[:, 1]
        bar = Bar(
            centres=self.centres[:, 0],
            yaws=np.arctan2(ends[:, 0, 1], ends[:, 0, 0]),
            grips=self._grips,
            widths=self.sizes[:, 0],
            held=self._held,
            places=posts.mean(axis=1),
            place_yaws=np.arctan2(line[:, 1], line[:, 0]),
        )
        return self._bearers.act(bar, self.world.episodes.robot_dynamics)


FAMILY = GraspCarry()

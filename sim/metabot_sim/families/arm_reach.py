"""`arm-reach`: each arm brings the tip of its tool to a point in the air and holds it there."""

from __future__ import annotations

import math

import numpy as np

from metabot.task import COLOR_NAMES, Arena, Interval, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.grasp import Aim, steer
from metabot_sim.families import grasping
from metabot_sim.families.base import Family, Rules
from metabot_sim.frames import polar, to_world
from metabot_sim.rewards import Step
from metabot_sim.robots.arm import HEIGHT_M, STEP_M, Arm, tool
from metabot_sim.robots.arm.file import out_of_reach

_NEAR_M = 0.03
_HOLD_S = 0.4
_SPACING_M = 1.6
"""Between two bases: farther than two arms reach."""
_TOLERANCE_M = 1e-6


class ArmReach(Family):
    """Each arm brings the tip of its tool to a point in the air and holds it there.

    What it commands is turned about the vertical by any angle and tilted, so that feedback alone leads astray. It needs
    no gripper: arms from users' files play it with one and without, side by side.
    """

    name = "arm-reach"
    summary = "each arm brings the tip of its tool to a point in the air and holds it there"
    mode = "independent"
    robots = (1, 2, 10)
    angles = frozenset({"steer_bias"})
    needs_gripper = False
    holds = True
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.75, high=1.2),
        "steer_gain": Interval(low=0.8, high=1.2, signed=True),
        "steer_bias": Interval(low=-3.14159, high=3.14159),
        "frame_roll": Interval(low=-0.6, high=0.6),
        "frame_pitch": Interval(low=-0.6, high=0.6),
        "payload_kg": Interval(low=0.0, high=0.2),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.75),
        "frame_roll": Interval(low=0.6, high=0.9, signed=True),
        "payload_kg": Interval(low=0.2, high=0.3),
    }
    provides = frozenset({"approach_m"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`: the arms in a square, the point of each before it."""
        side = int(np.ceil(np.sqrt(robots)))
        rows = int(np.ceil(robots / side))
        places = [
            ((i % side - (side - 1) / 2) * _SPACING_M, (i // side - (rows - 1) / 2) * _SPACING_M) for i in range(robots)
        ]
        return TaskSpec(
            family=self.name,
            world=Arena(length_m=max(side * _SPACING_M + 0.4, 2.0), width_m=max(rows * _SPACING_M + 0.4, 2.0)),
            robots=tuple(
                RobotSpec(name=f"arm_{i + 1}", kind="arm", goal=COLOR_NAMES[i], spawn=Pose(x=x, y=y))
                for i, (x, y) in enumerate(places)
            ),
            pads=tuple(Pad(color=COLOR_NAMES[i], x=x + 0.45, y=y + 0.25, z=0.15) for i, (x, y) in enumerate(places)),
            reward={"progress": 1.0, "success": 2.0, "effort": -0.005},
            success=Success(radius_m=_NEAR_M, contact="allowed", hold_s=_HOLD_S),
            horizon_s=4.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`: points have to be where tools come."""
        super().check(spec)
        if spec.objects:
            raise SpecError(f"objects: {len(spec.objects)}, but nothing is grasped in {self.name}; allowed: 0")
        for robot in spec.robots:
            pad = spec.pad_of(robot.name)
            low, high = HEIGHT_M if robot.mjcf is None else tool.HEIGHT_M
            if not low - _TOLERANCE_M <= pad.z <= high + _TOLERANCE_M:
                raise SpecError(f"pads.{pad.color}.z: {pad.z:g}; allowed for {robot.name}: {low:g} to {high:g}")
            if robot.mjcf is not None:
                self._check_file(robot, pad)

    def _check_file(self, robot: RobotSpec, pad: Pad) -> None:
        """Refuse a user's arm that does not come everywhere, and points where no arm was tried."""
        away, (near, far) = math.dist((robot.spawn.x, robot.spawn.y), (pad.x, pad.y)), tool.RADIUS_M
        if not near - _TOLERANCE_M <= away <= far + _TOLERANCE_M:
            raise SpecError(
                f"pads.{pad.color}: {away:.2f} m from {robot.name}; allowed for arms from files: {near:g} to {far:g} m"
            )
        assert robot.mjcf is not None
        try:
            beyond = out_of_reach(robot.mjcf, tool.CORNERS_M)
        except ValueError as problem:
            raise SpecError(f"robots.{robot.name}: {problem}") from None
        if beyond is not None:
            place = ", ".join(f"{value:.2f}" for value in beyond)
            raise SpecError(
                f"robots.{robot.name}.mjcf: {robot.mjcf} cannot point down at ({place}) m from its base; wanted: there,"
                f" as in {self.name} points are {near:g} to {far:g} m away, {tool.HEIGHT_M[0]:g} to"
                f" {tool.HEIGHT_M[1]:g} m high"
            )

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        arms = len(spec.robots)
        bases = np.array([(robot.spawn.x, robot.spawn.y, robot.spawn.yaw) for robot in spec.robots])
        # The square root makes the points even over the area.
        radius = np.sqrt(draws.uniform(tool.RADIUS_M[0] ** 2, tool.RADIUS_M[1] ** 2, arms))
        places = to_world(bases, polar(radius, draws.uniform(*tool.BEARING_RAD, arms)))
        rows, heights = np.arange(len(batch))[:, None], draws.uniform(*tool.HEIGHT_M, arms)
        batch.pads[rows, batch.targets], batch.pad_heights[rows, batch.targets] = places, heights

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return ArmReachRules(world)


class ArmReachRules(Rules):
    """Success: the tip of the tool has been near its point for as long as is wanted, without a break.

    Where arms with a gripper and others act in one world, each is told whether it has one, so that one policy may
    drive both: what they sense of themselves differs.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        self._arms = [group for group in world.groups if isinstance(group, Arm)]
        both = ("has_gripper",) if len(self._arms) > 1 else ()
        self.task_names = ("target_x", "target_y", "target_z", *both)
        shape = (world.num_sims, world.num_robots)
        self._radius = world.spec.success.radius_m
        self._steps = max(1, math.ceil(world.spec.success.hold_s * world.spec.control_hz - 1e-9))
        self._rows = np.arange(world.num_sims)[:, None]
        self._near, self._ever = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
        self._to_go = np.zeros(shape)

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._near[ids], self._ever[ids] = 0, False
        self._to_go[ids] = self._distances()[ids]

    def _points(self) -> np.ndarray:
        """Where the tips should be, (n, R, 3) in metres."""
        episodes = self.world.episodes
        heights = episodes.pad_heights[self._rows, episodes.targets]
        return np.concatenate([self.world.goals, heights[..., None]], axis=-1)

    def _distances(self) -> np.ndarray:
        """Metres to go, (n, R)."""
        found: np.ndarray = np.sqrt(np.square(self._points() - self.world.positions()).sum(axis=-1))
        return found

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        to_go = self._distances()
        self._near = np.where(to_go < self._radius, self._near + 1, 0)
        success = np.asarray(self._near >= self._steps)
        step = Step(
            actions=actions,
            success=success,
            arrived=success & ~self._ever,
            ended=np.asarray(success.all(axis=1)),
            approach_m=self._to_go - to_go,
        )
        self._ever |= success
        self._to_go = to_go
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: the point is relative to the tip, in the base's frame."""
        offset = self._points() - self.world.positions()
        seen = np.empty((*offset.shape[:2], len(self.task_names)))
        for arm in self._arms:
            seen[:, arm.select, :3] = arm.turn_to_base(offset[:, arm.select]) / grasping.POSITION_SCALE_M
            seen[:, arm.select, 3:] = "grip" in arm.action_names
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`: hands stay as they are turned, grippers half open."""
        points, dynamics = self._points(), self.world.episodes.robot_dynamics
        found = np.zeros((*points.shape[:2], max(self.world.action_sizes)))
        for arm in self._arms:
            mine = points[:, arm.select]
            shape = mine.shape[:2]
            yaws = np.broadcast_to(arm.bases[:, 2], shape)
            aim = Aim(mine, yaws, np.zeros(shape), np.full(shape, STEP_M))
            told = steer(arm, aim, dynamics[:, arm.select])
            found[:, arm.select, : len(arm.action_names)] = told[..., : len(arm.action_names)]
        return found


FAMILY = ArmReach()

"""What the families share in which one arm brings one box to one place: `GraspOne`, `GraspOneRules`."""

from __future__ import annotations

import numpy as np

from metabot.task import Arena, ObjectSpec, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.grasp import Load, Picker, steer
from metabot_sim.families import grasping
from metabot_sim.families.base import Family
from metabot_sim.rewards import Step

BIN_RADIUS_M = 0.08
SIZE_M = 0.04
RADIUS_M, BEARING_RAD = (0.28, 0.54), (-1.3, 1.3)
"""Where things are put, from the arm's base."""
_APART_M = np.full((2, 2), 0.17)


class GraspOne(Family):
    """One arm brings one box to a bin."""

    mode = "independent"
    robots = (1, 1, 1)
    provides = frozenset({"approach_m", "grasped", "lifted_m"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        return TaskSpec(
            family=self.name,
            world=Arena(length_m=2.0, width_m=2.0),
            robots=(RobotSpec(name="arm_1", kind="arm", goal="green"),),
            pads=(Pad(color="green", x=0.35, y=0.3),),
            objects=(ObjectSpec(name="box_1", color="red", size_m=SIZE_M, pose=Pose(x=0.4, y=-0.1), goal="green"),),
            reward={"progress": 1.0, "success": 2.0, "lift": 0.1, "effort": -0.005},
            success=Success(radius_m=BIN_RADIUS_M, contact="allowed"),
            horizon_s=6.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        if len(spec.objects) != 1:
            raise SpecError(f"objects: {len(spec.objects)}; allowed: 1")
        grasping.check_reach(spec.robots, spec.objects[0])

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        places = grasping.scatter(draws, 1, _APART_M, RADIUS_M, BEARING_RAD)[:, 0]
        batch.pads[:, 0], batch.objects[:, 0, :2] = places[:, 0], places[:, 1]
        batch.objects[:, 0, 2] = draws.uniform(-np.pi, np.pi)


class GraspOneRules(grasping.GraspRules):
    """Success: the box lies at rest in the bin, let go of."""

    task_names: tuple[str, ...] = (
        "target_x",
        "target_y",
        "target_z",
        "target_cos_4yaw",
        "target_sin_4yaw",
        "target_held",
        "bin_x",
        "bin_y",
    )

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n = world.num_sims
        self._radius = world.spec.success.radius_m
        self._picker = Picker(self.arm)
        self._first = np.zeros((n, 1), dtype=np.int64)
        self._ever, self._to_go = np.zeros((n, 1), dtype=bool), np.zeros((n, 1))

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self.measure(ids)
        self._ever[ids] = False
        self._picker.reset(ids)
        self.look()
        self._to_go[ids] = self._potential()[ids]

    def look(self) -> None:
        """See `GraspRules.look`."""
        super().look()
        self._held = self.arm.holds(self.centres[:, :, None])[..., 0]
        offset = self.world.goals - self.centres[..., :2]
        self._carry = np.hypot(offset[..., 0], offset[..., 1])

    def _potential(self) -> np.ndarray:
        """Metres to go: from the fingertips to the box, and twice from it to the bin."""
        reach = np.sqrt(np.square(self.centres - self.tips).sum(axis=-1))
        inside = self._carry < self._radius
        return np.where(inside, 0.0, reach) + 2.0 * np.maximum(self._carry - self._radius, 0.0)

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self.look()
        success = (self._carry < self._radius) & self.lying() & ~self._held
        to_go = self._potential()
        step = Step(
            actions=actions,
            success=success,
            arrived=success & ~self._ever,
            ended=success[:, 0],
            approach_m=self._to_go - to_go,
            grasped=self._held,
            lifted_m=np.where(self._held, np.maximum(self.centres[..., 2] - self.sizes / 2, 0.0), 0.0),
        )
        self._ever |= success
        self._to_go = to_go
        return step

    def seen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Box, (n, 1, 3), and bin, (n, 1, 3), in metres in the arm's base frame, and the box's yaw, (n, 1), as seen."""
        place = np.zeros_like(self.centres)
        place[..., :2] = self.world.goals
        return self.arm.to_base(self.centres), self.arm.to_base(place), self.grasp_yaws(self._first)

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: places are relative to the fingertips, in the base's frame."""
        box, place, yaw = self.seen()
        tips = self.arm.to_base(self.tips)
        seen = np.empty((len(tips), 1, len(self.task_names)))
        seen[..., :3] = (box - tips) / grasping.POSITION_SCALE_M
        angle = 4.0 * (yaw - self.arm.yaws())
        seen[..., 3], seen[..., 4], seen[..., 5] = np.cos(angle), np.sin(angle), self._held
        if seen.shape[-1] > 6:
            seen[..., 6:] = (place - tips)[..., :2] / grasping.POSITION_SCALE_M
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        down = self.centres[..., 2] < self.sizes / 2 + grasping.LOW_M
        load = Load(
            centres=self.centres,
            yaws=self.grasp_yaws(self._first),
            widths=self.sizes,
            rest=self.sizes / 2,
            held=self._held,
            places=self.world.goals,
            placed=(self._carry < 0.8 * self._radius) & down & ~self._held,
        )
        return steer(self.arm, self._picker.aim(load), self.world.episodes.robot_dynamics)

"""`drive-blind`: each robot to its own pad by the clock alone, with wheels that are swapped, reversed or weak."""

from __future__ import annotations

import numpy as np

from metabot.task import Interval, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import WHEEL_LEFT, WHEEL_RIGHT, WHEELS_SWAPPED, EpisodeBatch
from metabot_sim.families.base import Rules
from metabot_sim.families.drive_goal import DriveGoal, DriveGoalRules
from metabot_sim.rewards import Step
from metabot_sim.robots import diffdrive

TURN_S, DRIVE_S = 1.8, 6.2
"""Until when the expert turns towards the pad, and until when it drives there; then it stands."""
DISTANCE_M = (0.5, 0.9)
"""Of the pad. With one wheel reversed a car is driven by its command to turn, at a third of its speed."""


class DriveBlind(DriveGoal):
    """Each robot to its own pad by the clock alone, with wheels that are swapped, reversed or weak.

    A robot is told where its pad lies when it starts, and has a clock. It has no encoders, no compass
    and no camera: what its wheels really do, only what it is paid at the pad tells.
    """

    name = "drive-blind"
    summary = "each robot to its own pad by the clock alone, with wheels swapped, reversed or weak"
    robots = (1, 1, 1)
    also_kinds = frozenset({"mjcf"})
    believes = False
    dynamics = {  # noqa: RUF012
        "wheel_left": Interval(low=0.6, high=1.0, signed=True),
        "wheel_right": Interval(low=0.6, high=1.0, signed=True),
        "wheels_swapped": Interval(low=0, high=1),
    }
    held_out = {  # noqa: RUF012
        "wheel_left": Interval(low=0.5, high=0.6, signed=True),
    }

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        usual = super().template(robots)
        success = usual.success.model_copy(update={"radius_m": 0.15, "hold_s": 0.5})
        changed = {"family": self.name, "success": success, "horizon_s": 7.2, "control_hz": 10}
        return usual.model_copy(update=changed)

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        batch.spawns[...] = 0.0
        distance, bearing = draws.uniform(*DISTANCE_M), draws.uniform(-np.pi, np.pi)
        batch.pads[:, 0] = frames.polar(distance, bearing)

    def hidden(self, batch: EpisodeBatch) -> np.ndarray:
        """See `Family.hidden`: what the robot does for a command ahead, and for one to turn, (n, 4)."""
        return _mixing(batch.robot_dynamics[:, 0]).reshape(len(batch), 4)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveBlindRules(world)


class DriveBlindRules(DriveGoalRules):
    """Success: the robot has stood still on its pad for half a second."""

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        self.task_names = ("goal_distance", "goal_bearing", "goal_cos", "goal_sin", *(f"clock_{k}" for k in range(4)))
        self._time_s = np.zeros(world.num_sims)
        self._goal = np.zeros((world.num_sims, world.num_robots, 2))

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        super().reset(ids)
        self._time_s[ids] = 0.0
        self._goal[ids] = frames.in_frame(self._poses[ids], self.world.goals[ids])

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._time_s += 1.0 / self.world.spec.control_hz
        return super().advance(actions)

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: the goal as it was at the start; the clock as ramps, one for each quarter."""
        distance, bearing = self._polar()
        seen = np.empty((*self._poses.shape[:2], len(self.task_names)))
        seen[..., 0], seen[..., 1] = distance / diffdrive.GOAL_SCALE_M, bearing / np.pi
        seen[..., 2], seen[..., 3] = np.cos(bearing), np.sin(bearing)
        quarter = self.world.spec.horizon_s / 4
        seen[..., 4:] = np.clip(self._time_s[:, None] / quarter - np.arange(4), 0.0, 1.0)[:, None]
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`: turns for so long, drives for so long, at rates that suit the way."""
        distance, bearing = self._polar()
        dynamics = self.world.episodes.robot_dynamics
        cars, now = self.world.cars, self._time_s[:, None]
        turning, driving = now < TURN_S, (now >= TURN_S) & (now < DRIVE_S)
        forward = np.where(driving, distance / (DRIVE_S - TURN_S) / cars.max_speed_mps, 0.0)
        turn = np.where(turning, bearing / TURN_S / cars.max_yaw_rate_radps, 0.0)
        wanted = np.stack([forward, turn], axis=-1)
        return np.clip(np.linalg.solve(_mixing(dynamics), wanted[..., None])[..., 0], -1.0, 1.0)

    def _polar(self) -> tuple[np.ndarray, np.ndarray]:
        return np.hypot(self._goal[..., 0], self._goal[..., 1]), np.arctan2(self._goal[..., 1], self._goal[..., 0])


def _mixing(dynamics: np.ndarray) -> np.ndarray:
    """Shares of the largest speed and yaw rate by commands ahead and to turn, (..., 2, 2).

    Args:
        dynamics: (..., D), see `metabot_sim.episodes.ROBOT_DYNAMICS`.
    """
    half = 0.5 * diffdrive.TRACK_M * diffdrive.MAX_YAW_RATE_RADPS / diffdrive.MAX_SPEED_MPS
    # Rows of the wheels: what each is told for a command ahead and for one to turn.
    left, right = np.array([1.0, -half]), np.array([1.0, half])
    swapped = dynamics[..., WHEELS_SWAPPED, None] > 0.0
    left_does = dynamics[..., WHEEL_LEFT, None] * np.where(swapped, right, left)
    right_does = dynamics[..., WHEEL_RIGHT, None] * np.where(swapped, left, right)
    return np.stack([0.5 * (left_does + right_does), (right_does - left_does) / (2.0 * half)], axis=-2)


FAMILY = DriveBlind()

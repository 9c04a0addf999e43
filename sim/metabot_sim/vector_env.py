"""`DriveGoalVectorEnv`: the digital twin of one robot as a Gymnasium vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from metabot.task import DriveDistribution, Pad, RobotSpec, Success, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.rewards import Step, reward
from metabot_sim.robots import diffdrive


class DriveGoalVectorEnv(VectorEnv):
    """Each environment is one robot at the origin with hidden dynamics and a goal around it.

    `reset` takes ``options={"dynamics": (num_envs, 3), "goals": (num_envs, 2)}``; what is left
    out is drawn from the distribution. An episode terminates when the robot is on its goal and
    is truncated at the horizon. Autoreset is disabled: an environment that has ended gives
    zero reward until the next `reset`, so that batches of whole episodes stay rectangular.

    Observations: see `metabot_sim.robots.diffdrive.observe`. Rewards: the distribution's
    weighted sum of `metabot_sim.rewards.REWARD_TERMS`.
    """

    metadata = {"autoreset_mode": AutoresetMode.DISABLED, "render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int,
        distribution: DriveDistribution | None = None,
        *,
        threads: int = 1,
    ) -> None:
        """Allocate the simulations.

        Args:
            num_envs: episodes simulated at once.
            distribution: where dynamics and goals come from; horizon, success radius and reward too.
            threads: simulation threads; results do not depend on them.
        """
        self.distribution = distribution or DriveDistribution()
        spec = TaskSpec(
            robots=(RobotSpec(name="robot", goal="red"),),
            pads=(Pad(color="red", x=1.0, y=0.0),),
            horizon_s=self.distribution.horizon_s,
            control_hz=self.distribution.control_hz,
            success=Success(radius_m=self.distribution.success_radius_m),
        )
        self.world = BatchedWorld(spec, num_envs, threads=threads, walls=False)
        self.num_envs = num_envs
        self.horizon = self.distribution.horizon_steps
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (len(diffdrive.OBSERVATION_NAMES),), np.float32)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (len(diffdrive.ACTION_NAMES),), np.float32)
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, num_envs)
        self._rng = np.random.default_rng()
        self._steps = 0
        self._ended = np.zeros(num_envs, dtype=bool)
        self._distance = np.zeros(num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode in every environment."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        options = options or {}
        for name, target, draw in (
            ("dynamics", self.world.dynamics, self.distribution.sample_dynamics),
            ("goals", self.world.goals, self.distribution.sample_goals),
        ):
            values = options.get(name)
            target[:, 0] = draw(self._rng, self.num_envs) if values is None else values
        self.world.reset()
        self._steps = 0
        self._ended[:] = False
        poses = self.world.poses()
        self._distance = self.world.distances(poses)[:, 0]
        return self._observe(poses), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance every environment by one control period."""
        self.world.step(actions[:, None])
        self._steps += 1
        poses = self.world.poses()
        distance = self.world.distances(poses)[:, 0]
        success = (distance < self.distribution.success_radius_m) & ~self._ended
        step = Step(self._distance - distance, success, np.clip(actions, -1.0, 1.0))
        value = reward(step, self.distribution.reward)
        value = np.where(self._ended, 0.0, value).astype(np.float32)
        self._distance = distance
        self._ended |= success
        truncated = np.full(self.num_envs, self._steps >= self.horizon) & ~self._ended
        return self._observe(poses), value, self._ended.copy(), truncated, {"success": success}

    def poses(self) -> np.ndarray:
        """(num_envs, 3) x, y, yaw of the robots: for experts and pictures, never for policies."""
        return self.world.poses()[:, 0]

    def _observe(self, poses: np.ndarray) -> np.ndarray:
        twists = self.world.twists(poses)
        return diffdrive.observe(poses, twists, self.world.goals)[:, 0]

"""`FleetVectorEnv`: many simulations at once as a Gymnasium vector environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.base import Split
from metabot_sim.interfaces.flat import FlatView, first_seed, hidden, requested_tasks

_MODES = {
    AutoresetMode.NEXT_STEP: Autoreset.NEXT_STEP,
    AutoresetMode.SAME_STEP: Autoreset.DISABLED,
    AutoresetMode.DISABLED: Autoreset.DISABLED,
}


class FleetVectorEnv(VectorEnv):
    """One policy for all robots of a simulation, in `num_envs` simulations stepped as one batch.

    Observations and actions are the robots' own, side by side, see `observation_names` and
    `action_names`. The reward is the mean over the robots that success is about: all of them,
    or the first robot's team where teams play against each other; each robot's own is in the
    info. What environment i does depends on the seed and i alone, not on how many there are.

    Every info holds, with a mask ``_<key>`` each as Gymnasium has it:

    - ``success`` (n,): whether all robots that success is about have done their part by now,
    - ``robot_success``, ``robot_rewards`` (n, R),
    - ``diverged`` (n,): the simulation was lost in this step; its episode is truncated, void and reset alone,
    - with `reveal`, ``task`` (n,), ``robot_dynamics`` (n, R, D) and, where there are objects, ``object_dynamics``.

    `reset` understands two options: ``tasks``, one or (n,) task numbers for this and all later
    episodes, and ``reset_mask`` (n,) bool, which environments to reset.

    Attributes:
        fleet: the environment underneath, with world, family and expert.
        view: how the robots lie side by side.
        observation_names: ``<robot>/<meaning>`` of each number observed.
        action_names: ``<robot>/<meaning>`` of each command.
    """

    def __init__(
        self,
        task: str | TaskSpec,
        num_envs: int = 1,
        *,
        robots: int | None = None,
        split: Split = "train",
        threads: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        reveal: bool = False,
    ) -> None:
        """Allocate the simulations.

        Args:
            task: a family's name, or a task whose places and dynamics hold in every episode.
            num_envs: simulations stepped at once.
            robots: how many in each; the family's usual number by default.
            split: which tasks are drawn.
            threads: simulation threads; results do not depend on them.
            autoreset_mode: NEXT_STEP; SAME_STEP, with how an episode ended in ``final_obs`` and ``final_info``; or
                DISABLED: an environment that has ended stands still until it is reset.
            reveal: whether infos tell task numbers and hidden dynamics.

        Raises:
            SpecError: if family, split, robots or autoreset mode are not allowed; one line.
        """
        try:
            mode = AutoresetMode(autoreset_mode)
            autoreset = _MODES[mode]
        except (ValueError, KeyError):
            allowed = ", ".join(repr(each.value) for each in _MODES)
            raise SpecError(f"autoreset_mode: {autoreset_mode!r}; allowed: {allowed}") from None
        settings: dict[str, Any] = {"robots": robots, "split": split, "threads": threads, "autoreset": autoreset}
        self.fleet = FleetEnv(task, num_envs, **settings, remember=True)
        self.autoreset_mode = mode
        self.metadata = {
            "autoreset_mode": mode,
            "render_modes": [],
            "render_fps": self.fleet.spec.control_hz,
        }
        self.num_envs = num_envs
        self.view = FlatView(self.fleet)
        self._reveal = reveal
        self._started = False
        self.observation_names, self.action_names = self.view.observation_names, self.view.action_names
        self.single_observation_space = self.view.observation_space
        self.single_action_space = self.view.action_space
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start new episodes; see the class for the options."""
        super().reset(seed=seed)
        tasks = requested_tasks(options, self.fleet, ("reset_mask",))
        ids = None
        if options and options.get("reset_mask") is not None:
            ids = self._chosen(options["reset_mask"], seed)
        if seed is None and not self._started:
            seed = first_seed(self.np_random)
        self._started = True
        seen = self.fleet.reset(seed, tasks=tasks, ids=ids)
        nothing = np.zeros((self.num_envs, self.fleet.num_robots), dtype=np.float32)
        return self.view.observations(seen), self._info(nothing > 0.0, nothing, np.zeros(self.num_envs, dtype=bool))

    def _chosen(self, mask: Any, seed: int | None) -> np.ndarray:
        chosen = np.asarray(mask)
        if chosen.shape != (self.num_envs,) or chosen.dtype != np.bool_ or not chosen.any():
            raise ValueError(f"options.reset_mask: {self.num_envs} bools are wanted, at least one of them True")
        if seed is not None or not self._started:
            raise ValueError("options.reset_mask: only after a reset of all environments, and without a seed")
        return np.flatnonzero(chosen)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance every environment by one control period.

        Args:
            actions: (num_envs, commands of all robots) in [-1, 1].
        """
        done = self.fleet.step(self.view.actions(actions))
        seen, info = self.view.observations(done.observations), self._info(done.success, done.rewards, done.diverged)
        ended = done.terminated | done.truncated
        if self.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            seen, info = self._begun(seen, info, ended)
        return seen, self.view.reward(done), done.terminated, done.truncated, info

    def _begun(self, seen: np.ndarray, info: dict[str, Any], ended: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Observations and infos where some episodes have ended and others began in their place."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(ended):
            final_obs[index] = seen[index].copy()
        final = {key: value.copy() for key, value in info.items()}
        for key in [key for key in final if key.startswith("_")]:
            final[key] = ended.copy()
        fresh = self.view.observations(self.fleet.reset(ids=np.flatnonzero(ended)))
        nothing = np.zeros((self.num_envs, self.fleet.num_robots), dtype=np.float32)
        begun = self._info(nothing > 0.0, nothing, np.zeros(self.num_envs, dtype=bool))
        for key, value in begun.items():
            info[key] = np.where(ended.reshape(-1, *[1] * (value.ndim - 1)), value, info[key])
        info |= {"final_obs": final_obs, "_final_obs": ended.copy(), "final_info": final, "_final_info": ended.copy()}
        return fresh, info

    def expert(self) -> np.ndarray:
        """What robots that know all hidden dynamics would do now, in the form `step` takes."""
        return self.view.flatten_actions(self.fleet.expert())

    def _info(self, success: np.ndarray, rewards: np.ndarray, diverged: np.ndarray) -> dict[str, Any]:
        info = {
            "success": self.view.success(success),
            "robot_success": success.copy(),
            "robot_rewards": rewards.copy(),
            "diverged": diverged.copy(),
        }
        if self._reveal:
            info.update(hidden(self.fleet))
        for key in list(info):
            info[f"_{key}"] = np.ones(self.num_envs, dtype=bool)
        return info

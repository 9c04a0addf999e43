"""Stable-Baselines3's PPO and SAC over a distribution of tasks, many tasks at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from metabot.base.actor import Actor
from metabot.problems import Problem


class ManyTasks(VecEnv):
    """Episodes of fresh tasks side by side, in step with each other; every one lasts the problem's horizon.

    One that was decided earlier stands still without reward, as problems have it: for a learner it goes on in a
    state of worth zero. Time running out is told as such (`TimeLimit.truncated`).
    """

    def __init__(self, problem: Problem, tasks: int, rng: np.random.Generator) -> None:
        """Wrap a problem.

        Args:
            problem: in which one robot acts.
            tasks: episodes at once, each of a task of its own, drawn anew for every episode.
            rng: source of tasks, starts and goals.

        Raises:
            ValueError: if several robots act, or actions are discrete.
        """
        if problem.agents != 1 or problem.discrete:
            raise ValueError(f"{problem.name}: allowed: one robot with continuous actions")
        self._problem, self._rng = problem, rng
        observed = gymnasium.spaces.Box(-np.inf, np.inf, (problem.observation_size,), np.float32)
        commanded = gymnasium.spaces.Box(-1.0, 1.0, (problem.action_size,), np.float32)
        self.render_mode = None
        self._actions, self._steps = np.zeros((tasks, problem.action_size), dtype=np.float32), 0
        self.success: list[float] = []
        super().__init__(tasks, observed, commanded)

    def reset(self) -> np.ndarray:
        """Start an episode of a fresh task in every place."""
        self._steps = 0
        return self._problem.begin(self._problem.sample(self._rng, self.num_envs), self._rng)

    def step_async(self, actions: np.ndarray) -> None:
        """Keep what is to be done."""
        self._actions = np.asarray(actions, dtype=np.float32)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """One control step of all episodes."""
        done = self._problem.step(self._actions)
        self._steps += 1
        over = self._steps >= self._problem.horizon
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        observations = done.observations
        if over:
            self.success.append(float(done.success.mean()))
            for info, last in zip(infos, observations, strict=True):
                info.update({"TimeLimit.truncated": True, "terminal_observation": last})
            observations = self.reset()
        return observations, done.rewards, np.full(self.num_envs, over), infos

    def close(self) -> None:
        """Nothing to be closed."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same for all episodes."""
        return [getattr(self, attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: the episodes are no objects of their own."""
        raise AttributeError(f"{attr_name}: cannot be set for one of many tasks")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refused: the episodes are no objects of their own."""
        raise AttributeError(f"{method_name}: no method of one of many tasks")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Nothing is."""
        return [False] * len(self._indices(indices))

    def _indices(self, indices: Any) -> list[int]:
        if indices is None:
            return list(range(self.num_envs))
        return [indices] if isinstance(indices, int) else list(indices)


@dataclass(frozen=True)
class ManyTasksConfig:
    """Hyper-parameters of `train_on_many`.

    Attributes:
        algorithm: whose.
        tasks: episodes at once.
        hidden: units of the two hidden layers.
        minibatches: parts into which PPO divides a batch of episodes, where the settings name no batch size.
        settings: keyword arguments of the library's class.
    """

    algorithm: Literal["ppo", "sac"]
    tasks: int = 32
    hidden: int = 64
    minibatches: int = 8
    settings: Mapping[str, Any] = field(default_factory=dict)


def train_on_many(
    problem: Problem,
    config: ManyTasksConfig,
    env_steps: int,
    seed: int,
    told: Callable[[float, float], None] = lambda fraction, success: None,
) -> tuple[Actor, int]:
    """Train one policy on the whole distribution of tasks (domain randomisation) by Stable-Baselines3.

    Args:
        problem: where.
        config: how.
        env_steps: budget of control steps; training ends within it, or after one batch of episodes.
        seed: of everything.
        told: called after every batch of episodes with the share done and the success in it.

    Returns:
        The trained policy's mean, and the control steps spent.
    """
    rng = np.random.default_rng([seed, 31])
    env = ManyTasks(problem, config.tasks, rng)
    a_batch = config.tasks * problem.horizon
    budget = max(a_batch, env_steps // a_batch * a_batch)
    common: dict[str, Any] = {"seed": seed, "device": "cpu", **config.settings}
    hidden = [config.hidden, config.hidden]
    former = torch.get_num_threads()
    if config.algorithm == "ppo":
        common = {"batch_size": max(2, a_batch // config.minibatches), **common, "policy_kwargs": {"net_arch": hidden}}
        model: Any = PPO("MlpPolicy", env, n_steps=problem.horizon, **common)
    else:
        common |= {"policy_kwargs": {"net_arch": hidden}, "buffer_size": budget, "learning_starts": a_batch}
        model = SAC("MlpPolicy", env, **common)
    torch.set_num_threads(former)
    model.learn(budget, callback=_Telling(env, budget, told))
    if config.algorithm == "ppo":
        layers = [*model.policy.mlp_extractor.policy_net, model.policy.action_net]
        return Actor.of_linear(layers, "tanh", squashed=False), int(model.num_timesteps)
    return Actor.of_linear([*model.actor.latent_pi, model.actor.mu], "relu", squashed=True), int(model.num_timesteps)


class _Telling(BaseCallback):
    """Says after every batch of episodes how far training is."""

    def __init__(self, env: ManyTasks, budget: int, told: Callable[[float, float], None]) -> None:
        super().__init__()
        self._env, self._budget, self._told, self._batches = env, budget, told, 0

    def _on_step(self) -> bool:
        if len(self._env.success) > self._batches:
            self._batches = len(self._env.success)
            self._told(min(1.0, self.num_timesteps / self._budget), self._env.success[-1])
        return True

"""Collecting episodes: many tasks at once, each under its own parameters."""

from __future__ import annotations

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from metabot.experience import Episodes
from metabot.policy import GaussianMLP


@torch.no_grad()
def rollout(
    env: VectorEnv,
    policy: GaussianMLP,
    parameters: Tensor,
    dynamics: np.ndarray,
    goals: np.ndarray,
    rng: np.random.Generator,
    *,
    deterministic: bool = False,
) -> Episodes:
    """Run one batch of whole episodes.

    Args:
        env: a vector environment of tasks * episodes environments, autoreset disabled.
        policy: the policy.
        parameters: (tasks, policy.layout.size), one row per task.
        dynamics: (tasks, 3) hidden dynamics of each task.
        goals: (tasks, episodes, 2) goal of each episode.
        rng: source of the exploration noise.
        deterministic: act with the mean.

    Returns:
        The episodes, in the order of the tasks.
    """
    tasks, count = goals.shape[:2]
    horizon: int = env.get_wrapper_attr("horizon") if hasattr(env, "get_wrapper_attr") else env.horizon  # type: ignore[attr-defined]
    options = {"dynamics": np.repeat(dynamics, count, axis=0), "goals": goals.reshape(tasks * count, 2)}
    observation, _ = env.reset(options=options)
    mean_of = torch.func.vmap(policy.mean)
    log_std = torch.func.vmap(policy.log_std)(parameters)[:, None]
    std = torch.exp(log_std)
    shape = (tasks, count, horizon)
    observations = torch.empty(*shape, policy.observation_size)
    actions = torch.empty(*shape, policy.action_size)
    rewards, mask, log_probs = torch.empty(shape), torch.empty(shape), torch.empty(shape)
    success = torch.zeros(tasks, count)
    alive = np.ones((tasks, count), dtype=np.float32)
    for t in range(horizon):
        seen = torch.from_numpy(observation).reshape(tasks, count, -1)
        mean = mean_of(parameters, seen)
        noise = 0.0 if deterministic else torch.from_numpy(rng.standard_normal(mean.shape, dtype=np.float32))
        action = mean + std * noise
        observations[:, :, t], actions[:, :, t] = seen, action
        z = noise if deterministic else noise.square()  # type: ignore[union-attr]
        log_probs[:, :, t] = (-0.5 * z - log_std).sum(-1) - policy.action_size * 0.9189385332046727
        mask[:, :, t] = torch.from_numpy(alive)
        observation, reward, terminated, _, info = env.step(action.reshape(tasks * count, -1).numpy())
        rewards[:, :, t] = torch.from_numpy(reward).reshape(tasks, count)
        success += torch.from_numpy(info["success"]).reshape(tasks, count)
        alive = 1.0 - terminated.reshape(tasks, count).astype(np.float32)
    return Episodes(observations, actions, rewards, mask, log_probs, success.clamp(max=1.0))


def success_rate(
    env: VectorEnv,
    policy: GaussianMLP,
    parameters: Tensor,
    dynamics: np.ndarray,
    goals: np.ndarray,
    rng: np.random.Generator,
) -> Tensor:
    """Share of episodes in which the mean action masters the task, (tasks,)."""
    return rollout(env, policy, parameters, dynamics, goals, rng, deterministic=True).success.mean(1)

"""Collecting episodes: many tasks at once, each under its own parameters."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Episodes
from metabot.policy import GaussianMLP, gaussian_log_prob
from metabot_sim.vector_env import DriveGoalVectorEnv


@torch.no_grad()
def rollout(
    env: DriveGoalVectorEnv,
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
        env: tasks * episodes environments, autoreset disabled.
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
    options = {"dynamics": np.repeat(dynamics, count, axis=0), "goals": goals.reshape(tasks * count, 2)}
    observation, _ = env.reset(options=options)
    mean_of = torch.func.vmap(policy.mean)
    log_std = torch.func.vmap(policy.log_std)(parameters)[:, None]
    std = torch.exp(log_std)
    shape = (tasks, count, env.horizon)
    observations = torch.empty(*shape, policy.observation_size)
    actions = torch.empty(*shape, policy.action_size)
    rewards, mask, log_probs = torch.empty(shape), torch.empty(shape), torch.empty(shape)
    success = torch.zeros(tasks, count)
    alive = np.ones((tasks, count), dtype=np.float32)
    for t in range(env.horizon):
        seen = torch.from_numpy(observation).reshape(tasks, count, -1)
        mean = mean_of(parameters, seen)
        noise = (
            torch.zeros_like(mean)
            if deterministic
            else torch.from_numpy(rng.standard_normal(mean.shape, dtype=np.float32))
        )
        action = mean + std * noise
        observations[:, :, t], actions[:, :, t] = seen, action
        log_probs[:, :, t] = gaussian_log_prob(noise, log_std)
        mask[:, :, t] = torch.from_numpy(alive)
        observation, reward, terminated, _, info = env.step(action.reshape(tasks * count, -1).numpy())
        rewards[:, :, t] = torch.from_numpy(reward).reshape(tasks, count)
        success += torch.from_numpy(info["success"]).reshape(tasks, count)
        alive = 1.0 - terminated.reshape(tasks, count).astype(np.float32)
    return Episodes(observations, actions, rewards, mask, log_probs, success.clamp(max=1.0))

"""Collecting episodes: many tasks at once, each under its own parameters."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Episodes
from metabot.policy import GaussianMLP, gaussian_log_prob
from metabot_sim.env import FleetEnv
from metabot_sim.episodes import EpisodeBatch


@torch.no_grad()
def rollout(
    env: FleetEnv,
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
        env: tasks * episodes simulations of one driving robot, autoreset disabled.
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
    start = EpisodeBatch.of(env.spec, tasks * count)
    start.robot_dynamics[:, 0, : dynamics.shape[1]] = np.repeat(dynamics, count, axis=0)
    start.pads[:, 0] = goals.reshape(tasks * count, 2)
    observation = env.reset(episodes=start)
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
        step = env.step(action.reshape(tasks * count, 1, -1).numpy())
        observation = step.observations
        rewards[:, :, t] = torch.from_numpy(step.rewards).reshape(tasks, count)
        success = torch.from_numpy(step.success.astype(np.float32)).reshape(tasks, count)
        alive *= 1.0 - step.terminated.reshape(tasks, count).astype(np.float32)
    return Episodes(observations, actions, rewards, mask, log_probs, success)

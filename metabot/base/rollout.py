"""Collecting episodes: many tasks at once, each under its own parameters."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Episodes
from metabot.policy import Moment, Policy, State, gaussian_log_prob
from metabot.problems import Problem


@torch.no_grad()
def rollout(
    problem: Problem,
    policy: Policy,
    parameters: Tensor,
    tasks: np.ndarray,
    episodes: int,
    rng: np.random.Generator,
    *,
    deterministic: bool = False,
) -> Episodes:
    """Run whole episodes of every task side by side; each begins with the policy's first memory.

    Args:
        problem: where.
        policy: the policy.
        parameters: (tasks, policy.layout.size), one row per task.
        tasks: (tasks, ...) rows of `Problem.sample`.
        episodes: episodes of each task.
        rng: source of starts, goals and exploration noise.
        deterministic: act with the mean.

    Returns:
        The episodes, in the order of the tasks. Where several robots act in an episode, each of
        them counts as one.
    """
    state = policy.begin(parameters, episodes * problem.agents)
    return _play(problem, policy, parameters, tasks, episodes, rng, state, deterministic)[0]


@torch.no_grad()
def trial(
    problem: Problem,
    policy: Policy,
    parameters: Tensor,
    tasks: np.ndarray,
    episodes: int,
    rng: np.random.Generator,
    *,
    deterministic: bool = False,
) -> Episodes:
    """Run episodes of every task one after the other, under one memory that goes through all of them.

    Arguments and result as in `rollout`; the second dimension of the result is the order in time.

    Raises:
        ValueError: if several robots act in an episode.
    """
    if problem.agents != 1:
        raise ValueError(f"{problem.name}: {problem.agents} robots act in an episode; a trial is one robot's")
    state = policy.begin(parameters, 1)
    played = []
    for _ in range(episodes):
        episode, state = _play(problem, policy, parameters, tasks, 1, rng, state, deterministic)
        played.append(episode)
    return Episodes.join(played)


def _play(
    problem: Problem,
    policy: Policy,
    parameters: Tensor,
    tasks: np.ndarray,
    episodes: int,
    rng: np.random.Generator,
    state: State,
    deterministic: bool,
) -> tuple[Episodes, State]:
    count, rows = len(tasks), episodes * problem.agents
    observation = problem.begin(np.repeat(tasks, episodes, axis=0), rng)
    log_std = policy.spread(parameters)[:, None]
    std = torch.exp(log_std)
    shape = (count, rows, problem.horizon)
    observations = torch.empty(*shape, policy.observation_size)
    actions = torch.empty(*shape, policy.action_size)
    rewards, mask, log_probs = torch.empty(shape), torch.empty(shape), torch.empty(shape)
    success = torch.zeros(count, rows)
    alive = np.ones((count, rows), dtype=np.float32)
    action, reward = torch.zeros(count, rows, policy.action_size), torch.zeros(count, rows)
    for t in range(problem.horizon):
        seen = torch.from_numpy(observation).reshape(count, rows, -1)
        first = torch.full((count, rows), float(t == 0))
        mean, state = policy.act(parameters, Moment(seen, action, reward, first), state)
        noise = (
            torch.zeros_like(mean)
            if deterministic
            else torch.from_numpy(rng.standard_normal(mean.shape, dtype=np.float32))
        )
        action = mean + std * noise
        observations[:, :, t], actions[:, :, t] = seen, action
        log_probs[:, :, t] = gaussian_log_prob(noise, log_std)
        mask[:, :, t] = torch.from_numpy(alive)
        step = problem.step(action.reshape(count * rows, -1).numpy())
        observation = step.observations
        reward = torch.from_numpy(step.rewards).reshape(count, rows)
        rewards[:, :, t] = reward
        success = torch.from_numpy(step.success.astype(np.float32)).reshape(count, rows)
        alive = alive * (1.0 - step.ended.reshape(count, rows).astype(np.float32))
    return Episodes(observations, actions, rewards, mask, log_probs, success, problem.agents), state


def success_rate(
    problem: Problem, policy: Policy, parameters: Tensor, tasks: np.ndarray, trials: int, rng: np.random.Generator
) -> Tensor:
    """Share of fresh episodes in which the mean action masters each task, (tasks,)."""
    return rollout(problem, policy, parameters, tasks, trials, rng, deterministic=True).success.mean(1)

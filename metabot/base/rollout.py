"""Collecting episodes: many tasks at once, each under its own parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    noise: Tensor | None = None,
    expert_share: float | None = None,
    expert_noise: float = 0.0,
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
        noise: (tasks,) factor on the policy's spread, where it should not explore as it says; log-densities
            stay those of the policy as it is. 1 by default.
        expert_share: probability with which the problem's expert acts in place of the policy, drawn
            at every step (β of Ross et al. 2011, algorithm 3.1); whoever acts, what the expert would
            do is recorded. None: nobody asks.
        expert_noise: spread of what is added to what the expert does, but not to what it is recorded to
            advise: it shows how mistakes are mended (DART, Laskey et al. 2017, arXiv:1703.09327).

    Raises:
        ValueError: if an expert is asked for and there is none.

    Returns:
        The episodes, in the order of the tasks. Where several robots act in an episode, each of
        them counts as one.
    """
    scale: Tensor | Literal[0] | None = 0 if deterministic else noise
    policy, parameters = policy.settled(parameters)
    past = _Past.of(policy, parameters, len(tasks), episodes * problem.agents)
    return _play(problem, policy, parameters, tasks, episodes, rng, past, scale, expert_share, expert_noise)


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
    noise: Tensor | None = None,
    expert_share: float | None = None,
) -> Episodes:
    """Run episodes of every task one after the other, under one memory that goes through all of them.

    Arguments and result as in `rollout`; the second dimension of the result is the order in time.

    Raises:
        ValueError: if several robots act in an episode, or as in `rollout`.
    """
    if problem.agents != 1:
        raise ValueError(f"{problem.name}: {problem.agents} robots act in an episode; a trial is one robot's")
    scale: Tensor | Literal[0] | None = 0 if deterministic else noise
    policy, parameters = policy.settled(parameters)
    past = _Past.of(policy, parameters, len(tasks), 1)
    return Episodes.join(
        [_play(problem, policy, parameters, tasks, 1, rng, past, scale, expert_share) for _ in range(episodes)]
    )


@dataclass
class _Past:
    """What goes from step to step, and in a trial from episode to episode.

    Attributes:
        state: the policy's memory.
        action: (tasks, episodes, action_size), the last one that counted.
        reward: (tasks, episodes) that it brought.
    """

    state: State
    action: Tensor
    reward: Tensor

    @classmethod
    def of(cls, policy: Policy, parameters: Tensor, tasks: int, episodes: int) -> _Past:
        action, reward = policy.before(parameters, episodes)
        return cls(policy.begin(parameters, episodes), action, reward)


def _play(
    problem: Problem,
    policy: Policy,
    parameters: Tensor,
    tasks: np.ndarray,
    episodes: int,
    rng: np.random.Generator,
    past: _Past,
    scale: Tensor | Literal[0] | None,
    expert_share: float | None,
    expert_noise: float = 0.0,
) -> Episodes:
    """One episode, or several side by side, of every task; `past` is moved on to its end."""
    count, rows = len(tasks), episodes * problem.agents
    if expert_share is not None and not problem.has_expert:
        raise ValueError(f"family: nobody knows how to master {problem.name}; imitation needs an expert")
    observation = problem.begin(np.repeat(tasks, episodes, axis=0), rng)
    log_std = policy.spread(parameters)[:, None]
    std = torch.exp(log_std)
    shape = (count, rows, problem.horizon)
    observations = torch.empty(*shape, policy.observation_size)
    actions = torch.empty(*shape, policy.action_size)
    labels = torch.empty(*shape, policy.action_size) if expert_share is not None else None
    rewards, mask, log_probs = torch.empty(shape), torch.empty(shape), torch.empty(shape)
    success = torch.zeros(count, rows)
    alive = torch.ones(count, rows)
    for t in range(problem.horizon):
        seen = torch.from_numpy(observation).reshape(count, rows, -1)
        first = torch.full((count, rows), float(t == 0))
        mean, past.state = policy.act(parameters, Moment(seen, past.action, past.reward, first, alive), past.state)
        if isinstance(scale, int):
            noise = torch.zeros_like(mean)
        else:
            noise = torch.from_numpy(rng.standard_normal(mean.shape, dtype=np.float32))
            noise = noise if scale is None else noise * scale[:, None, None]
        action = mean + std * noise
        if labels is not None and expert_share is not None:
            wanted = np.clip(problem.expert(), -1.0, 1.0).astype(np.float32)  # type: ignore[arg-type]
            advice = torch.from_numpy(wanted).reshape(count, rows, -1)
            labels[:, :, t] = advice
            teaches = torch.from_numpy(rng.random((count, rows, 1)) < expert_share)
            shown = advice
            if expert_noise:
                shaken = rng.standard_normal(advice.shape, dtype=np.float32) * np.float32(expert_noise)
                shown = (advice + torch.from_numpy(shaken)).clamp(-1.0, 1.0)
            action = torch.where(teaches, shown, action)
            noise = torch.where(teaches, (action - mean) / std, noise)
        observations[:, :, t], actions[:, :, t] = seen, action
        log_probs[:, :, t] = gaussian_log_prob(noise, log_std)
        mask[:, :, t] = alive
        step = problem.step(action.reshape(count * rows, -1).numpy())
        observation = step.observations
        reward = torch.from_numpy(step.rewards).reshape(count, rows)
        rewards[:, :, t] = reward
        past.action = torch.where(alive[..., None] > 0, action, past.action)
        past.reward = torch.where(alive > 0, reward, past.reward)
        success = torch.from_numpy(step.success.astype(np.float32)).reshape(count, rows)
        alive = alive * (1.0 - torch.from_numpy(step.ended.astype(np.float32)).reshape(count, rows))
    return Episodes(observations, actions, rewards, mask, log_probs, success, problem.agents, labels)


def success_rate(
    problem: Problem, policy: Policy, parameters: Tensor, tasks: np.ndarray, trials: int, rng: np.random.Generator
) -> Tensor:
    """Share of fresh episodes in which the mean action masters each task, (tasks,)."""
    return rollout(problem, policy, parameters, tasks, trials, rng, deterministic=True).success.mean(1)

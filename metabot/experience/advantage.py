"""Advantages with a linear feature baseline fitted per task."""

from __future__ import annotations

import torch
from torch import Tensor

from metabot.experience.episodes import Episodes

_RIDGE = 1e-3


def advantages(episodes: Episodes, discount: float = 0.97, trace: float = 0.95) -> Tensor:
    """Generalised advantage estimates, normalised per task.

    The value function is the linear feature baseline of Duan et al. 2016 (RLLab, appendix 2):
    a ridge regression of discounted returns on (o, o², t, t², t³, 1), solved per task.

    Args:
        episodes: experience of several tasks.
        discount: γ.
        trace: λ of generalised advantage estimation (Schulman et al. 2016, equation 16).

    Returns:
        (tasks, episodes, steps), zero where the mask is zero.
    """
    rewards, mask = episodes.rewards * episodes.mask, episodes.mask
    steps = rewards.shape[-1]
    returns = torch.zeros_like(rewards)
    running = torch.zeros_like(rewards[..., 0])
    for t in reversed(range(steps)):
        running = rewards[..., t] + discount * running
        returns[..., t] = running
    values = _fit_values(episodes.observations, returns, mask)
    return normalised(generalised(rewards, values, mask, discount, trace), mask)


def generalised(rewards: Tensor, values: Tensor, mask: Tensor, discount: float, trace: float) -> Tensor:
    """Generalised advantages of given values (Schulman et al. 2016, equation 16), zero where the mask is.

    Args:
        rewards: (tasks, episodes, steps), zero where the mask is.
        values: (tasks, episodes, steps) expected before each step.
        mask: (tasks, episodes, steps).
        discount: γ.
        trace: λ.
    """
    following = torch.cat([values[..., 1:] * mask[..., 1:], torch.zeros_like(values[..., :1])], dim=-1)
    delta = (rewards + discount * following - values) * mask
    result = torch.zeros_like(rewards)
    running = torch.zeros_like(rewards[..., 0])
    for t in reversed(range(rewards.shape[-1])):
        running = delta[..., t] + discount * trace * running
        result[..., t] = running
    return result * mask


def normalised(values: Tensor, mask: Tensor) -> Tensor:
    """Values of a mean of 0 and a deviation of 1 within each task, (tasks, episodes, steps)."""
    total = mask.sum((1, 2)).clamp(min=1.0)
    mean = values.sum((1, 2)) / total
    centred = (values - mean[:, None, None]) * mask
    deviation = (centred.square().sum((1, 2)) / total).sqrt()
    return centred / (deviation[:, None, None] + 1e-6)


def _fit_values(observations: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    tasks, count, steps = returns.shape
    time = torch.linspace(0.0, 1.0, steps).expand(tasks, count, steps)[..., None]
    features = torch.cat(
        [observations, observations.square(), time, time**2, time**3, torch.ones_like(time)], dim=-1
    ).reshape(tasks, count * steps, -1)
    weighted = features * mask.reshape(tasks, -1, 1)
    gram = weighted.transpose(1, 2) @ features
    gram = gram + _RIDGE * count * steps * torch.eye(features.shape[-1])
    moment = weighted.transpose(1, 2) @ returns.reshape(tasks, -1, 1)
    return (features @ torch.linalg.solve(gram, moment)).reshape(tasks, count, steps)

"""Imitation of an expert: behaviour cloning and DAgger, functions of flat parameter vectors, many tasks at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.base.descent import descend
from metabot.base.rollout import rollout
from metabot.experience import Episodes
from metabot.policy import GaussianMLP, Policy
from metabot.problems import Problem


def imitation_loss(
    policy: GaussianMLP, parameters: Tensor, observations: Tensor, expert: Tensor, mask: Tensor
) -> Tensor:
    """Mean squared distance of a policy's mean from the expert's action, of one task.

    The surrogate loss of Ross et al. 2011, equation 1, for continuous actions: with a fixed spread
    the negative log-likelihood up to a constant. On states that the expert visits its minimum is
    behaviour cloning, on states that the policy visits it is what DAgger descends.

    Args:
        policy: the policy.
        parameters: (policy.layout.size,).
        observations: (episodes, steps, observation_size).
        expert: (episodes, steps, action_size), what the expert would do.
        mask: (episodes, steps), 1 where a step counts.
    """
    return squared_error(policy.mean(parameters, observations), expert, mask).sum() / mask.sum()


def squared_error(mean: Tensor, expert: Tensor, mask: Tensor) -> Tensor:
    """Squared distance of every step, zero where the mask is; shapes (..., action_size) twice, and (...)."""
    return (mean - expert).square().sum(-1) * mask


def imitation_losses(policy: GaussianMLP, parameters: Tensor, episodes: Episodes) -> Tensor:
    """`imitation_loss` of every task, (tasks,), for parameters (tasks, policy.layout.size).

    Raises:
        ValueError: if no expert was asked.
    """

    def loss(row: Tensor, observations: Tensor, expert: Tensor, mask: Tensor) -> Tensor:
        return imitation_loss(policy, row, observations, expert, mask)

    return torch.func.vmap(loss)(parameters, episodes.observations, asked(episodes), episodes.mask)


def asked(episodes: Episodes) -> Tensor:
    """What the expert would have done in these episodes.

    Raises:
        ValueError: if nobody asked.
    """
    if episodes.expert is None:
        raise ValueError("episodes: no expert was asked; collect them with an expert_share")
    return episodes.expert


def demonstrate(
    problem: Problem, policy: Policy, tasks: np.ndarray, episodes: int, rng: np.random.Generator
) -> Episodes:
    """Episodes in which the expert acts.

    Args:
        problem: where.
        policy: whose spread the log-densities are of.
        tasks: (tasks, ...) rows of `Problem.sample`.
        episodes: of each task.
        rng: source of starts and goals.

    Raises:
        ValueError: if there is no expert.
    """
    nobody = torch.zeros(1, policy.layout.size).expand(len(tasks), -1)
    return rollout(problem, policy, nobody, tasks, episodes, rng, expert_share=1.0)


def clone(policy: GaussianMLP, parameters: Tensor, episodes: Episodes, *, step: float, epochs: int) -> Tensor:
    """Behaviour cloning: fit each task's own policy to what the expert did, with Adam.

    Args:
        policy: the policy.
        parameters: (policy.layout.size,) to start from, or (tasks, policy.layout.size).
        episodes: with the expert's actions.
        step: Adam's step size.
        epochs: Adam steps.

    Returns:
        (tasks, policy.layout.size).
    """
    starts = parameters.expand(len(episodes.mask), -1)
    return descend(lambda rows: imitation_losses(policy, rows, episodes), starts, step=step, epochs=epochs)


def dagger(
    problem: Problem,
    policy: GaussianMLP,
    parameters: Tensor,
    tasks: np.ndarray,
    rng: np.random.Generator,
    *,
    rounds: int,
    episodes: int,
    step: float,
    epochs: int,
) -> Tensor:
    """DAgger (Ross et al. 2011, algorithm 3.1), one policy per task.

    The expert acts in the first round and only advises in the later ones; each round fits the
    policies to all rounds so far.

    Args:
        problem: where.
        policy: the policy.
        parameters: (policy.layout.size,) to start from.
        tasks: (tasks, ...) rows of `Problem.sample`.
        rng: source of starts, goals and noise.
        rounds: how often episodes are collected.
        episodes: of each task per round.
        step: Adam's step size.
        epochs: Adam steps per round.

    Returns:
        (tasks, policy.layout.size).

    Raises:
        ValueError: if there is no expert.
    """
    current = parameters.detach().expand(len(tasks), -1)
    gathered: list[Episodes] = []
    for number in range(rounds):
        share = 1.0 if number == 0 else 0.0
        gathered.append(rollout(problem, policy, current, tasks, episodes, rng, expert_share=share))
        current = clone(policy, current, Episodes.join(gathered), step=step, epochs=epochs)
    return current

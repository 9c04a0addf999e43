"""Policies for single tasks out of one network that is told what they hide: how far knowing a task can lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.imitation import asked
from metabot.base.rollout import rollout
from metabot.meta.standard import Standard
from metabot.policy import LatentMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class ToldConfig:
    """Hyper-parameters of `told_policies`."""

    hidden: tuple[int, ...] = (64, 64, 64)
    weight_sets: int = 6
    """See `LatentMLP.weight_sets`."""
    rounds: int = 12
    """How often episodes are collected."""
    tasks: int = 96
    """Fresh tasks of a round, an episode of each."""
    updates: int = 500
    """Adam steps after each round."""
    batch: int = 512
    """States of a step, of as many tasks."""
    step: float = 3e-3
    """Step size of Adam; it falls to a tenth within a round."""
    noise: float = 0.5
    """Factor on the spread with which half of the episodes are played."""
    expert_decay: float = 0.75
    """Factor by which the share of steps in which the expert acts falls with every round."""


def told_policies(
    problem: Problem,
    tasks: np.ndarray,
    rng: np.random.Generator,
    config: ToldConfig | None = None,
    told: Callable[[float], None] = lambda fraction: None,
) -> tuple[LatentMLP, Tensor, int]:
    """DAgger (Ross et al. 2011, algorithm 3.1) of a policy whose context is what a task hides, in its units.

    A simulator tells it (privileged information, Chen et al. 2019, arXiv:1912.12294); no robot could.

    Args:
        problem: where; with an expert.
        tasks: those that policies are wanted for; they learn from others, drawn from the tasks of training.
        rng: source of everything that is drawn.
        config: hyper-parameters.
        told: called after every round with the share done.

    Returns:
        The network, (tasks, policy.layout.size), and the control steps spent.

    Raises:
        ValueError: if the problem cannot say what its tasks hide; one line.
    """
    config = config or ToldConfig()
    standard = Standard.of(problem, "a policy that is told it")
    policy = LatentMLP(
        problem.observation_size,
        problem.action_size,
        config.hidden,
        weight_sets=config.weight_sets,
        latent_size=standard.size,
    )
    start = torch.from_numpy(policy.initial(rng))
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    noise = torch.tensor([0.0, config.noise]).repeat(config.tasks)[: config.tasks]
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    spent = 0
    for number in range(config.rounds):
        drawn = problem.sample(rng, config.tasks)
        context = standard(problem, drawn)
        rows, share = policy.knowing(start, context), config.expert_decay**number
        episodes = rollout(problem, policy, rows, drawn, 1, rng, noise=noise, expert_share=share)
        spent += episodes.env_steps
        there = episodes.mask[:, 0] > 0
        every = context[:, None].expand(-1, there.shape[1], -1)
        seen.append((every[there], episodes.observations[:, 0][there], asked(episodes)[:, 0][there]))
        contexts, observations, advice = (torch.cat(each) for each in zip(*seen, strict=True))
        start = _fit(policy, start, contexts, observations, advice, generator, config)
        told((number + 1) / config.rounds)
    return policy, policy.knowing(start, standard(problem, tasks)), spent


def _fit(
    policy: LatentMLP,
    start: Tensor,
    contexts: Tensor,
    observations: Tensor,
    advice: Tensor,
    generator: torch.Generator,
    config: ToldConfig,
) -> Tensor:
    variable = start.clone().requires_grad_(True)
    adam = torch.optim.Adam([variable], lr=config.step)
    schedule = torch.optim.lr_scheduler.ExponentialLR(adam, 0.1 ** (1.0 / config.updates))
    for _ in range(config.updates):
        chosen = torch.randint(len(observations), (config.batch,), generator=generator)
        done = policy.mean_given(policy.layout.view(variable), observations[chosen][:, None], contexts[chosen])
        loss = (done[:, 0] - advice[chosen]).square().sum(-1).mean()
        (variable.grad,) = torch.autograd.grad(loss, variable)
        adam.step()
        schedule.step()
    return variable.detach()

"""Policies for single tasks out of one network that is told what they hide: how far knowing a task can lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.descent import descend
from metabot.base.imitation import asked
from metabot.base.imitators import ROUND_DECAY, ImitatorConfig
from metabot.base.rollout import rollout
from metabot.meta.standard import Standard
from metabot.policy import LatentMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class ToldConfig(ImitatorConfig):
    """Hyper-parameters of `told_policies`; episodes and updates are those of the one network."""

    hidden: tuple[int, ...] = (64, 64, 64)
    weight_sets: int = 6
    """See `LatentMLP.weight_sets`."""
    rounds: int = 12
    episodes: int = 96
    """Of a round, each of a fresh task."""
    updates: int = 500
    batch: int = 512
    """States of a step, of as many tasks."""
    expert_noise: float = 0.0
    expert_decay: float = 0.75


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
    noise = torch.tensor([0.0, config.noise]).repeat(config.episodes)[: config.episodes]
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    spent = 0
    for number in range(config.rounds):
        drawn = problem.sample(rng, config.episodes)
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
    def losses(rows: Tensor) -> Tensor:
        chosen = torch.randint(len(observations), (config.batch,), generator=generator)
        done = policy.mean_given(policy.layout.view(rows[0]), observations[chosen][:, None], contexts[chosen])
        return (done[:, 0] - advice[chosen]).square().sum(-1).mean(0, keepdim=True)

    return descend(losses, start[None], step=config.step, epochs=config.updates, decay=ROUND_DECAY)[0]

"""Many memoryless policies side by side learn from experts, each for a task or a group of tasks of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.descent import descend
from metabot.base.imitation import asked
from metabot.base.rollout import rollout
from metabot.policy import GaussianMLP, TeamPolicy
from metabot.problems import Problem

ROUND_DECAY = 0.1
"""Factor by which the step size falls within a round."""


@dataclass(frozen=True)
class ImitatorConfig:
    """Hyper-parameters of `imitators`."""

    rounds: int = 4
    """How often episodes are collected; the expert acts in the first of them."""
    episodes: int = 8
    """Of each policy and round."""
    more: int = 0
    """Rounds at the start that have one episode more."""
    updates: int = 400
    """Adam steps after each round."""
    batch: int = 128
    """States of each policy in a step, those of a team's robots together."""
    step: float = 3e-3
    """Step size of Adam; it falls by `ROUND_DECAY` within a round."""
    noise: float = 0.5
    """Factor on the spread with which half of the episodes are played."""
    expert_noise: float = 0.2
    """Spread of what is added to what the expert does in the first round."""
    expert_decay: float = 0.0
    """Factor by which the share of steps in which it acts falls with every later round: 0 where the policy acts
    alone from then on; more where a policy that cannot do the beginning would never be shown the rest."""
    expert_least: float = 0.0
    """Of that share, but for every third round: a policy that gets stuck fills no whole episodes with it."""
    last_updates: int = 0
    """Adam steps after the last round in place of `updates`, where that is more."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("rounds", "episodes", "updates", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        for name, low in (("more", 0), ("last_updates", 0), ("noise", 0.0), ("expert_noise", 0.0)):
            if not low <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}: {getattr(self, name)}; allowed: a number from {low}")
        if not 0.0 < self.step < math.inf:
            raise ValueError(f"step: {self.step}; allowed: a number above 0")
        for name in ("expert_decay", "expert_least"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not in [0, 1]")

    def expert_share(self, number: int) -> float:
        """Share of the steps of a round, counted from 0, in which the expert acts."""
        share = self.expert_decay**number
        return share if number % 3 == 0 else max(share, self.expert_least)


def imitators(
    problem: Problem,
    policy: GaussianMLP | TeamPolicy,
    groups: Sequence[np.ndarray],
    rng: np.random.Generator,
    config: ImitatorConfig | None = None,
    start: Tensor | None = None,
    told: Callable[[float, float], None] = lambda fraction, success: None,
) -> tuple[Tensor, int]:
    """DAgger (Ross et al. 2011, algorithm 3.1), one policy for each group of tasks.

    As `metabot.base.imitation.dagger`, but by minibatches, and a policy may have many tasks: then it does
    what is best on average for one who is not told which it is (domain randomisation).

    Args:
        problem: where.
        policy: the network of all of them; of a team also one for each of its robots.
        groups: for each policy, (k, ...) rows of `Problem.sample` that its episodes are drawn from.
        rng: source of everything that is drawn.
        config: hyper-parameters.
        start: (groups, policy.layout.size) to begin with; the same random ones for all by default.
        told: called after every round with the share done, and the success of its episodes; NaN where the expert
            acted in some of their steps, since that is not the policy's.

    Returns:
        (groups, policy.layout.size) and the control steps spent.

    Raises:
        ValueError: if there is no expert.
    """
    config = config or ImitatorConfig()
    count = len(groups)
    current = torch.from_numpy(policy.initial(rng)).expand(count, -1) if start is None else start
    current = current.clone()
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    spent = 0
    for number in range(config.rounds):
        played, share = config.episodes + (number < config.more), config.expert_share(number)
        rows = count * played
        noise = torch.tensor([0.0, config.noise]).repeat(rows)[:rows]
        tasks = np.concatenate([group[rng.integers(len(group), size=played)] for group in groups])
        first = number == 0
        episodes = rollout(
            problem,
            policy,
            current.repeat_interleave(played, 0),
            tasks,
            1,
            rng,
            noise=noise,
            expert_share=share,
            expert_noise=config.expert_noise if first else 0.0,
        ).grouped(count)
        spent += episodes.env_steps
        parts = (episodes.observations, asked(episodes), episodes.mask[..., None])
        seen.append(tuple(_moments(part, problem.agents) for part in parts))  # type: ignore[arg-type]
        observations, advice, mask = (torch.cat(each, dim=1) for each in zip(*seen, strict=True))
        last = number == config.rounds - 1
        updates = max(config.updates, config.last_updates) if last else config.updates
        current = _fit(policy, current, observations, advice, mask, generator, config, updates)
        told((number + 1) / config.rounds, math.nan if share > 0.0 else float(episodes.success.mean()))
    return current, spent


def _moments(part: Tensor, robots: int) -> Tensor:
    """(groups, moments, robots, …) of all episodes, for (groups, episodes * robots, steps, …)."""
    return part.unflatten(1, (-1, robots)).transpose(2, 3).flatten(1, 2)


def _fit(
    policy: GaussianMLP | TeamPolicy,
    current: Tensor,
    observations: Tensor,
    advice: Tensor,
    mask: Tensor,
    generator: torch.Generator,
    config: ImitatorConfig,
    updates: int,
) -> Tensor:
    which = torch.arange(len(current))[:, None]
    moments = max(1, config.batch // observations.shape[2])

    def losses(rows: Tensor) -> Tensor:
        chosen = torch.randint(observations.shape[1], (len(rows), moments), generator=generator)
        seen, wanted, counts = (part[which, chosen].flatten(1, 2) for part in (observations, advice, mask))
        return ((policy.mean(rows, seen) - wanted).square() * counts).sum(2).mean(1)

    return descend(losses, current, step=config.step, epochs=updates, decay=ROUND_DECAY)

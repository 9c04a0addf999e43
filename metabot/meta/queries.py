"""Adapting by trying: episodes under perturbed parameters, and what follows from their returns alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.rollout import rollout
from metabot.experience import Episodes
from metabot.policy import Policy
from metabot.problems import Problem


@dataclass(frozen=True)
class Queries:
    """Adaptation episodes, each under parameters of its own.

    Attributes:
        episodes: of several tasks.
        parameters: (tasks, queries, size) that acted, one row for each episode of a task; all robots
            of an episode act under the same.
    """

    episodes: Episodes
    parameters: Tensor

    @property
    def env_steps(self) -> int:
        """See `Episodes.env_steps`."""
        return self.episodes.env_steps

    @property
    def success(self) -> Tensor:
        """See `Episodes.success`."""
        return self.episodes.success

    @property
    def returns(self) -> Tensor:
        """See `Episodes.returns`."""
        return self.episodes.returns

    @property
    def values(self) -> Tensor:
        """Return of every query, (tasks, queries): the mean over the robots of its episode."""
        return self.returns.reshape(*self.parameters.shape[:2], -1).mean(2)

    def first(self, episodes: int) -> Queries:
        """The first episodes of every task; as in `Episodes.first`, those of each robot count."""
        return Queries(self.episodes.first(episodes), self.parameters[:, : episodes // self.episodes.agents])


def perturbed_pairs(
    problem: Problem,
    policy: Policy,
    starts: Tensor,
    tasks: np.ndarray,
    episodes: int,
    rng: np.random.Generator,
    scale: Tensor,
) -> Queries:
    """One episode under each of start + ε, start - ε, start + ε', ..., all tasks and queries side by side.

    Args:
        problem: where.
        policy: acts with its mean.
        starts: (tasks, size).
        tasks: (tasks, ...) rows of `Problem.sample`.
        episodes: queries of each task; a last one without its partner is left as it is.
        rng: of perturbations and episodes.
        scale: (size,) standard deviation of every parameter's perturbation.
    """
    count, size = starts.shape
    noise = torch.from_numpy(rng.standard_normal((count, (episodes + 1) // 2, size), dtype=np.float32))
    signed = torch.stack([noise, -noise], dim=2).flatten(1, 2)[:, :episodes]
    parameters = starts[:, None] + scale * signed
    played = rollout(
        problem, policy, parameters.flatten(0, 1), np.repeat(tasks, episodes, axis=0), 1, rng, deterministic=True
    )
    return Queries(played.grouped(count), parameters)


def climb(
    problem: Problem,
    policy: Policy,
    starts: Tensor,
    tasks: np.ndarray,
    episodes: int,
    rng: np.random.Generator,
    scale: Tensor,
) -> Queries:
    """Hill climbing: each query perturbs the best so far, the first one is the start (Song et al. 2020, section 3.3).

    Arguments as in `perturbed_pairs`; the queries of a task come one after the other.
    """
    best, highest = starts, torch.full((len(starts),), -torch.inf)
    parameters, played = [], []
    for query in range(episodes):
        candidate = best
        if query:
            candidate = best + scale * torch.from_numpy(rng.standard_normal(best.shape, dtype=np.float32))
        parameters.append(candidate)
        played.append(rollout(problem, policy, candidate, tasks, 1, rng, deterministic=True))
        value = played[-1].returns.mean(1)
        better = value > highest
        highest = torch.where(better, value, highest)
        best = torch.where(better[:, None], candidate, best)
    return Queries(Episodes.join(played), torch.stack(parameters, dim=1))


def best_query(queries: Queries) -> Tensor:
    """Parameters of the highest return, (tasks, size); of two alike the earlier: where `climb` ends."""
    values = queries.values
    values = torch.where(torch.isfinite(values), values, -torch.inf)
    chosen = values.argmax(dim=1)
    return queries.parameters[torch.arange(len(chosen)), chosen]


def ascend(starts: Tensor, queries: Queries, scale: Tensor, step: float, *, normalise: bool = True) -> Tensor:
    """A step along the gradient that the queries' returns estimate (Song et al. 2020, algorithm 1).

    With all queries in pairs this is the antithetic estimate: their mean return cancels in it.

    Args:
        starts: (tasks, size) that was perturbed.
        queries: by `perturbed_pairs`.
        scale: (size,) standard deviation of every parameter's perturbation; zero where it stays.
        step: step size.
        normalise: divide returns by their standard deviation within the task.

    Returns:
        (tasks, size).
    """
    values = queries.values
    centred = values - values.mean(1, keepdim=True)
    if normalise:
        deviation = centred.square().mean(1, keepdim=True).sqrt()
        # Alike returns say nothing: no step.
        centred = torch.where(deviation > 0.0, centred / deviation, 0.0)
    moved = queries.parameters - starts[:, None]
    gradient = (centred[..., None] * moved).mean(1) / torch.where(scale > 0.0, scale.square(), 1.0)
    return starts + step * gradient

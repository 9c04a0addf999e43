"""Success of many policies on many tasks, as matrices."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.base.rollout import rollout
from metabot.policy import Policy
from metabot.problems import Problem

EPISODES_AT_ONCE = 512
"""Simulations of a batch: all batches are of this size, since compiling one takes longer than an episode."""
SCREENING = 4
"""Trials after which a pair that failed in half of them or more is tried no further."""


def cross_matrix(
    problem: Problem, policy: Policy, parameters: Tensor, tasks: np.ndarray, trials: int, rng: np.random.Generator
) -> np.ndarray:
    """Success of every policy on every task, with the mean action.

    Args:
        problem: where.
        policy: the network of all of them.
        parameters: (policies, policy.layout.size), such as those adapted to the tasks.
        tasks: (tasks, ...) rows of `Problem.sample`.
        trials: fresh episodes for each pair.
        rng: of starts and goals.

    Returns:
        (policies, tasks) shares of trials.
    """
    pairs = np.stack(np.meshgrid(np.arange(len(parameters)), np.arange(len(tasks)), indexing="ij"), -1).reshape(-1, 2)
    return _successes(problem, policy, parameters, tasks, pairs, trials, rng).reshape(len(parameters), len(tasks))


def screened_matrix(
    problem: Problem, policy: Policy, parameters: Tensor, tasks: np.ndarray, trials: int, rng: np.random.Generator
) -> np.ndarray:
    """As `cross_matrix`, but pairs that fail in half of the first `SCREENING` trials have no more of them.

    Who masters 90 % of a task's episodes is left out by that in 5 of 100 cases; what is left out would
    take most of the time.
    """
    if trials <= SCREENING:
        return cross_matrix(problem, policy, parameters, tasks, trials, rng)
    found = cross_matrix(problem, policy, parameters, tasks, SCREENING, rng)
    left = np.argwhere(found > 0.5)
    if len(left):
        more = _successes(problem, policy, parameters, tasks, left, trials - SCREENING, rng)
        found[left[:, 0], left[:, 1]] *= SCREENING / trials
        found[left[:, 0], left[:, 1]] += more * (trials - SCREENING) / trials
    return found


def _successes(
    problem: Problem,
    policy: Policy,
    parameters: Tensor,
    tasks: np.ndarray,
    pairs: np.ndarray,
    trials: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Share of trials of each pair (policy, task), (pairs,)."""
    # Few sizes of batches: each is compiled once, and kept.
    at_once = max(1, min(2 ** (len(pairs) - 1).bit_length(), EPISODES_AT_ONCE // trials))
    shares = []
    for start in range(0, len(pairs), at_once):
        part = pairs[start : start + at_once]
        # The last batch is filled up with pairs that do not count.
        filled = np.resize(part, (at_once, 2))
        rows = parameters[torch.from_numpy(filled[:, 0])]
        played = rollout(problem, policy, rows, tasks[filled[:, 1]], trials, rng, deterministic=True)
        shares.append(played.success.mean(1).numpy()[: len(part)])
    return np.concatenate(shares).astype(np.float64)

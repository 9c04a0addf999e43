"""The cover number of a problem, measured: candidates are trained and tried on every task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from metabot.base import PPO, policy_for
from metabot.base.imitators import ImitatorConfig, imitators
from metabot.harness.measure.adapted import adapted
from metabot.harness.measure.config import MeasureConfig, Told
from metabot.harness.measure.cover import MASTERY, Cover, greedy_cover
from metabot.harness.measure.successes import screened_matrix
from metabot.harness.measure.tasks import groups_of, standardised
from metabot.harness.measure.told import ToldConfig, told_policies
from metabot.harness.statistics import interquartile_means
from metabot.harness.training import Training
from metabot.policy import GaussianMLP
from metabot.problems import Problem

GROUPS = (1, 2, 4, 8, 16)
"""Policies are trained for groups of tasks that hide nearly the same, too: who knows less may master more."""
PPO_EPISODES = 400
"""Episodes in which a policy for a single task learns where there is no expert."""
IMITATION = ImitatorConfig(rounds=3, episodes=8, updates=150)
TOLD = ToldConfig()
"""Where fewer than `ENOUGH` of those master their own task one policy learns from many tasks, and is told which."""
ENOUGH = 0.95


def cover_once(
    problem: Problem, config: MeasureConfig, seed: int, trainings: Mapping[str, Training], told: Told
) -> dict[str, Any]:
    """One repetition, with tasks of its own.

    Args:
        problem: where.
        config: how much.
        seed: of tasks and everything that is drawn.
        trainings: trained methods by name.
        told: progress.

    Returns:
        ``mastered``: share of single tasks that the policy trained for them masters; ``candidates``: how many of
        each kind (single, groups, told, the methods'); ``covers``: a `Cover` by each, and by ``all`` of them;
        ``best``: the share of tasks that the best of all masters; ``env_steps`` spent on training.
    """
    rng = np.random.default_rng([seed, 20])
    tasks = problem.sample(rng, config.tasks, "test")
    what = f"{problem.name}: cover number, seed {seed}"
    policy = policy_for(problem)
    matrices: dict[str, np.ndarray] = {}
    if problem.has_expert:
        groups = _groups(problem, tasks, rng)
        rows, spent = imitators(
            problem,
            policy,
            [*tasks[:, None], *groups],
            rng,
            IMITATION,
            told=lambda done, success: told(what, 0.3 * done, "imitate"),
        )
        told(what, 0.3, "try single policies")
        matrices["single"] = screened_matrix(problem, policy, rows[: len(tasks)], tasks, config.trials, rng)
        told(what, 0.45, "try policies for groups")
        matrices["groups"] = screened_matrix(problem, policy, rows[len(tasks) :], tasks, config.trials, rng)
        if _mastered(matrices["single"]) < ENOUGH and problem.hidden(tasks) is not None:
            knowing, rows, steps = told_policies(
                problem, tasks, rng, TOLD, lambda done: told(what, 0.6 + 0.1 * done, "imitate, told")
            )
            spent += steps
            told(what, 0.7, "try policies that were told")
            matrices["told"] = screened_matrix(problem, knowing, rows, tasks, config.trials, rng)
    else:
        rows, spent = _by_reward(problem, policy, tasks, rng, lambda done: told(what, 0.6 * done, "PPO"))
        matrices["single"] = screened_matrix(problem, policy, rows, tasks, config.trials, rng)
    for number, (method, training) in enumerate(trainings.items()):
        told(what, 0.8 + 0.2 * number / len(trainings), f"try policies that {method} adapted")
        learner = training.learner
        rows = adapted(learner, training.meta, problem, tasks, config.episodes, rng)
        matrices[method] = screened_matrix(problem, learner.policy, rows, tasks, config.trials, rng)
    every = np.concatenate(list(matrices.values()))
    return {
        "seed": seed,
        "mastered": max(_mastered(matrices[name]) for name in ("single", "told") if name in matrices),
        "candidates": {name: len(matrix) for name, matrix in matrices.items()},
        "covers": {name: asdict(greedy_cover(matrix)) for name, matrix in {**matrices, "all": every}.items()},
        "best": float((every >= MASTERY - 1e-9).mean(1).max()),
        "env_steps": spent,
    }


def _mastered(matrix: np.ndarray) -> float:
    """Share of tasks that the policy trained for each masters."""
    return float((np.diag(matrix) >= MASTERY - 1e-9).mean())


def _groups(problem: Problem, tasks: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Groups of near tasks, of every size in `GROUPS`."""
    points, found = standardised(problem, tasks), []
    for count in (each for each in GROUPS if each < len(tasks)):
        member = groups_of(points, count, rng)
        found += [tasks[member == group] for group in range(count) if (member == group).any()]
    return found


def _by_reward(
    problem: Problem, policy: GaussianMLP, tasks: np.ndarray, rng: np.random.Generator, told: Any
) -> tuple[torch.Tensor, int]:
    learner = PPO(policy)
    start = torch.from_numpy(learner.initial(rng)).expand(len(tasks), -1)
    rows = learner.learn(
        problem, tasks, start, PPO_EPISODES, rng, lambda done, success: told(min(1.0, done / PPO_EPISODES))
    )
    return rows, len(tasks) * PPO_EPISODES * problem.horizon


def covered(once: list[dict[str, Any]]) -> dict[str, Any]:
    """Repetitions put together.

    Returns:
        ``number``: interquartile mean, interval and mean over the seeds of the cover number over all
        candidates; ``at_least``: whether in any of them more may be needed; ``bits``: its logarithm;
        ``mastered``, ``best``: means; ``seeds``: the repetitions.
    """
    covers = [Cover(**{**each["covers"]["all"], "chosen": tuple(each["covers"]["all"]["chosen"])}) for each in once]
    (number,) = interquartile_means(np.array([[[float(cover.number)]] for cover in covers]))
    return {
        "number": asdict(number),
        "at_least": any(cover.bound for cover in covers),
        "reached": all(cover.reached for cover in covers),
        "bits": float(np.mean([cover.bits for cover in covers])),
        "mastered": float(np.mean([each["mastered"] for each in once])),
        "best": float(np.mean([each["best"] for each in once])),
        "seeds": once,
    }

"""One task, before and after a trained method has adapted to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from metabot.base import rollout
from metabot.harness.training import Training
from metabot.meta import trial_rng
from metabot.problems import Problem


@dataclass(frozen=True)
class Adaptation:
    """What adaptation brought; figures are means over fresh trials with the mean action.

    Attributes:
        parameters: (policy.layout.size,) adapted.
        success_before: share of trials mastered without adaptation.
        success_after: the same with it.
        return_before: undiscounted return without adaptation.
        return_after: the same with it.
    """

    parameters: np.ndarray
    success_before: float
    success_after: float
    return_before: float
    return_after: float


def adapted(training: Training, problem: Problem, task: np.ndarray, episodes: int, seed: int) -> Tensor:
    """Parameters of a robot after adaptation episodes, (policy.layout.size,); of one without any for 0.

    Args:
        training: whose method adapts.
        problem: where.
        task: one row of `Problem.sample`.
        episodes: adaptation episodes.
        seed: of those.
    """
    learner, meta = training.learner, training.meta
    if not episodes:
        return learner.start(meta)
    experience = learner.gather(meta, problem, task[None], episodes, np.random.default_rng([seed, 1]))
    return learner.adapt(meta, experience).detach()[0]


def adapt_to(
    training: Training,
    task: np.ndarray,
    *,
    episodes: int,
    trials: int,
    seed: int = 0,
    problem: Problem | None = None,
) -> Adaptation:
    """Adapt to one task and measure what that brings.

    Args:
        training: whose method adapts.
        task: one row of `Problem.sample`.
        episodes: adaptation episodes.
        trials: fresh trials for each figure.
        seed: of episodes and trials.
        problem: where; the training's by default.
    """
    problem, policy = problem or training.problem, training.learner.policy

    def tested(parameters: Tensor) -> tuple[float, float]:
        played = rollout(problem, policy, parameters[None], task[None], trials, trial_rng(seed), deterministic=True)
        return float(played.success.mean()), float(played.returns.mean())

    before = tested(adapted(training, problem, task, 0, seed))
    parameters = adapted(training, problem, task, episodes, seed)
    after = tested(parameters)
    return Adaptation(parameters.numpy(), before[0], after[0], before[1], after[1])

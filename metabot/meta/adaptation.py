"""One task, before and after a method has adapted to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from metabot.base.rollout import rollout
from metabot.meta.learner import MetaLearner
from metabot.problems import Problem

Progress = Callable[[str, float, float], None]
"""Called with a stage, the share done (0..1) and the newest success rate (0..1)."""


@dataclass(frozen=True)
class Adapted:
    """What adaptation brought; figures are means over fresh trials with the mean action.

    Attributes:
        parameters: (policy.layout.size,) adapted.
        success_before: share of trials mastered without adaptation.
        success_after: the same with it.
        return_before: undiscounted return without adaptation.
        return_after: the same with it.
        episodes: that it adapted on.
        trials: for each figure.
    """

    parameters: np.ndarray
    success_before: float
    success_after: float
    return_before: float
    return_after: float
    episodes: int
    trials: int


def adapted(
    learner: MetaLearner, meta: Tensor, problem: Problem, task: np.ndarray, episodes: int, seed: int = 0
) -> Tensor:
    """Parameters of a robot after adaptation episodes, (policy.layout.size,); of one without any for 0.

    Args:
        learner: the method.
        meta: (layout.size,) its meta-parameters.
        problem: where.
        task: one row of `Problem.sample`.
        episodes: adaptation episodes.
        seed: of those.
    """
    if not episodes:
        return learner.start(meta).detach()
    experience = learner.gather(meta, problem, task[None], episodes, np.random.default_rng([seed, 1]))
    return learner.adapt(meta, experience).detach()[0]


def adapt_to(
    learner: MetaLearner,
    meta: Tensor,
    problem: Problem,
    task: np.ndarray,
    *,
    episodes: int,
    trials: int,
    seed: int = 0,
    progress: Progress = lambda stage, fraction, success: None,
) -> Adapted:
    """Adapt to one task and measure what that brings.

    Args:
        learner: the method.
        meta: (layout.size,) its meta-parameters.
        problem: where.
        task: what is hidden, one row of `Problem.sample`; only the simulator reads it.
        episodes: adaptation episodes.
        trials: fresh trials for each figure.
        seed: of episodes and trials.
        progress: called between the stages; may raise to cancel.
    """

    def tested(parameters: Tensor) -> tuple[float, float]:
        played = rollout(
            problem, learner.policy, parameters[None], task[None], trials, trial_rng(seed), deterministic=True
        )
        return float(played.success.mean()), float(played.returns.mean())

    progress("testing", 0.0, 0.0)
    before = tested(adapted(learner, meta, problem, task, 0))
    progress("adapting", 0.3, before[0])
    parameters = adapted(learner, meta, problem, task, episodes, seed)
    progress("testing", 0.7, before[0])
    after = tested(parameters)
    progress("done", 1.0, after[0])
    return Adapted(parameters.numpy(), before[0], after[0], before[1], after[1], episodes, trials)


def trial_rng(seed: int) -> np.random.Generator:
    """The random numbers of test trials: the same goals for every method that is compared."""
    return np.random.default_rng([seed, 2])

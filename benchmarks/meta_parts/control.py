"""Training on a control problem, and the return after each further gradient step: what papers report."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from metabot.base import rollout
from metabot.base.ppo import PPO, PPOConfig
from metabot.meta.gradient import GradientMetaLearner
from metabot.meta.learner import MetaLearner
from metabot.policy import GaussianMLP
from metabot.problems import Problem

LATER_STEPS = 0.5
"""Factor on the step size of all gradient steps but the first in the test (Finn et al. 2017, appendix A.2)."""


class Protocol(NamedTuple):
    """How much is trained and tested.

    Attributes:
        updates: of training.
        tasks: tasks of an update.
        episodes: episodes of each task for a gradient step, in training.
        test_tasks: tasks of the test, others for every seed, the same for all methods.
        test_episodes: episodes of each task for a gradient step and for a figure, in the test.
        steps: gradient steps of the test.
    """

    updates: int
    tasks: int
    episodes: int
    test_tasks: int
    test_episodes: int
    steps: int


def train(learner: MetaLearner, problem: Problem, protocol: Protocol, seed: int) -> Tensor:
    """Meta-parameters after all updates."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 0])
    meta = torch.from_numpy(learner.initial(rng))
    for _ in range(protocol.updates):
        tasks = problem.sample(rng, protocol.tasks)
        meta, _ = learner.update(meta, learner.collect(meta, problem, tasks, protocol.episodes, rng))
    return meta


def returns_after_steps(
    learner: GradientMetaLearner, meta: Tensor, problem: Problem, protocol: Protocol, seed: int
) -> list[float]:
    """Mean return of the exploring policy before any, and after each gradient step."""
    rng = np.random.default_rng([seed, 1])
    tasks = problem.sample(rng, protocol.test_tasks, "test")
    parameters = learner.start(meta).expand(len(tasks), -1)
    found = []
    for step in range(protocol.steps + 1):
        played = rollout(problem, learner.policy, parameters, tasks, protocol.test_episodes, rng)
        found.append(float(played.returns.mean()))
        if step < protocol.steps:
            shortened = 1.0 if step == 0 else LATER_STEPS
            parameters = learner.adapt_further(meta, parameters, played, shortened=shortened).detach()
    return found


def fine_tuned_returns(
    policy: GaussianMLP, start: Tensor, problem: Problem, protocol: Protocol, tuning: PPOConfig, seed: int
) -> list[float]:
    """The same of a policy that is fine-tuned by PPO, some epochs for each gradient step."""
    rng = np.random.default_rng([seed, 1])
    tasks = problem.sample(rng, protocol.test_tasks, "test")
    parameters = start.expand(len(tasks), -1)
    found = []
    for step in range(protocol.steps + 1):
        played = rollout(problem, policy, parameters, tasks, protocol.test_episodes, rng)
        found.append(float(played.returns.mean()))
        if step < protocol.steps:
            parameters = PPO(policy, tuning).improve(parameters, played)
    return found

"""What a meta-learner has to beat: one policy trained on all tasks, as it is and fine-tuned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base import policy_for, rollout, success_rate
from metabot.base.ppo import PPO, PPOConfig
from metabot.base.pretrain import pretrain
from metabot.experience import Episodes
from metabot.meta import trial_rng
from metabot.policy import GaussianMLP
from metabot.problems import Problem

STEPS = (1e-3, 3e-3, 1e-2, 3e-2)
EPOCHS = (1, 10, 30)
VALIDATION_TASKS = 12
VALIDATION_TRIALS = 16


@dataclass(frozen=True)
class Pretrained:
    """A policy pre-trained on all tasks, and the best way found to fine-tune it.

    Attributes:
        policy: the network.
        parameters: (policy.layout.size,).
        env_steps: control steps spent on it.
        tuning: how it is fine-tuned.
    """

    policy: GaussianMLP
    parameters: np.ndarray
    env_steps: int
    tuning: PPOConfig

    def start(self, tasks: int) -> Tensor:
        """(tasks, policy.layout.size) the same for every task."""
        return torch.from_numpy(self.parameters).expand(tasks, -1)

    def tuned(self, experience: Episodes) -> Tensor:
        """(tasks, policy.layout.size) fine-tuned on the episodes that `start` collected."""
        return PPO(self.policy, self.tuning).improve(self.start(len(experience.rewards)), experience)


def train_pretrained(
    problem: Problem,
    env_steps: int,
    episodes: int,
    seed: int,
    progress: Callable[[float, float], None],
    *,
    validation: tuple[int, int] = (VALIDATION_TASKS, VALIDATION_TRIALS),
) -> Pretrained:
    """Pre-train on a budget of control steps, then choose how to fine-tune.

    Step size and number of steps are chosen on validation tasks, so that fine-tuning is compared
    at its best: by success where tasks can be mastered, by return elsewhere.

    Args:
        problem: where to train.
        env_steps: the budget.
        episodes: adaptation episodes that fine-tuning will have.
        seed: of everything.
        progress: called with the share done and the newest success rate.
        validation: tasks, and trials of each, that the choice is made on.
    """
    policy = policy_for(problem)
    parameters, spent = pretrain(problem, policy, env_steps, seed, progress=progress)
    rng = np.random.default_rng([seed, 4])
    tasks = problem.sample(rng, validation[0], "validation")
    choices = [PPOConfig(step=step, epochs=epochs) for step in STEPS for epochs in EPOCHS]
    candidates = [Pretrained(policy, parameters, spent, choice) for choice in choices]
    experience = rollout(problem, policy, candidates[0].start(validation[0]), tasks, episodes, rng)

    def score(candidate: Pretrained) -> float:
        trials = rollout(
            problem,
            policy,
            candidate.tuned(experience),
            tasks,
            validation[1],
            np.random.default_rng([seed, 5]),
            deterministic=True,
        )
        return float((trials.success if problem.has_success else trials.returns).mean())

    return max(candidates, key=score)


def measure(
    problem: Problem, baseline: Pretrained, task: np.ndarray, episodes: int, trials: int, seed: int
) -> tuple[float, float]:
    """Success of the pre-trained policy on one task, as it is and after fine-tuning.

    Args:
        problem: where to measure.
        baseline: what to measure.
        task: one row of `Problem.sample`.
        episodes: adaptation episodes.
        trials: fresh trials, with the same goals as the meta-learned policy had.
        seed: the seed the meta-learned policy was tested with.
    """
    policy, row = baseline.policy, task[None]
    as_is = float(success_rate(problem, policy, baseline.start(1), row, trials, trial_rng(seed)))
    experience = rollout(problem, policy, baseline.start(1), row, episodes, np.random.default_rng([seed, 1]))
    return as_is, float(success_rate(problem, policy, baseline.tuned(experience), row, trials, trial_rng(seed)))

"""The baselines of a run, on the budget the fleet spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from metabot.base import drive_policy, rollout, success_rate
from metabot.base.pretrain import fine_tune, pretrain
from metabot.meta import trial_rng
from metabot.problems.drive import DriveTwin

STEPS = (1e-3, 3e-3, 1e-2, 3e-2)
EPOCHS = (1, 10, 30)
VALIDATION_TASKS = 12
VALIDATION_TRIALS = 16


@dataclass(frozen=True)
class Baselines:
    """A policy pre-trained on all tasks, and the best way found to fine-tune it."""

    parameters: np.ndarray
    env_steps: int
    step: float
    epochs: int


def train_baselines(
    twin: DriveTwin, env_steps: int, episodes: int, seed: int, progress: Callable[[float, float], None]
) -> Baselines:
    """Pre-train on as many control steps as the fleet spent, then choose how to fine-tune.

    Step size and number of steps are chosen on validation tasks of the training
    distribution, so that fine-tuning is compared at its best.

    Args:
        twin: where to train.
        env_steps: the fleet's budget.
        episodes: adaptation episodes that fine-tuning will have.
        seed: of everything.
        progress: called with the share done and the newest success rate.
    """
    policy = drive_policy()
    parameters, spent = pretrain(twin, policy, env_steps, seed, progress=progress)
    start = torch.from_numpy(parameters)
    rng = np.random.default_rng([seed, 4])
    dynamics = twin.sample(rng, VALIDATION_TASKS)
    experience = rollout(twin, policy, start.expand(VALIDATION_TASKS, -1), dynamics, episodes, rng)
    scores = {
        (step, epochs): float(
            success_rate(
                twin,
                policy,
                fine_tune(policy, start, experience, step=step, epochs=epochs),
                dynamics,
                VALIDATION_TRIALS,
                np.random.default_rng([seed, 5]),
            ).mean()
        )
        for step in STEPS
        for epochs in EPOCHS
    }
    step, epochs = max(scores, key=lambda choice: scores[choice])
    return Baselines(parameters, spent, step, epochs)


def measure(
    twin: DriveTwin, baselines: Baselines, dynamics: np.ndarray, episodes: int, trials: int, seed: int
) -> tuple[float, float]:
    """Success of the pre-trained policy on one robot, as it is and after fine-tuning.

    Args:
        twin: where to measure.
        baselines: what to measure.
        dynamics: (3,) the robot's hidden dynamics.
        episodes: adaptation episodes.
        trials: fresh trials, with the same goals as the meta-learned policy had.
        seed: the seed the meta-learned policy was tested with.
    """
    policy = drive_policy()
    start, row = torch.from_numpy(baselines.parameters), dynamics[None]
    as_is = float(success_rate(twin, policy, start[None], row, trials, trial_rng(seed)))
    experience = rollout(twin, policy, start[None], row, episodes, np.random.default_rng([seed, 1]))
    tuned = fine_tune(policy, start, experience, step=baselines.step, epochs=baselines.epochs)
    return as_is, float(success_rate(twin, policy, tuned, row, trials, trial_rng(seed)))

"""Policies that a trained method has adapted, one for each of many tasks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from metabot.harness.measure.config import MeasureConfig, Told
from metabot.harness.training import Training
from metabot.meta.learner import MetaLearner
from metabot.problems import Problem


def adapted(
    learner: MetaLearner, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
) -> Tensor:
    """A row of parameters for each task, (tasks, learner.policy.layout.size).

    Args:
        learner: the method.
        meta: (learner.layout.size,) its meta-parameters.
        problem: where.
        tasks: (tasks, ...) rows of `Problem.sample`.
        episodes: adaptation episodes of each; 0 gives the start.
        rng: of those.
    """
    if not episodes:
        return learner.start(meta).expand(len(tasks), -1).detach()
    experience = learner.gather(meta, problem, tasks, episodes, rng)
    with torch.no_grad():
        return learner.adapt(meta, experience).detach()


def trained(
    method: str,
    name: str,
    config: MeasureConfig,
    folder: Path | None,
    threads: int,
    told: Told,
    *,
    settings: Mapping[str, object] | None = None,
) -> Training:
    """A method trained on a problem with the measure's budget; one that is kept in the folder is gone on with.

    Args:
        method: which.
        name: of the problem.
        config: its budget.
        folder: where trainings are kept.
        threads: simulation threads.
        told: progress.
        settings: of the method, where they are not those of the measure.

    Raises:
        ValueError: if method and problem do not go together; one line.
    """
    kind = method if settings is None else f"{method}-within-an-episode"
    training_config = config.training(method, name, settings)
    as_on_the_board = settings is None and config.board_recipes
    part = f"{kind}-{training_config.env_steps}{'-board' * as_on_the_board}"
    where = None if folder is None else folder / part
    training = Training(training_config, where, threads)
    training.run(
        lambda update: told(
            f"{name}: train {method}",
            min(1.0, update.env_steps / training_config.env_steps),
            f"{update.metrics['success_after']:.0%} after adaptation",
        )
    )
    return training

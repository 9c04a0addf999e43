"""Sine regression from 5 points: the mean squared error after 1, 5 and 10 gradient steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.meta_parts.rows import Row, in_workers, seeded_row
from metabot.meta import META_LEARNERS, MetaBatch
from metabot.meta.gradient import GradientMetaLearner
from metabot.meta.inner_loop import inner_loop
from metabot.meta.objective import RegressionObjective
from metabot.policy import MLP
from metabot.problems.sine import SineRegression

STEPS = (1, 5, 10)
PUBLISHED = {"maml": (0.67, 0.38, 0.35), "pre-training": (2.41, 2.23, 2.19)}
"""Finn et al. 2017, appendix (5-shot sinusoid); no other method's paper gives these three."""
INNER_STEP = 0.01
FINE_TUNING_STEPS = (0.001, 0.003, 0.01, 0.02, 0.05, 0.1)
"""From which pre-training takes what is best on validation tasks."""
SETTINGS: dict[str, dict[str, object]] = {
    "maml": {},
    "fomaml": {},
    "meta-sgd": {},
    "anil": {"inner_steps": 5},
    "reptile": {"inner_step": 0.02, "inner_steps": 5, "approach": 0.3, "compile": False},
}
"""Where a method differs from `_learner`."""
OTHERS_SEEDS = 3
"""Seeds at most, where there is no published figure to compare with."""
LONG = ("anil", "reptile")
"""Methods whose meta-steps hold many inner steps: they make `Sizes.long_iterations` of them."""
DIVERGED_MSE = 50.0
"""Error from which a task counts as diverged: four times that of a zero on the widest sine."""


class Found(NamedTuple):
    """What gradient steps lead to.

    Attributes:
        error: mean squared error of the tasks that did not diverge.
        diverged: share of those that did.
    """

    error: float
    diverged: float


class Sizes(NamedTuple):
    """How much is trained and tested.

    Attributes:
        iterations: meta-steps of training.
        long_iterations: the same for methods in `LONG`.
        tasks: tasks of a meta-step.
        train_shots: points to adapt from in training.
        shots: points to adapt from in the test.
        queries: points that the outer loss is taken on.
        test_tasks: tasks of the test, others for every seed, the same for all methods.
        test_points: points of each that the error is taken on.
        compile: whether meta-steps are compiled.
    """

    iterations: int = 70_000
    long_iterations: int = 20_000
    tasks: int = 25
    train_shots: int = 10
    shots: int = 5
    queries: int = 10
    test_tasks: int = 1000
    test_points: int = 100
    compile: bool = True


QUICK = Sizes(iterations=200, long_iterations=100, test_tasks=50, compile=False)


def run(sizes: Sizes, seeds: int, workers: int) -> list[Row]:
    """Rows of every method and of pre-training."""
    counts = {
        method: seeds if method in PUBLISHED else min(seeds, OTHERS_SEEDS) for method in (*SETTINGS, "pre-training")
    }
    cases = [(method, seed) for method, count in counts.items() for seed in range(count)]
    found = dict(zip(cases, in_workers(errors, [(*case, sizes) for case in cases], workers), strict=True))
    rows = []
    for method, count in counts.items():
        for index, steps in enumerate(STEPS):
            values, lost = zip(*(found[method, seed][index] for seed in range(count)), strict=True)
            peer = PUBLISHED[method][index] if method in PUBLISHED else None
            case = f"sine, {sizes.shots} points, {method}"
            rows.append(seeded_row(f"{case}: error after {steps}", values, "MSE", peer))
            if any(lost):
                rows.append(seeded_row(f"{case}: tasks that diverged after {steps}", [100 * x for x in lost], "%"))
    return rows


def errors(method: str, seed: int, sizes: Sizes) -> list[Found]:
    """Train with one seed, and test: what is found after each of `STEPS`."""
    if method == "pre-training":
        return _pretrained(seed, sizes)
    learner = _learner(method, sizes)
    meta = _train(learner, seed, sizes)
    assert isinstance(learner.objective, RegressionObjective)
    return _errors(learner.objective, learner.start(meta), learner.step_sizes(meta), sizes, [seed, 1])


def _learner(method: str, sizes: Sizes) -> GradientMetaLearner:
    kind = META_LEARNERS[method]
    assert issubclass(kind, GradientMetaLearner)
    settings = {
        "inner_step": INNER_STEP,
        "outer_step": 1e-3,
        "outer_epochs": 1,
        "max_gradient_norm": 10.0,
        "compile": sizes.compile,
        **SETTINGS[method],
    }
    return kind(RegressionObjective(MLP((1, 40, 40, 1), "relu")), kind.Config(**settings))


def _train(learner: GradientMetaLearner, seed: int, sizes: Sizes) -> Tensor:
    problem, rng = SineRegression(), np.random.default_rng([seed, 0])
    meta = torch.from_numpy(learner.initial(rng))
    for _ in range(sizes.long_iterations if learner.name in LONG else sizes.iterations):
        tasks = problem.sample(rng, sizes.tasks)
        batch = MetaBatch(problem.draw(tasks, sizes.train_shots, rng), problem.draw(tasks, sizes.queries, rng))
        meta, _ = learner.update(meta, batch)
    return meta


def _errors(
    objective: RegressionObjective, start: Tensor, step_sizes: Tensor, sizes: Sizes, seed: list[int]
) -> list[Found]:
    """What is found on fresh tasks, the same ones for the same seed."""
    problem, rng = SineRegression(), np.random.default_rng(seed)
    tasks = problem.sample(rng, sizes.test_tasks)
    support = objective.data(problem.draw(tasks, sizes.shots, rng))
    query = objective.data(problem.draw(tasks, sizes.test_points, rng))
    found = []
    with torch.no_grad():
        for steps in STEPS:
            adapted = inner_loop(objective.inner, start, step_sizes, support, steps=steps, vectorised=True)
            each = objective.outer(adapted, *query)
            kept = each < DIVERGED_MSE
            found.append(Found(float(each[kept].mean()), 1.0 - float(kept.float().mean())))
    return found


def _pretrained(seed: int, sizes: Sizes) -> list[Found]:
    """One network for the points of all tasks, then gradient steps of the size that validation likes best."""
    objective = RegressionObjective(MLP((1, 40, 40, 1), "relu"))
    problem, rng = SineRegression(), np.random.default_rng([seed, 0])
    parameters = torch.from_numpy(objective.initial(rng)).requires_grad_(True)
    adam = torch.optim.Adam([parameters], lr=1e-3, fused=True)
    for _ in range(sizes.iterations):
        adam.zero_grad()
        points = objective.data(problem.draw(problem.sample(rng, sizes.tasks), sizes.train_shots + sizes.queries, rng))
        objective.outer(parameters.expand(sizes.tasks, -1), *points).mean().backward()
        adam.step()
    start = parameters.detach()

    def score(size: float) -> tuple[float, float]:
        last = _errors(objective, start, torch.tensor(size), sizes, [seed, 2])[-1]
        return last.diverged, last.error

    best = min(FINE_TUNING_STEPS, key=score)
    return _errors(objective, start, torch.tensor(best), sizes, [seed, 1])

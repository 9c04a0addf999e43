"""What tests of several meta-learners ask of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from metabot.base import success_rate
from metabot.experience import Episodes, Transitions
from metabot.meta import MetaBatch, MetaLearner
from metabot.meta.prediction import Prediction
from metabot.problems import Problem


@pytest.fixture(scope="session")
def trained_success() -> Callable[[MetaLearner, Problem, int], tuple[float, float]]:
    """Success on new tasks at the start and after one adaptation episode, after so many updates of 16 tasks."""

    def measure(learner: MetaLearner, problem: Problem, updates: int) -> tuple[float, float]:
        meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
        for number in range(updates):
            rng = np.random.default_rng([1, number])
            meta, _ = learner.update(meta, learner.collect(meta, problem, problem.sample(rng, 16), 4, rng))
        rng = np.random.default_rng(9)
        tasks = problem.sample(rng, 64, "test")
        adapted = learner.adapt(meta, learner.gather(meta, problem, tasks, 1, rng))
        start = learner.start(meta).expand(len(tasks), -1)
        before, after = (
            float(success_rate(problem, learner.policy, rows, tasks, 4, np.random.default_rng(3)).mean())
            for rows in (start, adapted)
        )
        return before, after

    return measure


Loss = Callable[[torch.Tensor], torch.Tensor]


@pytest.fixture(scope="session")
def matches_differences() -> Callable[[Loss, torch.Tensor, torch.Tensor, range], None]:
    """Thirty entries of a gradient at a point, among those of a range, held against central differences."""

    def check(loss: Loss, gradient: torch.Tensor, at: torch.Tensor, among: range) -> None:
        for index in np.random.default_rng(1).choice(np.arange(among.start, among.stop), 30, replace=False):
            shift = torch.zeros_like(at)
            shift[index] = 1e-6
            numeric = float(loss(at + shift) - loss(at - shift)) / 2e-6
            assert numeric == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-6)

    return check


@pytest.fixture(scope="session")
def checked_gradient(
    matches_differences: Callable[[Loss, torch.Tensor, torch.Tensor, range], None],
) -> Callable[[Prediction, torch.Tensor, MetaBatch], dict[str, torch.Tensor]]:
    """The gradient of all losses by name, held against finite differences; imitation moves the policy alone."""

    def in_double(episodes: Episodes) -> Transitions:
        return Transitions(**{name: value.double() for name, value in Transitions.of(episodes).arrays().items()})

    def check(learner: Prediction, meta: torch.Tensor, batch: MetaBatch) -> dict[str, torch.Tensor]:
        meta, steps, queried = meta.double(), in_double(batch.support), in_double(batch.query)
        advice = torch.randn(*queried.action.shape, generator=torch.Generator().manual_seed(0)).double()

        def losses(vector: torch.Tensor) -> torch.Tensor:
            return learner.losses(vector, steps, queried, queried.observation, advice).sum()

        def errors(vector: torch.Tensor) -> torch.Tensor:
            return learner.predicted(vector, steps, queried)[1].sum()

        variable = meta.clone().requires_grad_(True)
        (whole,) = torch.autograd.grad(losses(variable), variable)
        (alone,) = torch.autograd.grad(errors(variable), variable)
        policy = learner.policy.layout.size - learner.policy.latent_size
        assert torch.equal(whole[policy:], alone[policy:]) and (alone[:policy] == 0.0).all()
        views = learner.layout.view(whole)
        assert (views["dynamics/scale"] == 0.0).all()
        followed = len(meta) - learner.policy.observation_size
        matches_differences(losses, whole, meta, range(policy))
        matches_differences(errors, alone, meta, range(policy, followed))
        return views

    return check

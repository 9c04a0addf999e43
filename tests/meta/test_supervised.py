"""Gradient-based methods as supervised learners: the sine task, gradients, and that adapting pays."""

from __future__ import annotations

import weakref

import numpy as np
import pytest
import torch

from metabot.experience import Samples
from metabot.meta import META_LEARNERS, MetaBatch
from metabot.meta.anil import ANIL
from metabot.meta.gradient import GradientMetaLearner
from metabot.meta.inner_loop import inner_loop
from metabot.meta.maml import MAML, MAMLConfig
from metabot.meta.meta_sgd import MetaSGD
from metabot.meta.objective import RegressionObjective
from metabot.policy import MLP
from metabot.problems.sine import SineRegression


def learner_of(method: type[GradientMetaLearner], network: MLP, **settings: object) -> GradientMetaLearner:
    return method(RegressionObjective(network), method.Config(**settings))


def small_batch(tasks: int = 3, points: int = 4) -> MetaBatch:
    problem, rng = SineRegression(), np.random.default_rng(0)
    drawn = problem.sample(rng, tasks)
    return MetaBatch(problem.draw(drawn, points, rng), problem.draw(drawn, points, rng))


def test_the_sine_task_has_the_published_ranges() -> None:
    problem, rng = SineRegression(), np.random.default_rng(0)
    tasks = problem.sample(rng, 4000)
    amplitude, phase = tasks.T
    assert 0.1 <= amplitude.min() < 0.12 and 4.98 < amplitude.max() <= 5.0
    assert 0.0 <= phase.min() < 0.01 and np.pi - 0.01 < phase.max() <= np.pi
    samples = problem.draw(tasks, 10, rng)
    assert samples.inputs.shape == samples.targets.shape == (4000, 10, 1)
    assert samples.inputs.dtype == samples.targets.dtype == torch.float32
    assert -5.0 <= samples.inputs.min() < -4.99 and 4.99 < samples.inputs.max() <= 5.0
    at_phase = problem.draw(tasks[:1], 1000, rng)
    x, y = at_phase.inputs[0, :, 0].numpy(), at_phase.targets[0, :, 0].numpy()
    assert np.allclose(y, amplitude[0] * np.sin(x - phase[0]), atol=1e-5)


def test_tasks_at_once_give_the_losses_of_each() -> None:
    objective = RegressionObjective(MLP((1, 6, 1), "relu"))
    data = objective.data(small_batch().support)
    parameters = torch.from_numpy(np.stack([objective.initial(np.random.default_rng(seed)) for seed in range(3)]))
    together = objective.inner(parameters, *data)
    for task in range(3):
        assert float(together[task]) == pytest.approx(
            float(objective.inner(parameters[task], *(d[task] for d in data)))
        )


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("method", [MAML, MetaSGD, ANIL])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_meta_gradient_of_a_regression_matches_finite_differences(
    float64: None, method: type[GradientMetaLearner], steps: int
) -> None:
    # tanh: a difference over a kink of relu would be none of a derivative.
    learner = learner_of(method, MLP((1, 5, 5, 1), "tanh"), inner_step=0.05, inner_steps=steps)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0))).double()
    batch = small_batch()
    support, query = ((part.inputs.double(), part.targets.double()) for part in (batch.support, batch.query))
    variable = meta.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(learner.losses(variable, support, query).mean(), variable)
    assert gradient.norm() > 0.1
    for index in range(0, meta.numel(), 3):
        shift = torch.zeros_like(meta)
        shift[index] = 1e-6
        above, below = (learner.losses(meta + sign * shift, support, query).mean() for sign in (1, -1))
        assert float(above - below) / 2e-6 == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-6)


def test_a_compiled_update_is_the_plain_one() -> None:
    batch, vectors = small_batch(), []
    for compiled in (False, True):
        learner = learner_of(MAML, MLP((1, 6, 1), "relu"), inner_step=0.01, outer_epochs=2, compile=compiled)
        meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
        meta, metrics = learner.update(meta, batch)
        vectors.append(meta)
        assert metrics["dropped_tasks"] == 0
        broken = Samples(batch.query.inputs, batch.query.targets.clone())
        broken.targets[1] = float("nan")
        after, metrics = learner.update(meta, MetaBatch(batch.support, broken))
        assert metrics["dropped_tasks"] == 1
        assert torch.isfinite(after).all() and not torch.equal(after, meta)
    assert torch.allclose(*vectors, atol=1e-5)


def test_what_cannot_be_compiled_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="rematerialise: True cannot be compiled"):
        MAMLConfig(compile=True, rematerialise=True)


class Saved:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


def test_rematerialised_memory_grows_by_the_parameters_alone() -> None:
    """What autograd keeps for the backward pass, per inner step."""
    objective = RegressionObjective(MLP((1, 8, 8, 1), "relu"))
    problem, rng = SineRegression(), np.random.default_rng(0)
    data = objective.data(problem.draw(problem.sample(rng, 4), 64, rng))
    start = torch.from_numpy(objective.initial(rng)).requires_grad_(True)

    def kept(steps: int, again: bool) -> int:
        saved: weakref.WeakSet[Saved] = weakref.WeakSet()

        def save(tensor: torch.Tensor) -> Saved:
            saved.add(held := Saved(tensor))
            return held

        with torch.autograd.graph.saved_tensors_hooks(save, lambda held: held.tensor):
            adapted = inner_loop(
                objective.inner, start, torch.tensor(0.01), data, steps=steps, rematerialise=again, vectorised=True
            )
        assert adapted.requires_grad
        storages = [held.tensor.untyped_storage() for held in saved]
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())

    parameters = 4 * objective.layout.size * 4
    growth = (kept(12, True) - kept(4, True)) / 8
    assert growth == parameters
    assert (kept(12, False) - kept(4, False)) / 8 > 5 * parameters


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("maml", {}),
        ("fomaml", {}),
        ("meta-sgd", {}),
        ("anil", {"inner_step": 0.1}),
        ("reptile", {"inner_step": 0.02, "inner_steps": 8, "approach": 0.3}),
    ],
)
def test_a_few_steps_beat_no_adaptation_after_a_short_training(method: str, settings: dict[str, object]) -> None:
    kind = META_LEARNERS[method]
    defaults: dict[str, object] = {"inner_step": 0.01, "outer_step": 3e-3, "outer_epochs": 1, "max_gradient_norm": 10.0}
    learner = learner_of(kind, MLP((1, 40, 40, 1), "relu"), **(defaults | settings))
    problem, rng = SineRegression(), np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    for _ in range(600):
        tasks = problem.sample(rng, 10)
        meta, _ = learner.update(meta, MetaBatch(problem.draw(tasks, 10, rng), problem.draw(tasks, 10, rng)))
    tasks = problem.sample(rng, 200)
    support, query = problem.draw(tasks, 10, rng), learner.objective.data(problem.draw(tasks, 100, rng))
    before = learner.objective.outer(learner.start(meta).expand(200, -1), *query).mean()
    after = learner.objective.outer(learner.adapt(meta, support, steps=5), *query).mean()
    assert after < 0.5 * before, (float(before), float(after))

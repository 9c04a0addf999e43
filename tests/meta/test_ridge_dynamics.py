"""A context solved for in closed form: what it equals, its gradient, what it leaves out, and that it pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from metabot.experience import Transitions
from metabot.meta import MetaBatch, MetaLearner, make_meta_learner
from metabot.meta.prediction import Prediction
from metabot.meta.ridge_dynamics import RidgeDynamics
from metabot.meta.ridge_model import RidgeModel
from metabot.problems import Problem
from metabot.problems.reach import PointReach


def learner_of(**settings: object) -> RidgeDynamics:
    small = {"hidden": "8", "model_hidden": "8", "features": 2, "digest_size": 3}
    learner = make_meta_learner("ridge-dynamics", PointReach(), **{**small, **settings})
    assert isinstance(learner, RidgeDynamics)
    return learner


def moved(learner: RidgeDynamics) -> torch.Tensor:
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    return meta + 0.05 * torch.from_numpy(rng.standard_normal(len(meta), dtype=np.float32))


def some_steps(tasks: int = 3, steps: int = 40) -> Transitions:
    draw = torch.Generator().manual_seed(0)
    seen, done = torch.randn(tasks, steps, 4, generator=draw), torch.randn(tasks, steps, 2, generator=draw)
    zeros = torch.zeros(tasks, steps)
    return Transitions(seen, done, zeros, torch.randn(tasks, steps, 4, generator=draw), zeros, torch.ones(tasks, steps))


def prepared(model: RidgeModel) -> torch.Tensor:
    rng = np.random.default_rng(1)
    start = torch.from_numpy(model.initial(rng))
    return start + 0.3 * torch.from_numpy(rng.standard_normal(len(start), dtype=np.float32)).abs()


def test_the_context_is_that_of_least_squares_drawn_to_the_prior() -> None:
    model = RidgeModel(4, 2, 3, (8,))
    parameters, steps = prepared(model).double(), some_steps()
    steps = Transitions(**{name: value.double() for name, value in steps.arrays().items()})
    context, views = model.solved(parameters, steps), model.layout.view(parameters)
    phi, wanted = model.features(parameters, steps), model.changes(parameters, steps)
    for task in range(3):
        # As many rows more as there are features: the prior's, each as heavy as its precision.
        weight = torch.diag(torch.exp(0.5 * views["log_precision"]))
        rows = torch.cat([phi[task], weight])
        solution = torch.linalg.lstsq(rows, torch.cat([wanted[task], weight @ views["prior"]])).solution
        assert torch.allclose(context[task].unflatten(0, (6, 4)), solution - views["prior"], atol=1e-9)


def test_without_a_step_nothing_is_known_and_masked_steps_do_not_count() -> None:
    model = RidgeModel(4, 2, 3, (8,))
    parameters, steps = prepared(model), some_steps()
    assert (model.solved(parameters, dataclasses.replace(steps, valid=torch.zeros(3, 40))) == 0.0).all()
    half = Transitions(**{name: value[:, :20] for name, value in steps.arrays().items()})
    masked = dataclasses.replace(steps, valid=torch.arange(40).lt(20).float().expand(3, -1))
    assert torch.allclose(model.solved(parameters, masked), model.solved(parameters, half), atol=1e-5)


def test_more_steps_than_in_training_make_surer_and_not_less_drawn_to_the_prior() -> None:
    model = RidgeModel(4, 2, 3, (8,))
    parameters, steps = prepared(model), some_steps()
    thrice = Transitions(**{name: torch.cat([value] * 3, dim=1) for name, value in steps.arrays().items()})
    once, few = model.solved(parameters, steps), model.solved(parameters, steps, most=60)
    assert torch.allclose(model.solved(parameters, thrice, most=40), once, atol=1e-5)
    assert torch.equal(few, once), "fewer count as they are"
    assert not torch.allclose(model.solved(parameters, thrice), once, atol=1e-3)


def test_what_only_rewards_tell_is_found_where_they_are_predicted() -> None:
    model, steps = RidgeModel(4, 2, 1, (4,), rewards=True), some_steps()
    parameters = torch.from_numpy(model.initial(np.random.default_rng(0)))
    gains = torch.tensor([1.2, -0.8, 0.5])
    steps = dataclasses.replace(steps, change=torch.zeros(3, 40, 4), reward=gains[:, None] * steps.action[..., 0])
    context = model.solved(parameters, steps)
    assert torch.allclose(context.unflatten(1, (4, 5))[:, 1, 4], gains, atol=0.06)
    assert (model.errors(parameters, context, steps) < 1e-3).all()


def test_a_gain_of_either_sign_is_found_at_once_and_predicts() -> None:
    model = RidgeModel(4, 2, 1, (4,))
    parameters, steps = torch.from_numpy(model.initial(np.random.default_rng(0))), some_steps()
    gains = torch.tensor([1.2, -0.8, 0.5])
    change = torch.zeros(3, 40, 4)
    change[..., 2] = gains[:, None] * steps.action[..., 1]
    steps = dataclasses.replace(steps, change=change)
    context = model.solved(parameters, steps)
    assert torch.allclose(context.unflatten(1, (4, 4))[:, 2, 2], gains, atol=0.05)
    assert (model.errors(parameters, context, steps) < 1e-3).all()
    assert (model.errors(parameters, torch.zeros_like(context), steps) > 0.05).all()


def test_the_gradient_matches_finite_differences_and_imitation_leaves_the_model_alone(
    checked_gradient: Callable[[Prediction, torch.Tensor, MetaBatch], dict[str, torch.Tensor]],
) -> None:
    learner, problem, rng = learner_of(), PointReach(), np.random.default_rng(3)
    meta = moved(learner)
    views = checked_gradient(learner, meta, learner.collect(meta, problem, problem.sample(rng, 4), 2, rng))
    for name in ("policy/digest", "dynamics/prior", "dynamics/log_precision", "dynamics/weight_0"):
        assert views[name].norm() > 1e-6, name


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"features": "0"}, "features: 0 is below 1"),
        ({"digest_size": "0"}, "digest_size: 0 is below 1"),
        ({"outer_step": "0"}, "outer_step: 0.0 is not above 0"),
        ({"inner_steps": "3"}, "inner_steps"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learner_of(**settings)


def test_a_context_beats_the_start_after_a_short_training(
    trained_success: Callable[[MetaLearner, Problem, int], tuple[float, float]],
) -> None:
    problem = PointReach()
    learner = learner_of(hidden="32,32", model_hidden="32", samples="48", outer_step="5e-3")
    before, after = trained_success(learner, problem, 8)
    assert after > before + 0.25 and after > 0.9, (before, after)

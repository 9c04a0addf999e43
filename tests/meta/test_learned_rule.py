"""Learned update rules: what they read, their gradients, and that a short training pays."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from metabot.base import rollout
from metabot.experience import Samples
from metabot.harness.training import Training, TrainingConfig
from metabot.meta import MetaBatch, make_meta_learner
from metabot.meta.learned_rule import LearnedLSTM, LearnedRule, LearnedRuleConfig, LearnedTransformer
from metabot.meta.objective import PolicyObjective, QuadraticObjective, RegressionObjective
from metabot.meta.tuned_adam import STEP_SIZES, adam_descent, tuned_step_size
from metabot.meta.update_rules import LSTMRule, TransformerRule, UpdateRule, preprocess
from metabot.policy import MLP, GaussianMLP
from metabot.problems.navigation import Navigation2D
from metabot.problems.quadratic import Quadratics
from metabot.problems.sine import SineRegression

RULES = [LearnedLSTM, LearnedTransformer]


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_gradients_are_read_as_magnitude_and_sign() -> None:
    values = torch.tensor([1.0, -math.exp(-5.0), math.exp(-12.0), 0.0, -math.exp(-11.0)], requires_grad=True)
    read = preprocess(values)
    expected = [[0.0, 1.0], [-0.5, -1.0], [-1.0, math.exp(-2.0)], [-1.0, 0.0], [-1.0, -math.exp(-1.0)]]
    assert torch.allclose(read, torch.tensor(expected), atol=1e-5)
    (slope,) = torch.autograd.grad(read.sum(), values)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("rule", [LSTMRule(4), TransformerRule(4, window=3)])
def test_every_coordinate_has_a_memory_of_its_own_under_the_same_weights(rule: UpdateRule) -> None:
    rng = np.random.default_rng(0)
    weights = rule.layout.view(torch.from_numpy(rule.initial(rng)) * 3.0)
    features = torch.from_numpy(rng.standard_normal((5, 2, 3, 4), dtype=np.float32))

    def run(history: torch.Tensor) -> torch.Tensor:
        state = rule.begin(history[0, ..., 0])
        for read in history:
            update, state = rule.step(weights, read, state)
        return update

    plain = run(features)
    assert torch.allclose(run(features[:, :, [2, 0, 1]]), plain[:, [2, 0, 1]], atol=1e-6)
    other = features.clone()
    other[3, 0, 1] += 1.0
    changed = (run(other) - plain).abs() > 1e-7
    assert changed.tolist() == [[False, True, False], [False] * 3]


def test_the_transformer_attends_to_its_window_alone_and_to_how_long_ago_a_step_was() -> None:
    rule, rng = TransformerRule(4, window=3), np.random.default_rng(0)
    weights = rule.layout.view(torch.from_numpy(rule.initial(rng)) * 3.0)
    features = torch.from_numpy(rng.standard_normal((6, 1, 1, 4), dtype=np.float32))

    def run(history: torch.Tensor, weights: dict[str, torch.Tensor] = weights) -> float:
        state = rule.begin(history[0, ..., 0])
        for read in history:
            update, state = rule.step(weights, read, state)
        return float(update)

    assert run(features) == pytest.approx(run(features[3:]), abs=1e-6)
    assert run(features) != pytest.approx(run(features[4:]), abs=1e-4)
    aged = weights | {"age": torch.arange(6.0)}
    swapped = features[[0, 1, 2, 4, 3, 5]]
    assert run(features, aged) != pytest.approx(run(swapped, aged), abs=1e-4)


def double(batch: Samples) -> tuple[torch.Tensor, torch.Tensor]:
    return batch.inputs.double(), batch.targets.double()


def check_gradient(learner: LearnedRule, meta: torch.Tensor, support: tuple, query: tuple) -> None:
    def loss(vector: torch.Tensor) -> torch.Tensor:
        starts = learner.start(vector).expand(len(support[0]), -1)
        steps = learner.config.inner_steps
        return learner.stretch(vector, starts, learner.rule.begin(starts), support, query, steps)[0].mean()

    variable = meta.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(variable), variable)
    size = learner.objective.layout.size
    assert gradient[:size].norm() > 1e-4 and gradient[size:].norm() > 1e-4
    for index in [*range(0, size, max(1, size // 8)), *range(size, len(meta), (len(meta) - size) // 40)]:
        shift = torch.zeros_like(meta)
        shift[index] = 1e-6
        # The inner gradients are needed by the value too, so no `no_grad` here.
        numeric = float((loss(meta + shift) - loss(meta - shift)).detach()) / 2e-6
        assert numeric == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-7), index


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("judged", ["all", "last"])
def test_the_unrolled_gradient_matches_finite_differences(
    float64: None, method: type[LearnedRule], judged: str
) -> None:
    rng, problem = np.random.default_rng(0), SineRegression()
    config = LearnedRuleConfig(inner_steps=4, judged=judged, second_order=True, scale=1.0)
    learner = method(RegressionObjective(MLP((1, 4, 1), "tanh")), config)
    meta = torch.from_numpy(learner.initial(rng)).double()
    tasks = problem.sample(rng, 3)
    check_gradient(learner, meta, double(problem.draw(tasks, 5, rng)), double(problem.draw(tasks, 5, rng)))


@pytest.mark.parametrize("method", RULES)
def test_the_unrolled_gradient_in_control_matches_finite_differences(method: type[LearnedRule]) -> None:
    rng, problem = np.random.default_rng(0), Navigation2D()
    problem.horizon = 8
    learner = method(
        PolicyObjective(GaussianMLP(2, 2, hidden=(3,))), LearnedRuleConfig(inner_steps=2, second_order=True)
    )
    meta = torch.from_numpy(learner.initial(rng))
    meta[: learner.policy.layout.size] += 0.2 * torch.from_numpy(
        rng.standard_normal(learner.policy.layout.size, dtype=np.float32)
    )
    batch = learner.collect(meta, problem, problem.sample(rng, 2), 3, rng)
    support, query = (
        tuple(part.double() for part in learner.objective.data(episodes)) for episodes in (batch.support, batch.query)
    )
    check_gradient(learner, meta.double(), support, query)


def test_without_second_order_the_gradients_that_are_read_are_taken_as_given(float64: None) -> None:
    """The start's derivative is then that of a start moved by constants."""
    rng = np.random.default_rng(0)
    learner = LearnedLSTM(QuadraticObjective(4), LearnedRuleConfig(inner_steps=3))
    meta = torch.from_numpy(learner.initial(rng)).double().requires_grad_(True)
    data = double(Quadratics(4).draw(3, rng))
    starts = learner.start(meta).expand(3, -1)
    losses, after, _ = learner.stretch(meta, starts, learner.rule.begin(starts), data, data, 3)
    (gradient,) = torch.autograd.grad(losses.mean(), meta)
    at = after.detach().requires_grad_(True)
    (direct,) = torch.autograd.grad(learner.objective.outer(at, *data).mean(), at)
    assert torch.allclose(gradient[:4], direct.sum(0), atol=1e-10)


@pytest.mark.parametrize("method", RULES)
def test_stretches_go_on_where_the_last_one_ended(method: type[LearnedRule]) -> None:
    rng = np.random.default_rng(0)
    learner = method(QuadraticObjective(), LearnedRuleConfig(inner_steps=12, truncation=5, judged="all"))
    meta = torch.from_numpy(learner.initial(rng))
    samples = Quadratics().draw(3, rng)
    data = learner.objective.data(samples)
    parameters = learner.start(meta).expand(3, -1)
    state = learner.rule.begin(parameters)
    for done, steps in ((0, 5), (5, 5), (10, 2)):
        _, parameters, state = learner.stretch(meta, parameters, state, data, data, steps, done)
    assert torch.allclose(parameters, learner.adapt(meta, samples), atol=1e-6)


@pytest.mark.parametrize("method", RULES)
def test_a_task_that_is_not_finite_is_dropped_and_counted(method: type[LearnedRule]) -> None:
    rng = np.random.default_rng(0)
    config = LearnedRuleConfig(inner_steps=6, truncation=3, judged="all", outer_epochs=2)
    meta = torch.from_numpy(method(QuadraticObjective(), config).initial(rng))
    samples = Quadratics().draw(3, rng)
    broken = Samples(samples.inputs.clone(), samples.targets)
    broken.inputs[1, 0, 0] = float("nan")
    others = Samples(samples.inputs[[0, 2]], samples.targets[[0, 2]])
    new, metrics = method(QuadraticObjective(), config).update(meta, MetaBatch(broken, broken))
    expected, _ = method(QuadraticObjective(), config).update(meta, MetaBatch(others, others))
    assert metrics["dropped_tasks"] == 1
    assert torch.allclose(new, expected, atol=1e-6) and not torch.equal(new, meta)
    alone = Samples(broken.inputs[1:2], broken.targets[1:2])
    none, metrics = method(QuadraticObjective(), config).update(meta, MetaBatch(alone, alone))
    assert metrics["dropped_tasks"] == 1 and torch.equal(none, meta)


def test_a_start_that_is_not_learned_stays() -> None:
    rng, problem = np.random.default_rng(0), Navigation2D()
    for learned in (True, False):
        learner = make_meta_learner("learned-lstm", problem, learn_start=learned, hidden="8")
        meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
        batch = learner.collect(meta, problem, problem.sample(rng, 2), 4, rng)
        new, metrics = learner.update(meta, batch)
        assert metrics["dropped_tasks"] == 0
        assert torch.equal(learner.start(new), learner.start(meta)) != learned
        assert not torch.equal(new, meta)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"inner_steps": "0"}, "inner_steps: 0 is below 1"),
        ({"judged": "first"}, "judged: no 'first'; allowed: all, last"),
        ({"scale": 0.0}, "scale: 0.0 is not above 0"),
        ({"truncation": 3}, 'truncation: 3 cuts what is learned from the last of 5 inner_steps; allowed: .* "all"'),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_meta_learner("learned-lstm", Navigation2D(), **settings)


def test_adam_is_that_of_every_task_on_its_own_and_its_step_size_the_best_of_the_choices() -> None:
    objective, samples = QuadraticObjective(4), Quadratics(4).draw(3, np.random.default_rng(0))
    starts = torch.from_numpy(np.random.default_rng(1).standard_normal((3, 4), dtype=np.float32))
    ended = adam_descent(objective, starts, samples, 7, 0.1)
    for task in range(3):
        alone = starts[task].clone().requires_grad_(True)
        adam = torch.optim.Adam([alone], lr=0.1)
        for _ in range(7):
            adam.zero_grad()
            objective.inner(alone, samples.inputs[task], samples.targets[task]).backward()
            adam.step()
        assert torch.allclose(ended[task], alone.detach(), atol=1e-5)

    def loss(step_size: float) -> float:
        descended = adam_descent(objective, starts, samples, 7, step_size)
        return float(objective.outer(descended, *objective.data(samples)).mean())

    choices = (1e30, 1e-3, 0.3, 30.0)
    assert tuned_step_size(objective, starts, samples, samples, 7, choices) == 0.3
    assert loss(0.3) < min(loss(1e-3), loss(30.0))


@pytest.mark.parametrize("method", RULES)
def test_a_short_training_beats_tuned_adam_the_untrained_rule_and_no_adaptation(method: type[LearnedRule]) -> None:
    config = LearnedRuleConfig(
        inner_steps=20, judged="all", learn_start=False, outer_epochs=1, outer_step=1e-2, scale=0.3
    )
    learner, problem, rng = method(QuadraticObjective(), config), Quadratics(), np.random.default_rng(0)
    untrained = torch.from_numpy(learner.initial(rng))
    meta = untrained
    for _ in range(60):
        samples = problem.draw(16, rng)
        meta, _ = learner.update(meta, MetaBatch(samples, samples))
    validation, samples = problem.draw(200, rng), problem.draw(200, rng)
    starts = learner.start(meta).expand(200, -1)
    step_size = tuned_step_size(learner.objective, starts, validation, validation, config.inner_steps)
    assert min(STEP_SIZES) < step_size < max(STEP_SIZES)

    def loss(parameters: torch.Tensor) -> float:
        return float(learner.objective.outer(parameters.detach(), *learner.objective.data(samples)).mean())

    learned, none, before = (loss(p) for p in (learner.adapt(meta, samples), starts, learner.adapt(untrained, samples)))
    adam = loss(adam_descent(learner.objective, starts, samples, config.inner_steps, step_size))
    assert learned < 0.7 * adam and learned < 0.1 * min(none, before), (learned, adam, none, before)


@pytest.mark.slow
def test_in_control_one_episode_under_a_learned_rule_beats_no_adaptation() -> None:
    settings = {"hidden": "16", "outer_step": 5e-3}
    training = Training(TrainingConfig("learned-lstm", "navigation-2d", env_steps=256_000, tasks=8, settings=settings))
    training.run()
    learner, problem = training.learner, training.problem
    tasks = problem.sample(np.random.default_rng(10), 40, "test")
    experience = learner.gather(training.meta, problem, tasks, 1, np.random.default_rng(11))
    with torch.no_grad():
        adapted = learner.adapt(training.meta, experience)
    before, after = (
        float(
            rollout(problem, learner.policy, p, tasks, 1, np.random.default_rng(12), deterministic=True).returns.mean()
        )
        for p in (learner.start(training.meta).expand(40, -1), adapted)
    )
    assert after > 0.6 * before, (before, after)

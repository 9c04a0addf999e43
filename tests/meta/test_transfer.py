"""Transfer: what is learned on source tasks, what a target changes, and that it pays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from metabot.base import PPO, PPOConfig, rollout
from metabot.base.ranking import list_mle
from metabot.experience import Episodes
from metabot.harness.training import Training, TrainingConfig
from metabot.meta import MetaBatch, make_meta_learner
from metabot.meta.transfer import TransferLearner
from metabot.meta.transfer_features import TransferFeatures
from metabot.meta.transfer_relations import TransferRelations
from metabot.problems.navigation import Navigation2D

METHODS = ("transfer-features", "transfer-parameters", "transfer-relations")


def short() -> Navigation2D:
    problem = Navigation2D()
    problem.horizon = 20
    return problem


def prepared(name: str, tasks: int = 3, **settings: object) -> tuple[TransferLearner, torch.Tensor, MetaBatch]:
    problem = short()
    learner = make_meta_learner(name, problem, **settings)
    assert isinstance(learner, TransferLearner)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    return learner, meta, learner.collect(meta, problem, problem.sample(rng, tasks), 3, rng)


def test_the_likelihood_of_an_order_is_that_of_choosing_one_after_the_other() -> None:
    scores = torch.tensor([0.3, -1.0, 0.8], dtype=torch.float64)
    weights = torch.exp(scores)
    total = 0.0
    for order in itertools.permutations(range(3)):
        first, second, _ = order
        likelihood = weights[first] / weights.sum() * weights[second] / (weights.sum() - weights[first])
        loss = list_mle(scores, torch.tensor(order))
        assert float(torch.exp(-3.0 * loss)) == pytest.approx(float(likelihood))
        total += float(likelihood)
    assert total == pytest.approx(1.0)
    assert list_mle(scores, torch.tensor([2, 0, 1])) < list_mle(scores, torch.tensor([0, 2, 1]))


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def doubled(part: Episodes) -> Episodes:
    arrays = {name: getattr(part, name).double() for name in ("observations", "actions", "rewards", "mask")}
    return Episodes(**arrays, log_probs=part.log_probs.double(), success=part.success.double())


@pytest.mark.parametrize("name", METHODS)
def test_the_gradient_on_source_tasks_matches_finite_differences(float64: None, name: str) -> None:
    torch.set_default_dtype(torch.float32)
    learner, meta, batch = prepared(name, hidden=(4,), **({"source_hidden": (3,)} if "relations" in name else {}))
    torch.set_default_dtype(torch.float64)
    meta = meta.double() + 0.1 * torch.from_numpy(np.random.default_rng(3).standard_normal(len(meta)))
    if isinstance(learner, TransferRelations):
        learner.candidates = learner.candidates.double()
    data = learner.source_data(meta, MetaBatch(doubled(batch.support), doubled(batch.query)))
    variable = meta.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(learner.source_losses(variable, data).mean(), variable)
    assert gradient.norm() > 1e-3
    for index in range(0, len(meta), 4):
        shift = torch.zeros_like(meta)
        shift[index] = 1e-6
        above, below = (learner.source_losses(meta + sign * shift, data).mean() for sign in (1, -1))
        # The order that the source gives is taken as given, and does not change within so little.
        assert float(above - below) / 2e-6 == pytest.approx(float(gradient[index]), rel=1e-3, abs=1e-7), index


def test_all_parameters_are_fine_tuned_as_ppo_does() -> None:
    learner, meta, batch = prepared("transfer-parameters", step=0.02, epochs=5, clip=0.3)
    expected = PPO(learner.policy, PPOConfig(step=0.02, epochs=5, clip=0.3)).improve(meta.expand(3, -1), batch.support)
    assert torch.allclose(learner.adapt(meta, batch.support), expected, atol=1e-6)
    assert (expected != meta).float().mean() > 0.9
    # Nearly all episodes are the source's; one of each task shows how adaptation does.
    assert batch.support.mask.shape[1] == 5 and batch.query.mask.shape[1] == 1


def test_on_a_target_the_trunk_stays_and_the_head_moves() -> None:
    learner, meta, batch = prepared("transfer-features")
    adapted = learner.policy.layout.view(learner.adapt(meta, batch.support))
    start = learner.policy.layout.view(meta)
    for name in adapted:
        moved = (adapted[name] != start[name]).any()
        assert moved == (name in learner.policy.head), name


def test_source_tasks_move_the_trunk_and_draw_the_common_head_towards_their_heads() -> None:
    learner, meta, batch = prepared("transfer-features", approach=0.25)
    assert isinstance(learner, TransferFeatures)
    new, _ = learner.update(meta, batch)
    views = (learner.policy.layout.view(vector) for vector in (new, meta, learner.adapt(meta, batch.support).mean(0)))
    after, before, mean = views
    assert not torch.equal(after["weight_0"], before["weight_0"])
    for name in learner.policy.head:
        assert torch.allclose(after[name], 0.75 * before[name] + 0.25 * mean[name], atol=1e-6)


def test_the_target_learns_the_order_that_the_source_gives() -> None:
    learner, meta, batch = prepared("transfer-relations", outer_epochs=200, outer_step=5e-3)
    assert isinstance(learner, TransferRelations)
    # A source with an opinion.
    last = learner.teacher.layout.view(learner.acting(meta))
    last["weight_2"].mul_(100.0)
    last["bias_2"].copy_(torch.tensor([0.4, -0.6]))
    batch.support.rewards[:] = 0.0
    states = learner.states(batch.support.observations)
    order = learner.order(meta, states)
    losses = [float(learner.ranking_losses(learner.start(meta)[None], states[:1], order[:1]))]
    new, _ = learner.update(meta, batch)
    order = learner.order(new, states)
    losses.append(float(learner.ranking_losses(learner.start(new)[None], states[:1], order[:1])))
    assert losses[1] < losses[0]
    taught = learner.policy.mean(learner.start(new), states)
    error = (taught - learner.teacher.mean(learner.acting(new), states)).abs().mean()
    before = (
        learner.policy.mean(learner.start(meta), states) - learner.teacher.mean(learner.acting(new), states)
    ).abs()
    assert error < 0.1 and error < 0.5 * before.mean(), (error, before.mean())
    spread = [learner.policy.layout.view(learner.start(vector))["log_std"] for vector in (meta, new)]
    assert torch.equal(*spread)


def test_only_the_order_of_the_source_counts_and_it_holds_a_target_back_by_its_weight() -> None:
    learner, meta, batch = prepared("transfer-relations", relation=0.0)
    assert isinstance(learner, TransferRelations)
    free = learner.adapt(meta, batch.support)
    firm = make_meta_learner("transfer-relations", short(), relation=10.0)
    assert isinstance(firm, TransferRelations)
    states = learner.states(batch.support.observations)
    order = learner.order(meta, states)
    held = firm.adapt(meta, batch.support)
    assert learner.ranking_losses(held, states, order).mean() < learner.ranking_losses(free, states, order).mean()


@pytest.mark.parametrize("name", METHODS)
def test_a_task_that_is_not_finite_is_dropped_and_counted(name: str) -> None:
    learner, meta, batch = prepared(name)
    batch.support.rewards[1, 0, 0] = float("nan")
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1
    assert torch.isfinite(new).all() and not torch.equal(new, meta)
    batch.support.rewards[:] = float("nan")
    unmoved, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 3 and torch.equal(unmoved, meta)


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("transfer-parameters", {"step": 0.0}, r"step: 0\.0 is not above 0"),
        ("transfer-parameters", {"epochs": "0"}, "epochs: 0 is below 1"),
        ("transfer-parameters", {"discount": "1.5"}, r"discount: 1\.5 is not in \[0, 1\]"),
        ("transfer-parameters", {"hidden": "8,0"}, r"hidden: \(8, 0\) has a layer of less than 1 unit"),
        ("transfer-features", {"approach": "1.5"}, r"approach: 1\.5 is not in \[0, 1\]"),
        ("transfer-relations", {"candidates": "1"}, "candidates: 1 is below 2"),
        ("transfer-relations", {"temperature": 0.0}, r"temperature: 0\.0 is not above 0"),
        ("transfer-relations", {"relation": -1.0}, r"relation: -1\.0 is below 0"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(name: str, settings: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_meta_learner(name, Navigation2D(), **settings)


@pytest.mark.parametrize("name", METHODS)
def test_fine_tuning_beats_the_start_after_a_short_training(name: str) -> None:
    training = Training(TrainingConfig(name, "navigation-2d", env_steps=100_000, tasks=8))
    training.run()
    learner, problem = training.learner, training.problem
    tasks = problem.sample(np.random.default_rng(10), 40, "test")
    experience = learner.gather(training.meta, problem, tasks, 8, np.random.default_rng(11))
    before, after = (
        float(
            rollout(
                problem, learner.policy, row, tasks, 1, np.random.default_rng(12), deterministic=True
            ).returns.mean()
        )
        for row in (learner.start(training.meta).expand(40, -1), learner.adapt(training.meta, experience))
    )
    assert after > 0.85 * before, (before, after)

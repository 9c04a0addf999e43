"""Evolutionary methods: their estimates, how starts adapt, and that adapting pays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from metabot.base import policy_for, rollout
from metabot.experience import Episodes
from metabot.harness.training import Training, TrainingConfig
from metabot.meta import make_meta_learner
from metabot.meta.es_maml import ESMAML, ESMAMLConfig, antithetic_gradient
from metabot.meta.evolution import ADAPTATIONS, EvolutionaryMetaLearner, Judged
from metabot.meta.inner_loop import inner_loop
from metabot.meta.objective import PolicyObjective
from metabot.meta.queries import Queries, ascend, best_query, climb, perturbed_pairs
from metabot.policy import GaussianMLP
from metabot.problems import make_problem
from metabot.problems.navigation import Navigation2D


def smooth(points: torch.Tensor) -> torch.Tensor:
    """A function whose Gaussian smoothing is known: a cubic in one direction, a sine in another."""
    return points[:, 0] ** 3 + torch.sin(2.0 * points[:, 1]) + 0.5 * points[:, 2].square()


def smoothed_gradient(point: torch.Tensor, spread: float) -> torch.Tensor:
    """Its gradient: E[(x + σε)³] = x³ + 3xσ², E[sin(2(y + σε))] = sin(2y) exp(-2σ²)."""
    x, y, z = point
    return torch.stack([3.0 * x**2 + 3.0 * spread**2, 2.0 * torch.cos(2.0 * y) * np.exp(-2.0 * spread**2), z])


def test_the_mean_of_the_estimate_is_the_gradient_of_the_smoothed_function() -> None:
    spread, repeats, pairs = 0.3, 1600, 50
    point = torch.tensor([0.7, -0.4, 1.5], dtype=torch.float64)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((repeats, pairs, 3)))
    estimates = torch.stack(
        [antithetic_gradient(n, smooth(point + spread * n), smooth(point - spread * n), spread) for n in noise]
    )
    error = estimates.mean(0) - smoothed_gradient(point, spread)
    standard_error = estimates.std(0) / repeats**0.5
    assert (error.abs() < 3.0 * standard_error).all(), (error, standard_error)
    assert (standard_error < 0.02).all()


def test_even_terms_cancel_within_a_pair() -> None:
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 3)))
    slope = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

    def values(offset: float, curvature: float, sign: float) -> torch.Tensor:
        moved = sign * 0.1 * noise
        return offset + moved @ slope + curvature * moved.square().sum(1)

    plain = antithetic_gradient(noise, values(0.0, 0.0, 1.0), values(0.0, 0.0, -1.0), 0.1)
    shifted = antithetic_gradient(noise, values(50.0, 30.0, 1.0), values(50.0, 30.0, -1.0), 0.1)
    assert torch.allclose(plain, shifted, atol=1e-10)
    assert torch.allclose(plain, (noise @ slope)[:, None].mul(noise).mean(0), atol=1e-10)


def queries_of(values: torch.Tensor, parameters: torch.Tensor) -> Queries:
    """Episodes of one step whose rewards are the given values, (tasks, queries)."""
    one = torch.ones(*values.shape, 1)
    episodes = Episodes(
        one[..., None], one[..., None], values.float()[..., None], one, torch.zeros_like(one), torch.zeros(values.shape)
    )
    return Queries(episodes, parameters)


def test_an_es_step_follows_the_slope_of_the_returns_and_alike_returns_move_nothing() -> None:
    rng = np.random.default_rng(0)
    starts = torch.from_numpy(rng.standard_normal((2, 3), dtype=np.float32))
    noise = torch.from_numpy(rng.standard_normal((2, 2000, 3), dtype=np.float32))
    signed = torch.stack([noise, -noise], dim=2).flatten(1, 2)
    scale = torch.tensor([0.1, 0.1, 0.0])
    parameters = starts[:, None] + scale * signed
    slope = torch.tensor([[1.0, -3.0, 7.0], [0.5, 0.5, 7.0]])
    values = (parameters * slope[:, None]).sum(-1)
    moved = ascend(starts, queries_of(values, parameters), scale, 0.2, normalise=False) - starts
    assert torch.allclose(moved[:, :2], 0.2 * slope[:, :2], atol=0.05)
    assert (moved[:, 2] == 0.0).all()
    unit = ascend(starts, queries_of(values, parameters), scale, 0.2) - starts
    larger = ascend(starts, queries_of(9.0 * values + 4.0, parameters), scale, 0.2) - starts
    assert torch.allclose(unit, larger, atol=1e-3)
    alike = ascend(starts, queries_of(torch.ones(2, 4000), parameters), scale, 0.2)
    assert torch.equal(alike, starts)


def test_hill_climbing_perturbs_the_best_so_far_and_ends_at_the_best_of_all() -> None:
    problem, policy = Navigation2D(), GaussianMLP(2, 2, ())
    rng = np.random.default_rng(0)
    starts = torch.from_numpy(np.stack([policy.initial(rng) for _ in range(3)]))
    starts += 0.5  # Runs away: nearly every perturbation does better.
    scale = torch.full((policy.layout.size,), 0.3)
    queries = climb(problem, policy, starts, problem.sample(rng, 3), 12, np.random.default_rng(5), scale)
    assert torch.equal(queries.parameters[:, 0], starts)
    # Every start of navigation is the same: the perturbations alone are drawn.
    noise = np.random.default_rng(5)
    for query in range(1, 12):
        drawn = torch.from_numpy(noise.standard_normal(starts.shape, dtype=np.float32))
        assert torch.allclose(queries.parameters[:, query], best_query(queries.first(query)) + scale * drawn, atol=1e-6)
    assert (queries.values.argmax(1) > 0).all()
    for count in (1, 5, 12):
        part = queries.first(count)
        ended = best_query(part)
        for task in range(3):
            best = int(part.values[task].argmax())
            assert torch.equal(ended[task], part.parameters[task, best])


def test_a_query_that_is_not_finite_is_never_chosen() -> None:
    parameters = torch.arange(6.0).reshape(1, 3, 2)
    values = torch.tensor([[-1.0, float("nan"), 0.5]])
    assert torch.equal(best_query(queries_of(values, parameters)), parameters[:, 2])


def test_queries_come_in_pairs_around_the_start_and_repeat_their_own_parameters() -> None:
    problem, policy = Navigation2D(), GaussianMLP(2, 2, ())
    rng = np.random.default_rng(0)
    starts = torch.from_numpy(np.stack([policy.initial(rng) for _ in range(3)]))
    tasks = problem.sample(rng, 3)
    queries = perturbed_pairs(problem, policy, starts, tasks, 5, rng, torch.full((policy.layout.size,), 0.3))
    moved = queries.parameters - starts[:, None]
    assert torch.allclose(moved[:, 0], -moved[:, 1], atol=1e-6) and torch.allclose(moved[:, 2], -moved[:, 3], atol=1e-6)
    assert queries.env_steps == 3 * 5 * problem.horizon
    again = rollout(problem, policy, queries.parameters[:, 3], tasks, 1, rng, deterministic=True)
    assert torch.equal(again.returns[:, 0], queries.values[:, 3])


@pytest.mark.parametrize("query", [climb, perturbed_pairs])
def test_all_robots_of_an_episode_act_under_the_same_parameters_and_share_its_value(query: Callable) -> None:
    problem = make_problem("drive-race", robots=2)
    problem.horizon = 5
    policy = policy_for(problem, ())
    rng = np.random.default_rng(0)
    starts = torch.from_numpy(np.stack([policy.initial(rng) for _ in range(3)]))
    tasks = problem.sample(rng, 3)
    queries = query(problem, policy, starts, tasks, 4, rng, torch.full((policy.layout.size,), 0.5))
    assert queries.returns.shape == (3, 8) and queries.parameters.shape == (3, 4, policy.layout.size)
    assert torch.allclose(queries.values, (queries.returns[:, 0::2] + queries.returns[:, 1::2]) / 2.0)
    mean = policy.mean(queries.parameters.flatten(0, 1), queries.episodes.observations.reshape(12, 2, 5, -1)[:, :, 0])
    assert torch.allclose(queries.episodes.actions.reshape(12, 2, 5, -1)[:, :, 0], mean, atol=1e-6)
    part = queries.first(2 * problem.agents)
    assert torch.equal(part.values, queries.values[:, :2]) and torch.equal(part.parameters, queries.parameters[:, :2])


def test_the_policy_gradient_adapts_as_the_inner_loop_does() -> None:
    problem, policy = Navigation2D(), GaussianMLP(2, 2, (5,))
    learner = ESMAML(policy, ESMAMLConfig(adaptation="policy-gradient", inner_step=0.3))
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    experience = learner.gather(meta, problem, problem.sample(np.random.default_rng(1), 2), 4, np.random.default_rng(1))
    objective = PolicyObjective(policy)
    expected = inner_loop(objective.inner, meta, torch.tensor(0.3), objective.data(experience), second_order=False)
    adapted = learner.adapt(meta, experience)
    assert torch.allclose(adapted, expected, atol=1e-6) and not adapted.requires_grad
    assert (adapted - meta).norm() > 1e-3


@pytest.mark.parametrize("name", ["es-maml", "population"])
def test_a_task_that_is_not_finite_is_dropped_and_counted(name: str) -> None:
    problem = Navigation2D()
    learner = make_meta_learner(name, problem)
    assert isinstance(learner, EvolutionaryMetaLearner)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    batch = learner.collect(meta, problem, problem.sample(rng, 3), 4, rng)
    row = int((batch.task == 1).nonzero()[0])
    batch.query.rewards[row, 0, 0] = float("nan")
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1
    assert torch.isfinite(new).all() and not torch.equal(new, meta)
    # What the other rows of that task brought must not count either.
    others = Judged(batch.support, batch.query, batch.starts, batch.task)
    others.query.rewards[batch.task == 1] = float("nan")
    again = make_meta_learner(name, problem)
    assert torch.equal(again.update(meta, others)[0], new)
    batch.query.rewards[:] = float("nan")
    unmoved, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 3 and torch.equal(unmoved, meta)


def test_without_a_policy_gradient_the_spread_of_actions_stays() -> None:
    problem = Navigation2D()
    learner = make_meta_learner("es-maml", problem)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    batch = learner.collect(meta, problem, problem.sample(rng, 2), 4, rng)
    new, _ = learner.update(meta, batch)
    view, before = learner.policy.layout.view(new), learner.policy.layout.view(meta)
    assert torch.equal(view["log_std"], before["log_std"]) and not torch.equal(view["bias_0"], before["bias_0"])


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"adaptation": "magic"}, "adaptation: no 'magic'; allowed: hill-climbing, es, policy-gradient"),
        ({"optimiser": "magic"}, "optimiser: no 'magic'; allowed: adam, sgd"),
        ({"spread": 0.0}, "spread: 0.0 is not above 0"),
        ({"pairs": "0"}, "pairs: 0 is below 1"),
        ({"judged": "0"}, "judged: 0 is below 1"),
        ({"hidden": "8,0"}, r"hidden: \(8, 0\) has a layer of less than 1 unit"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_meta_learner("es-maml", Navigation2D(), **settings)


SHORT = {
    "hill-climbing": {},
    "es": {},
    "policy-gradient": {"hidden": "32", "inner_step": 0.3},
}


@pytest.mark.parametrize("adaptation", ADAPTATIONS)
def test_es_maml_beats_no_adaptation_after_a_short_training(adaptation: str) -> None:
    settings = {"adaptation": adaptation, **SHORT[adaptation]}
    training = Training(TrainingConfig("es-maml", "navigation-2d", env_steps=640_000, tasks=8, settings=settings))
    training.run()
    learner, problem = training.learner, training.problem
    tasks = problem.sample(np.random.default_rng(10), 40, "test")
    experience = learner.gather(training.meta, problem, tasks, 8, np.random.default_rng(11))
    returns = [
        rollout(problem, learner.policy, parameters, tasks, 1, np.random.default_rng(12), deterministic=True).returns
        for parameters in (learner.start(training.meta).expand(40, -1), learner.adapt(training.meta, experience))
    ]
    before, after = (float(value.mean()) for value in returns)
    assert after > 0.7 * before, (before, after)

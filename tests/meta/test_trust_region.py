"""TRPO as the outer loop: its parts against what they should equal, and that it learns to learn."""

import numpy as np
import pytest
import torch

from metabot.base import rollout
from metabot.meta import MetaBatch
from metabot.meta.maml import MAML, MAMLConfig
from metabot.meta.meta_sgd import MetaSGD
from metabot.meta.objective import PolicyObjective, RegressionObjective
from metabot.meta.reptile import ReptileConfig
from metabot.meta.trust_region import conjugate_gradients, trust_region_step
from metabot.policy import MLP, GaussianMLP
from metabot.problems.navigation import Navigation2D

RADIUS = 0.01


def practice(learner: MAML, tasks: int = 4) -> tuple[torch.Tensor, MetaBatch]:
    rng = np.random.default_rng(0)
    problem = Navigation2D(reward="distance")
    problem.horizon = 10
    meta = torch.from_numpy(learner.initial(rng))
    meta[: learner.policy.layout.size] += 0.2 * torch.from_numpy(
        rng.standard_normal(learner.policy.layout.size, dtype=np.float32)
    )
    return meta, learner.collect(meta, problem, problem.sample(rng, tasks), 5, rng)


def small(method: type[MAML] = MAML, **settings: object) -> MAML:
    return method(PolicyObjective(GaussianMLP(2, 2, (8,))), method.Config(trust_region=RADIUS, **settings))


def test_the_divergence_is_that_of_the_distributions() -> None:
    learner = small()
    meta, batch = practice(learner)
    former, query = learner.adapt(meta, batch.support), batch.query
    query.mask[:, :2, 6:] = 0.0
    new = former + 0.05 * torch.randn(former.shape, generator=torch.Generator().manual_seed(0))
    found = learner.objective.divergence(former, query.observations, query.mask, new)
    for task in range(4):
        before, after = (
            torch.distributions.Normal(
                learner.policy.mean(row, query.observations[task]), torch.exp(learner.policy.log_std(row))
            )
            for row in (former[task], new[task])
        )
        each = torch.distributions.kl_divergence(before, after).sum(-1) * query.mask[task]
        assert float(found[task]) == pytest.approx(float(each.sum() / query.mask[task].sum()), rel=1e-4)


@pytest.mark.parametrize("method", [MAML, MetaSGD])
def test_curvature_through_the_inner_loop_matches_finite_differences(method: type[MAML]) -> None:
    learner = small(method)
    meta, batch = practice(learner)
    support = tuple(part.double() for part in learner.objective.data(batch.support))
    observations, mask = batch.query.observations.double(), batch.query.mask.double()
    meta = meta.double()
    former = learner._inner(meta, support).detach()

    def slope(at: torch.Tensor, create_graph: bool = False) -> torch.Tensor:
        adapted = learner._inner(at, support)
        whole = learner.objective.divergence(former, observations, mask, adapted).mean()
        return torch.autograd.grad(whole, at, create_graph=create_graph)[0]

    point = meta.clone().requires_grad_(True)
    direction = torch.randn(len(meta), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (product,) = torch.autograd.grad(slope(point, create_graph=True), point, direction)
    ahead, behind = (slope((meta + sign * 1e-5 * direction).requires_grad_(True)) for sign in (1, -1))
    assert product.norm() > 1e-3
    assert torch.allclose(product, (ahead - behind) / 2e-5, rtol=1e-4, atol=1e-6)


def test_conjugate_gradients_solve() -> None:
    half = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    matrix, target = half @ half.T + torch.eye(6), torch.arange(6.0, dtype=torch.float64)
    found = conjugate_gradients(lambda x: matrix @ x, target)
    assert torch.allclose(matrix @ found, target, atol=1e-6)
    assert not torch.allclose(matrix @ conjugate_gradients(lambda x: matrix @ x, target, 2), target, atol=1e-2)


def test_a_step_goes_as_far_as_it_may_and_no_farther() -> None:
    scale = torch.tensor([1.0, 100.0])
    start = torch.tensor([2.0, 2.0])

    def loss(x: torch.Tensor) -> torch.Tensor:
        return x.sum()

    def divergence(x: torch.Tensor) -> torch.Tensor:
        return 0.5 * (scale * (x - start).square()).sum()

    moved, after, apart, norm = trust_region_step(start, loss, divergence, 0.5)
    assert after == float(loss(moved)) < 4.0 and norm == pytest.approx(2**0.5)
    assert 0.3 < apart == float(divergence(moved)) <= 0.5, "0.8 of the way is 0.64 of the radius"
    shift = moved - start
    assert float(shift[0] / shift[1]) == pytest.approx(100.0, rel=1e-2), "along the natural gradient"


def test_where_nothing_is_better_it_stays() -> None:
    start = torch.tensor([1.0, 1.0])
    for loss in (lambda x: x.sum() * torch.nan, lambda x: (x - x.detach()).sum() + 1.0, lambda x: 0.0 * x.sum()):
        step = trust_region_step(start, loss, lambda x: (x - start).square().sum(), 0.1)
        assert torch.equal(step.point, start) and step.divergence == 0.0


def test_an_update_keeps_to_the_radius_and_leaves_out_a_task_that_is_not_finite() -> None:
    learner = small()
    meta, batch = practice(learner)
    batch.support.rewards[2, 0, 0] = torch.nan
    moved, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1.0 and torch.isfinite(moved).all()
    keep = torch.tensor([0, 1, 3])
    support = tuple(part[keep] for part in learner.objective.data(batch.support))
    former, new = (learner._inner(each, support) for each in (meta, moved))
    apart = learner.objective.divergence(former, batch.query.observations[keep], batch.query.mask[keep], new).mean()
    assert 0.3 * RADIUS < float(apart) <= RADIUS * 1.001
    assert metrics["divergence"] == pytest.approx(float(apart), rel=1e-3) and metrics["loss"] < 0.0
    batch.support.rewards[:] = torch.nan
    moved, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 4.0 and torch.equal(moved, meta)


def test_it_learns_to_learn() -> None:
    problem = Navigation2D(reward="distance")
    learner = MAML(PolicyObjective(GaussianMLP(2, 2, (32, 32))), MAMLConfig(trust_region=0.03))
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    for _ in range(12):
        meta, _ = learner.update(meta, learner.collect(meta, problem, problem.sample(rng, 16), 10, rng))
    tasks = problem.sample(rng, 40, "test")
    support = learner.gather(meta, problem, tasks, 20, rng)
    adapted = rollout(problem, learner.policy, learner.adapt(meta, support), tasks, 10, rng)
    assert adapted.returns.mean() > 0.6 * support.returns.mean(), "returns are below 0"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="trust_region: -1"):
        MAMLConfig(trust_region=-1)
    with pytest.raises(ValueError, match="trust_region: inf is not a finite number of at least 0"):
        MAMLConfig(trust_region=float("inf"))
    with pytest.raises(ValueError, match=r"rematerialise: True gives no curvature, which trust_region: 0.1 needs"):
        MAMLConfig(trust_region=0.1, rematerialise=True)
    with pytest.raises(ValueError, match=r"trust_region: 0.1 has no outer loss"):
        ReptileConfig(trust_region=0.1)
    with pytest.raises(ValueError, match=r"trust_region: 0.1 is for policies alone"):
        MAML(RegressionObjective(MLP((1, 4, 1))), MAMLConfig(trust_region=0.1))

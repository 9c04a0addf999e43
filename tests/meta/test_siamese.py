"""The Siamese encoder and the blend of the nearest sources: gradients, ranking, what is kept, and that it pays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from metabot.base import success_rate
from metabot.experience import Transitions
from metabot.meta import MetaBatch, make_meta_learner
from metabot.meta.siamese import Siamese, comparable, halves
from metabot.meta.siamese_encoder import SiameseEncoder
from metabot.problems import Problem
from metabot.problems.problem import Outcome, Split
from metabot.problems.reach import PointReach

SMALL = {"sources": "5", "neighbours": "2", "hidden": "8", "embedding_size": "3", "encoder_steps": "2", "samples": "6"}


def learner_of(problem: Problem | None = None, **settings: object) -> Siamese:
    learner = make_meta_learner("siamese", problem or PointReach(), **{**SMALL, **settings})
    assert isinstance(learner, Siamese)
    return learner


def begun(learner: Siamese) -> torch.Tensor:
    return torch.from_numpy(learner.initial(np.random.default_rng(0)))


def a_batch(learner: Siamese, meta: torch.Tensor, tasks: int = 3, seed: int = 3) -> MetaBatch:
    problem, rng = PointReach(), np.random.default_rng(seed)
    return learner.collect(meta, problem, problem.sample(rng, tasks), 2, rng)


def in_double(steps: Transitions) -> Transitions:
    return Transitions(**{name: value.double() for name, value in steps.arrays().items()})


def test_the_gradient_of_the_comparison_matches_finite_differences() -> None:
    encoder, rng = SiameseEncoder(4, 2, 3, (6,)), np.random.default_rng(0)
    learner = learner_of()
    steps = in_double(Transitions.of(a_batch(learner, begun(learner)).support))
    left, right = (steps.take(torch.arange(20).expand(3, -1) + shift) for shift in (0, 20))
    vector = torch.from_numpy(encoder.initial(rng)).double()
    variable = vector.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(encoder.loss(variable, left, right), variable)
    assert (encoder.layout.view(gradient)["log_weight"].abs() > 1e-8).all()
    for index in rng.choice(len(vector), 50, replace=False):
        shift = torch.zeros_like(vector)
        shift[index] = 1e-6
        numeric = float(encoder.loss(vector + shift, left, right) - encoder.loss(vector - shift, left, right)) / 2e-6
        assert numeric == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-8)


def test_the_gradient_of_blends_matches_finite_differences_and_reaches_the_neighbours_alone() -> None:
    learner = learner_of()
    meta, rng = begun(learner), np.random.default_rng(0)
    query = tuple(part.double() for part in learner.objective.data(a_batch(learner, meta).query))
    weights = torch.tensor([[0.7, 0.3, 0.0, 0.0, 0.0], [0.0, 0.4, 0.6, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0, 0.0]]).double()
    policies = learner._parts(meta)[1]["policies"].double()
    policies = policies + 0.01 * torch.from_numpy(rng.standard_normal(policies.shape))
    variable = policies.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(learner.losses(variable, weights, query).sum(), variable)
    assert (gradient[3:] == 0.0).all() and (gradient[:3].norm(dim=1) > 1e-6).all()
    for row, column in zip(rng.integers(3, size=40), rng.integers(policies.shape[1], size=40), strict=True):
        shift = torch.zeros_like(policies)
        shift[row, column] = 1e-6
        above, below = (learner.losses(policies + sign * shift, weights, query).sum() for sign in (1, -1))
        assert float(above - below) / 2e-6 == pytest.approx(float(gradient[row, column]), rel=1e-4, abs=1e-7)


def test_an_embedding_depends_on_neither_order_nor_number_nor_what_comes_after_the_end() -> None:
    learner = learner_of()
    meta = begun(learner)
    episodes = a_batch(learner, meta).support
    steps = Transitions.of(episodes)
    encoder = meta[: learner.encoder.layout.size]
    plain = learner.encoder.embed(encoder, steps)
    turned = steps.take(torch.randperm(steps.valid.shape[1], generator=torch.Generator().manual_seed(0)).expand(3, -1))
    assert torch.allclose(plain, learner.encoder.embed(encoder, turned), atol=1e-5)
    twice = steps.take(torch.arange(steps.valid.shape[1]).repeat(2).expand(3, -1))
    assert torch.allclose(plain, learner.encoder.embed(encoder, twice), atol=1e-5)
    episodes.mask[:, 1, 9:] = 0.0
    over = episodes.mask == 0
    changed = dataclasses.replace(episodes, observations=torch.where(over[..., None], torch.nan, episodes.observations))
    assert torch.equal(*(learner.adapt(meta, each) for each in (episodes, changed)))


def test_the_nearest_sources_are_blended_by_how_near_they_are() -> None:
    learner = learner_of()
    meta = begun(learner)
    batch = a_batch(learner, meta, tasks=5)
    steps = Transitions.of(batch.support)
    alike = learner.weights(meta, steps)
    assert torch.allclose(alike, torch.full((5, 5), 0.2))
    encoder, sources = learner._parts(meta)
    sources["keys"][:] = learner.encoder.embed(encoder, steps)
    sources["present"][:4] = 1.0
    sources["policies"][:] = torch.randn(5, learner.policy.layout.size, generator=torch.Generator().manual_seed(0))
    weights = learner.weights(meta, steps)
    assert torch.allclose(weights.sum(1), torch.ones(5)) and ((weights > 0).sum(1) == 2).all()
    assert (weights[:4].argmax(1) == torch.arange(4)).all() and (weights[:, 4] == 0.0).all()
    assert torch.allclose(learner.adapt(meta, batch.support), weights @ sources["policies"], atol=1e-6)
    apart = (sources["keys"][4] - sources["keys"][:4]).abs().sum(1)
    assert set(weights[4].nonzero()[:, 0].tolist()) == set(apart.topk(2, largest=False).indices.tolist())


def test_the_first_tasks_become_sources_and_stay() -> None:
    learner = learner_of()
    meta = begun(learner)
    first = a_batch(learner, meta)
    meta, _ = learner.update(meta, first)
    assert learner._parts(meta)[1]["present"].tolist() == [1, 1, 1, 0, 0]
    kept = learner._sources.whole().observation.clone()
    for seed in (4, 5):
        meta, _ = learner.update(meta, a_batch(learner, meta, seed=seed))
    assert learner._parts(meta)[1]["present"].tolist() == [1, 1, 1, 1, 1]
    assert torch.equal(learner._sources.whole().observation[:3], kept)
    encoder, sources = learner._parts(meta)
    assert torch.allclose(sources["keys"], learner.encoder.embed(encoder, learner._sources.whole()))


def test_both_halves_of_a_pair_come_from_episodes_of_their_own() -> None:
    learner = learner_of()
    steps = Transitions.of(a_batch(learner, begun(learner)).support)
    half = steps.valid.shape[1] // 2
    pairs = halves(steps, 40, torch.Generator().manual_seed(0))
    for task in range(3):
        for part, where in ((slice(40), slice(half)), (slice(40, None), slice(half, None))):
            among = {tuple(row) for row in steps.observation[task, where].tolist()}
            assert {tuple(row) for row in pairs.observation[task, part].tolist()} <= among
    alone = dataclasses.replace(steps, valid=steps.valid.clone())
    alone.valid[1, half:] = 0.0
    assert comparable(alone).tolist() == [True, False, True]


def test_a_diverged_task_is_left_out_and_counted() -> None:
    learner = learner_of()
    meta = begun(learner)
    batch = a_batch(learner, meta)
    batch.query.rewards[1, 0, 3] = torch.nan
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1 and len(learner._pairs) == 2
    assert torch.isfinite(new).all() and not torch.equal(new, meta)
    batch.support.observations[:] = torch.nan
    unchanged, metrics = learner.update(new, batch)
    assert metrics["dropped_tasks"] == 3 and torch.equal(unchanged, new)


def test_a_restored_learner_goes_on_as_the_one_that_was_kept() -> None:
    learner = learner_of()
    meta, _ = learner.update(begun(learner), a_batch(learner, begun(learner)))
    other = learner_of()
    other.restore(learner.moments())
    batch = a_batch(learner, meta, seed=4)
    assert torch.equal(learner.update(meta, batch)[0], other.update(meta, batch)[0])


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"neighbours": "6"}, "neighbours: 6 is more than the 5 sources"),
        ({"sources": "0"}, "sources: 0 is below 1"),
        ({"pair_tasks": "1"}, "pair_tasks: 1 is below 2"),
        ({"outer_step": "0"}, "outer_step: 0.0 is not above 0"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learner_of(**settings)


class WiredAnyWay(Problem):
    """A point gets to where it sees its goal; each of its two motors may be wired the wrong way round."""

    name = "wired-any-way"
    observation_size = 2
    action_size = 2
    horizon = 10

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        return rng.choice([-1.0, 1.0], (tasks, 2))

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        self._signs = tasks
        bearing = rng.uniform(-np.pi, np.pi, len(tasks))
        self._way = np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
        self._reached = np.zeros(len(tasks), dtype=bool)
        return self._way.astype(np.float32)

    def step(self, actions: np.ndarray) -> Outcome:
        before = np.linalg.norm(self._way, axis=1)
        move = 0.2 * self._signs * np.clip(actions, -1.0, 1.0)
        self._way = np.where(self._reached[:, None], self._way, self._way - move)
        after = np.linalg.norm(self._way, axis=1)
        rewards = np.where(self._reached, 0.0, before - after)
        ended = (after < 0.3) & ~self._reached
        self._reached |= ended
        return Outcome(self._way.astype(np.float32), rewards.astype(np.float32), self._reached.copy(), ended)


def test_the_nearest_sources_beat_the_mean_of_all_after_a_short_training() -> None:
    problem = WiredAnyWay()
    settings = {"sources": "8", "hidden": "16", "encoder_steps": "40", "samples": "16", "outer_step": "1e-2"}
    learner = learner_of(problem, **settings)
    meta = begun(learner)
    for number in range(20):
        rng = np.random.default_rng([1, number])
        meta, _ = learner.update(meta, learner.collect(meta, problem, problem.sample(rng, 16), 8, rng))
    rng = np.random.default_rng(9)
    tasks = problem.sample(rng, 64, "test")
    adapted = learner.adapt(meta, learner.gather(meta, problem, tasks, 2, rng))
    start = learner.start(meta).expand(len(tasks), -1)
    before, after = (
        float(success_rate(problem, learner.policy, rows, tasks, 4, np.random.default_rng(3)).mean())
        for rows in (start, adapted)
    )
    assert after > before + 0.3 and after > 0.8, (before, after)

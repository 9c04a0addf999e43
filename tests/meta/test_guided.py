"""One policy gradient towards what an expert would do: the step, its derivative, what is kept, and that it pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from metabot.base import success_rate
from metabot.base.policy_gradient import policy_gradient_loss
from metabot.experience import advantages
from metabot.meta import MetaBatch, make_meta_learner
from metabot.meta.guidance import Guidance
from metabot.meta.guided import Guided
from metabot.problems import Outcome, Problem, Split, make_problem
from metabot.problems.reach import NEAR, PointReach

SMALL = {"hidden": "8", "probe_hidden": "6", "outer_steps": "3", "lesson": "12", "tasks": "3", "states": "6"}


class Turned(PointReach):
    """Commands are turned by any angle, and every step nearer to the goal is paid at once."""

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        return rng.uniform(-np.pi, np.pi, (tasks, 1))

    def step(self, actions: np.ndarray) -> Outcome:
        before = np.linalg.norm(self._goal - self._at, axis=1)
        outcome = super().step(actions)
        after = np.linalg.norm(self._goal - self._at, axis=1)
        return dataclasses.replace(outcome, rewards=(before - after).astype(np.float32), success=after < NEAR)


def learner_of(**settings: object) -> Guided:
    learner = make_meta_learner("guided", Turned(), **{**SMALL, **settings})
    assert isinstance(learner, Guided)
    return learner


def moved(learner: Guided) -> torch.Tensor:
    """Meta-parameters as training might make them; the context of nobody stays zero."""
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    meta = meta + 0.1 * torch.from_numpy(rng.standard_normal(len(meta), dtype=np.float32))
    learner.policy.latent(learner.start(meta))[:] = 0.0
    return meta


def a_batch(learner: Guided, meta: torch.Tensor, tasks: int = 4, seed: int = 3, episodes: int = 3) -> MetaBatch:
    problem, rng = Turned(), np.random.default_rng(seed)
    return learner.collect(meta, problem, problem.sample(rng, tasks), episodes, rng)


def in_double(learner: Guided, meta: torch.Tensor) -> Guidance:
    batch = a_batch(learner, meta)
    pushes, counted = learner.pushes(learner.start(meta), batch.support)
    assert batch.query.expert is not None
    parts = (batch.support.observations, pushes, counted, batch.query.observations[:, 0], batch.query.expert[:, 0])
    return Guidance(*(part.double() for part in parts))


def test_the_gradient_through_the_inner_step_matches_finite_differences(
    matches_differences: Callable[..., None],
) -> None:
    learner = learner_of()
    meta = moved(learner)
    guidance, at = in_double(learner, meta), meta.double()
    variable = at.clone().requires_grad_(True)

    def loss(vector: torch.Tensor) -> torch.Tensor:
        return learner.losses(vector, guidance).sum()

    (gradient,) = torch.autograd.grad(loss(variable), variable)
    views = learner.layout.view(gradient)
    for name in ("policy/weight_0", "policy/probe/weight_0", "policy/probe/bias_1", "log_step"):
        assert views[name].abs().max() > 1e-5, name
    matches_differences(loss, gradient, at, range(len(at)))


def test_adaptation_is_one_step_along_the_policy_gradient_of_the_context() -> None:
    learner = learner_of(discount="0.9", trace="0.8")
    meta = moved(learner)
    episodes = a_batch(learner, meta).support
    start, size = learner.start(meta), learner.policy.latent_size
    weights = advantages(episodes, 0.9, 0.8)
    adapted = learner.adapt(meta, episodes)
    for task in range(len(adapted)):
        variable = start.clone().requires_grad_(True)
        of_task = (part[task] for part in (episodes.observations, episodes.actions, episodes.log_probs, weights))
        loss = policy_gradient_loss(learner.policy, variable, *of_task, episodes.mask[task].sum())
        (slope,) = torch.autograd.grad(loss, variable)
        step = torch.exp(meta[-size:]) * slope[-size:]
        assert step.abs().max() > 1e-4
        assert torch.allclose(adapted[task][-size:], -step, rtol=1e-3, atol=1e-6)
        assert torch.equal(adapted[task][:-size], start[:-size])


def test_one_policy_acts_as_many_side_by_side() -> None:
    learner = learner_of()
    adapted = learner.adapt(moved(learner), a_batch(learner, moved(learner)).support)
    seen = torch.randn(len(adapted), 5, 4, generator=torch.Generator().manual_seed(0))
    together = learner.policy.mean(adapted, seen)
    alone = torch.stack([learner.policy.mean(row, each) for row, each in zip(adapted, seen, strict=True)])
    assert torch.allclose(together, alone, atol=1e-6)


def test_the_start_goes_on_exploring() -> None:
    learner = learner_of(hidden="16", outer_steps="40", exploration="0.6", noise_log_std="-0.7")
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    for seed in range(3):
        meta, _ = learner.update(meta, a_batch(learner, meta, tasks=8, seed=seed))
    start = learner.start(meta)
    seen = a_batch(learner, meta).support.observations
    assert (learner.policy.mean(start, seen) - 0.6).abs().mean() < 0.2
    assert torch.equal(learner.policy.log_std(start), torch.tensor([-0.7, -0.7]))
    assert (learner.policy.latent(start) == 0.0).all()


def test_a_task_that_is_not_finite_is_dropped_and_counted() -> None:
    learner = learner_of()
    meta = moved(learner)
    batch = a_batch(learner, meta)
    batch.support.rewards[1, 0, 0] = torch.nan
    batch.query.observations[2, :] = torch.nan
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 2.0 and torch.isfinite(new).all() and not torch.equal(new, meta)
    fresh = learner_of()
    batch.support.rewards[:] = torch.nan
    new, metrics = fresh.update(meta, batch)
    assert metrics["dropped_tasks"] == 4.0 and torch.equal(new, meta)


def test_the_oldest_tasks_are_forgotten_and_the_rest_survive_a_restart() -> None:
    learner, other = learner_of(remembered="6"), learner_of(remembered="6")
    meta = moved(learner)
    for seed in (1, 2):
        meta, _ = learner.update(meta, a_batch(learner, meta, seed=seed))
    moments = learner.moments()
    assert len(moments["guidance/advice"]) == 6
    other.restore(moments)
    batch = a_batch(learner, meta, seed=9)
    assert torch.equal(learner.update(meta, batch)[0], other.update(meta, batch)[0])


def test_episodes_of_another_number_replace_what_is_remembered() -> None:
    learner = learner_of()
    meta = moved(learner)
    for episodes in (3, 2):
        meta, _ = learner.update(meta, a_batch(learner, meta, episodes=episodes))
    assert learner.moments()["guidance/pushes"].shape[:2] == (4, 2)


def test_a_family_that_nobody_masters_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="family: nobody knows how to master cheetah-direction; guided") as error:
        make_meta_learner("guided", make_problem("cheetah-direction"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"tasks": "0"}, "tasks: 0 is below 1"),
        ({"inner_step": "0"}, "inner_step: 0.0 is not above 0"),
        ({"discount": "1.5"}, r"discount: 1.5 is not in \[0, 1\]"),
        ({"exploration": "2"}, r"exploration: 2.0 is not in \[-1, 1\]"),
        ({"exploration_weight": "-1"}, "exploration_weight: -1.0 is below 0"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learner_of(**settings)


def test_a_policy_gradient_finds_any_rotation_after_a_short_training() -> None:
    problem: Problem = Turned()
    learner = make_meta_learner(
        "guided",
        problem,
        hidden="32,32",
        probe_hidden="16",
        outer_step="6e-3",
        outer_steps="40",
        tasks="16",
        states="32",
    )
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    for number in range(10):
        rng = np.random.default_rng([1, number])
        meta, _ = learner.update(meta, learner.collect(meta, problem, problem.sample(rng, 24), 4, rng))
    rng = np.random.default_rng(9)
    tasks = problem.sample(rng, 64, "test")
    adapted = learner.adapt(meta, learner.gather(meta, problem, tasks, 4, rng))
    start = learner.start(meta).expand(len(tasks), -1)
    before, after = (
        float(success_rate(problem, learner.policy, rows, tasks, 4, np.random.default_rng(3)).mean())
        for rows in (start, adapted)
    )
    assert before < 0.1 and after > 0.8, (before, after)

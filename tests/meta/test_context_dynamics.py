"""A context found by prediction alone: its gradient, what it reads, what it leaves out, and that it pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from metabot.experience import Episodes, Transitions
from metabot.meta import MetaBatch, MetaLearner, make_meta_learner
from metabot.meta.context_dynamics import ContextDynamics
from metabot.meta.prediction import Prediction
from metabot.problems import Problem, make_problem
from metabot.problems.reach import PointReach

SMALL = {"context_size": "3", "hidden": "8"}


def learner_of(problem: Problem | None = None, **settings: object) -> ContextDynamics:
    learner = make_meta_learner("context-dynamics", problem or PointReach(), **{**SMALL, **settings})
    assert isinstance(learner, ContextDynamics)
    return learner


def a_batch(learner: ContextDynamics, meta: torch.Tensor, tasks: int = 4) -> MetaBatch:
    problem, rng = PointReach(), np.random.default_rng(3)
    return learner.collect(meta, problem, problem.sample(rng, tasks), 2, rng)


def moved(learner: ContextDynamics) -> torch.Tensor:
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    return meta + 0.05 * torch.from_numpy(rng.standard_normal(len(meta), dtype=np.float32))


def test_the_gradient_matches_finite_differences_and_imitation_leaves_the_context_alone(
    checked_gradient: Callable[[Prediction, torch.Tensor, MetaBatch], dict[str, torch.Tensor]],
) -> None:
    learner = learner_of()
    meta = moved(learner)
    views = checked_gradient(learner, meta, a_batch(learner, meta))
    for name in ("policy/weight_0", "policy/context/latent", "log_step", "dynamics/weight_0"):
        assert views[name].norm() > 1e-6, name


def test_no_reward_is_read_in_training_or_adaptation() -> None:
    vectors = []
    for bonus in (0.0, 7.0):
        learner = learner_of(outer_steps=5)
        meta = moved(learner)
        batch = a_batch(learner, meta)
        for part in (batch.support, batch.query):
            part.rewards[:] += bonus
        new, _ = learner.update(meta, batch)
        vectors.append((new, learner.adapt(new, batch.support)))
    assert torch.equal(vectors[0][0], vectors[1][0]) and torch.equal(vectors[0][1], vectors[1][1])


def test_what_comes_after_the_end_of_an_episode_leaves_no_trace() -> None:
    learner = learner_of()
    meta = moved(learner)
    episodes = a_batch(learner, meta).support
    episodes.mask[:, 1, 9:] = 0.0
    over = episodes.mask == 0
    changed = dataclasses.replace(
        episodes,
        observations=torch.where(over[..., None], torch.nan, episodes.observations),
        actions=torch.where(over[..., None], torch.nan, episodes.actions),
    )
    assert torch.equal(*(learner.adapt(meta, each) for each in (episodes, changed)))


def test_only_the_context_tells_adapted_parameters_from_the_start() -> None:
    learner = learner_of()
    meta = moved(learner)
    adapted = learner.adapt(meta, a_batch(learner, meta).support)
    away = adapted - learner.start(meta)
    assert (away[:, :-3] == 0.0).all() and (away[:, -3:].abs() > 1e-6).all()


def test_the_scales_of_changes_are_followed() -> None:
    learner = learner_of(follow=1.0, outer_steps=1)
    meta = moved(learner)
    batch = a_batch(learner, meta)
    new, _ = learner.update(meta, batch)
    steps = Transitions.of(Episodes.join([batch.support, batch.query]))
    expected = torch.sqrt(steps.change.square().mean((0, 1)))
    assert torch.allclose(learner.layout.view(new)["dynamics/scale"], expected, rtol=1e-4)


def test_a_diverged_task_is_left_out_and_counted() -> None:
    learner = learner_of(outer_steps=3)
    meta = moved(learner)
    batch = a_batch(learner, meta)
    batch.query.observations[1, 0, 4] = torch.inf
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1
    assert torch.isfinite(new).all() and not torch.equal(new, meta)
    batch.support.observations[:] = torch.nan
    unchanged, metrics = learner.update(new, batch)
    assert metrics["dropped_tasks"] == 4 and torch.equal(unchanged, new)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"context_size": "0"}, "context_size: 0 is below 1"),
        ({"inner_step": "0"}, "inner_step: 0.0 is not above 0"),
        ({"states": "0"}, "states: 0; allowed with policy_steps alone"),
        ({"states": "-2"}, "states: -2 is below -1"),
        ({"follow": "1.5"}, "follow: 1.5 is above 1"),
        ({"expert_updates": "-1"}, "expert_updates: -1 is below 0"),
        ({"expert_decay": "-0.1"}, r"expert_decay: -0.1 is not in \[0, 1\]"),
        ({"policy_steps": "-1"}, "policy_steps: -1 is below 0"),
        ({"lesson": "0"}, "lesson: 0 is below 1"),
        ({"hidden": "64+64"}, r"hidden: '64\+64' is no list of whole numbers such as 64,64"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learner_of(**settings)


@pytest.mark.parametrize(
    ("family", "robots", "line"),
    [
        ("cheetah-direction", None, "nobody knows how to master cheetah-direction; context-dynamics needs an expert"),
        ("drive-goal", 3, "robots: 3 act in an episode of drive-goal; a context of context-dynamics is one robot's"),
    ],
)
def test_a_problem_that_it_is_not_made_for_is_refused(family: str, robots: int | None, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learner_of(make_problem(family, robots=robots))


def test_a_context_can_be_found_from_demonstrations() -> None:
    learner = learner_of(demonstrations="true")
    meta, problem = moved(learner), PointReach()
    tasks = problem.sample(np.random.default_rng(1), 3)
    shown = learner.gather(meta, problem, tasks, 2, np.random.default_rng(2))
    assert shown.expert is not None and torch.equal(shown.actions, shown.expert)
    support = learner.collect(meta, problem, tasks, 2, np.random.default_rng(2)).support
    assert torch.equal(support.actions, shown.actions)
    own = learner_of().gather(meta, problem, tasks, 2, np.random.default_rng(2))
    assert own.expert is None and not torch.equal(own.actions, shown.actions)


def test_noisy_demonstrations_shake_what_is_done_and_not_what_is_advised() -> None:
    learner, problem = learner_of(demonstrations="true", demonstration_noise=0.2), PointReach()
    tasks = problem.sample(np.random.default_rng(1), 8)
    shown = learner.gather(moved(learner), problem, tasks, 4, np.random.default_rng(2))
    assert shown.expert is not None
    free = (shown.expert.abs() < 0.4) & (shown.mask[..., None] > 0)
    shaken = (shown.actions - shown.expert)[free]
    assert len(shaken) > 100 and shaken.std() == pytest.approx(0.2, rel=0.15)
    assert shown.actions.abs().max() <= 1.0


def practising() -> ContextDynamics:
    return learner_of(outer_steps=2, policy_steps=3, policy_states=8, remembered=6, lesson=5)


def test_practice_moves_the_policy_alone_and_is_gone_on_with_bit_by_bit() -> None:
    learner, idle = practising(), learner_of(outer_steps=2)
    meta = moved(learner)
    batches = [a_batch(learner, meta), a_batch(learner, meta)]
    first, _ = learner.update(meta, batches[0])
    size = learner.policy.layout.size
    joint, _ = idle.update(meta, batches[0])
    assert torch.equal(first[size:], joint[size:]) and not torch.equal(first[:size], joint[:size])
    again = practising()
    again.restore(learner.moments())
    second, _ = learner.update(first, batches[1])
    assert torch.equal(again.update(first, batches[1])[0], second)
    # Of two batches of four tasks the newest six are remembered.
    kept = learner.moments()
    assert kept["lessons/advice"].shape[:2] == (6, 5)
    assert all(np.array_equal(value, again.moments()[name]) for name, value in kept.items())
    forgetful = practising()
    assert not torch.equal(forgetful.update(first, batches[1])[0], second)


def test_who_imitates_in_practice_alone_leaves_the_policy_to_it() -> None:
    learner = learner_of(states=0, policy_step=0.001, outer_step=0.05, policy_steps=1, policy_states=8)
    meta = moved(learner)
    new, _ = learner.update(meta, a_batch(learner, meta))
    views = learner.layout.view((new - meta).abs())
    assert float(views["dynamics/weight_0"].max()) > 0.02, "the model's step is the other"
    # Adam's first step is as long as its step size.
    assert float(views["policy/weight_0"].max()) == pytest.approx(0.001, rel=0.01)


def test_a_context_beats_the_start_after_a_short_training(
    trained_success: Callable[[MetaLearner, Problem, int], tuple[float, float]],
) -> None:
    problem = PointReach()
    learner = learner_of(problem, hidden="32,32", samples="48", outer_step="5e-3")
    before, after = trained_success(learner, problem, 12)
    assert after > before + 0.25 and after > 0.9, (before, after)

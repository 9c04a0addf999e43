"""What a simulator knows, inferred: its units, gradient, what is remembered and left out, and that it pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from metabot.experience import Transitions
from metabot.meta import MetaLearner, make_meta_learner
from metabot.meta.outer import OuterAdam
from metabot.meta.rounds import doubling
from metabot.meta.standard import Standard
from metabot.meta.task_encoder import TaskEncoder
from metabot.meta.task_inference import Revealed, TaskInference
from metabot.policy.information_encoder import InformationEncoder
from metabot.problems import Problem, make_problem
from metabot.problems.reach import PointReach

SMALL = {"hidden": "8", "encoder_hidden": "8", "outer_steps": "3", "lesson": "12", "samples": "10", "states": "6"}


def learner_of(**settings: object) -> TaskInference:
    learner = make_meta_learner("task-inference", PointReach(), **{**SMALL, **settings})
    assert isinstance(learner, TaskInference)
    return learner


def moved(learner: TaskInference) -> torch.Tensor:
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    return meta + 0.05 * torch.from_numpy(rng.standard_normal(len(meta), dtype=np.float32))


def a_batch(learner: TaskInference, meta: torch.Tensor, tasks: int = 4, seed: int = 3) -> Revealed:
    problem, rng = PointReach(), np.random.default_rng(seed)
    return learner.collect(meta, problem, problem.sample(rng, tasks), 3, rng)


@pytest.mark.parametrize(
    "settings", [{}, {"belief_size": "3", "told": "0.5", "products": "true"}, {"belief_size": "3", "passes": "3"}]
)
def test_the_gradient_matches_finite_differences_and_imitation_leaves_the_encoder_alone(
    matches_differences: Callable[..., None], settings: dict[str, str]
) -> None:
    learner = learner_of(**settings)
    meta = moved(learner)
    batch = a_batch(learner, meta)
    arrays = Transitions.of(batch.support).arrays()
    steps = Transitions(**{name: value.double() for name, value in arrays.items()})
    draw = torch.Generator().manual_seed(0)
    advice, hidden = torch.randn(steps.action.shape, generator=draw).double(), batch.hidden.double()

    def loss(vector: torch.Tensor) -> torch.Tensor:
        return learner.losses(vector, steps, hidden, steps.observation, advice).sum()

    def inference(vector: torch.Tensor) -> torch.Tensor:
        return torch.stack([(each - hidden).square().sum() for each in learner._estimates(vector, steps)]).sum()

    at, policy = meta.double(), learner.policy.layout.size
    variable = at.clone().requires_grad_(True)
    (whole,) = torch.autograd.grad(loss(variable), variable)
    (inferred,) = torch.autograd.grad(inference(variable), variable)
    assert torch.allclose(whole[policy:], inferred[policy:]) and (inferred[:policy] == 0.0).all()
    matches_differences(loss, whole, at, range(policy - learner.policy.latent_size))
    # The whole loss moves with the encoder by way of what the policy reads, too; its gradient is of inference alone.
    matches_differences(inference, inferred, at, range(policy, len(at)))


def test_a_tempered_context_does_not_depend_on_how_often_steps_are_told() -> None:
    encoder = TaskEncoder(4, 2, 3, (8,), prior_precision=0.02, tempered=True)
    vector = torch.from_numpy(encoder.initial(np.random.default_rng(0)))
    draw = torch.Generator().manual_seed(0)
    seen, done = torch.randn(2, 6, 4, generator=draw), torch.randn(2, 6, 2, generator=draw)
    zeros = torch.zeros(2, 6)
    steps = Transitions(seen, done, zeros, torch.randn(2, 6, 4, generator=draw), zeros, torch.ones(2, 6))
    thrice = Transitions(**{name: torch.cat([value] * 3, dim=1) for name, value in steps.arrays().items()})
    assert torch.allclose(encoder(vector, thrice).mean, encoder(vector, steps).mean, atol=1e-6)
    nothing = encoder(vector, dataclasses.replace(steps, valid=zeros))
    assert (nothing.mean == 0.0).all() and torch.allclose(nothing.variance, torch.tensor(50.0))


@pytest.mark.parametrize("name", ["point-reach", "navigation-2d", "drive-goal", "drive-push-partner"])
def test_what_tasks_hide_has_mean_zero_and_spread_one(name: str) -> None:
    problem = make_problem(name)
    standard = Standard.of(problem, "task-inference")
    values = standard(problem, problem.sample(np.random.default_rng(5), 2000))
    assert values.shape == (2000, standard.size) and values.dtype == torch.float32
    assert values.mean(0).abs().max() < 0.15 and (values.std(0) - 1.0).abs().max() < 0.15


def test_problems_that_hide_nothing_or_do_not_say_it_are_refused_in_one_line() -> None:
    class Silent(PointReach):
        def hidden(self, tasks: np.ndarray) -> None:
            return None

    class Same(PointReach):
        def hidden(self, tasks: np.ndarray) -> np.ndarray:
            return np.ones((len(tasks), 2))

    for problem, line in ((Silent(), "does not say what its tasks hide"), (Same(), "are the same")):
        with pytest.raises(ValueError, match=line) as error:
            make_meta_learner("task-inference", problem)
        assert "\n" not in str(error.value)


def test_rounds_double_until_all_episodes_are_played() -> None:
    assert [list(doubling(episodes)) for episodes in (1, 2, 3, 8)] == [[1], [1, 1], [1, 1, 1], [1, 1, 2, 4]]


def test_a_task_that_is_not_finite_is_dropped_and_counted() -> None:
    learner = learner_of()
    meta = moved(learner)
    batch = a_batch(learner, meta)
    batch.support.observations[1, 0, 0, 0] = torch.nan
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1.0 and torch.isfinite(new).all() and not torch.equal(new, meta)
    fresh = learner_of()
    batch.support.observations[:] = torch.nan
    new, metrics = fresh.update(meta, batch)
    assert metrics["dropped_tasks"] == 4.0 and torch.equal(new, meta)


def test_the_oldest_tasks_are_forgotten_and_the_rest_survive_a_restart() -> None:
    learner, other = learner_of(remembered="6"), learner_of(remembered="6")
    meta = moved(learner)
    for seed in (1, 2):
        meta, _ = learner.update(meta, a_batch(learner, meta, seed=seed))
    moments = learner.moments()
    assert len(moments["hidden"]) == 6 and len(moments["lessons/advice"]) == 6
    other.restore(moments)
    batch = a_batch(learner, meta, seed=9)
    assert torch.equal(learner.update(meta, batch)[0], other.update(meta, batch)[0])


def one_way_steps(turns: torch.Tensor, bearings: torch.Tensor) -> Transitions:
    """Steps that pay cos(turn + bearing): each by itself tells a turn from one side only."""
    zeros = torch.zeros(bearings.shape)
    seen = torch.stack([torch.cos(bearings), torch.sin(bearings), zeros, zeros], dim=-1)
    paid = torch.cos(turns[:, None] + bearings)
    return Transitions(seen, torch.zeros(*bearings.shape, 2), paid, torch.zeros_like(seen), zeros, zeros + 1.0)


def test_a_belief_adds_up_measurements_from_several_sides() -> None:
    encoder = InformationEncoder(4, 2, 2, (), belief_size=2, rank=1, prior_precision=1e-4)
    views = encoder.layout.view(vector := torch.zeros(encoder.layout.size))
    # The slope is what was seen, the value what was paid, and reading is hardly bent.
    for row, column in ((0, 0), (1, 1), (2, 6)):
        views["measure/weight_0"][row, column] = -1.0 if row == 1 else 1.0
    small = 1e-2
    views["read/weight_0"][:2] = small * torch.eye(2)
    views["read/weight_1"][:, :2] = torch.eye(2) / small
    turns = torch.tensor([0.4, -2.5, 3.0])
    bearings = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
    found = encoder(vector, one_way_steps(turns, bearings))
    assert torch.allclose(found, torch.stack([torch.cos(turns), torch.sin(turns)], 1), atol=2e-3)
    backwards = encoder(vector, one_way_steps(turns, bearings.flip(1)))
    twice = encoder(vector, one_way_steps(turns, torch.cat([bearings, bearings], 1)))
    assert torch.allclose(found, backwards, atol=1e-5) and torch.allclose(found, twice, atol=1e-5)
    # From one side alone only what was measured there is known.
    aside = encoder(vector, one_way_steps(turns, torch.zeros(3, 12)))
    assert torch.allclose(aside, torch.stack([torch.cos(turns), torch.zeros(3)], 1), atol=2e-3)


def test_of_a_task_that_is_told_the_policy_reads_what_is_hidden() -> None:
    batch = a_batch(learner := learner_of(told="0.5"), moved(learner_of()))
    meta, steps = moved(learner), Transitions.of(batch.support)
    asked = steps.observation, torch.zeros_like(steps.action)
    for wrong, moves in ((batch.hidden + torch.tensor([[3.0], [3.0], [0.0], [0.0]]), True), (batch.hidden, False)):
        inferred = (learner.infer(meta, steps) - wrong).square().sum(-1)
        imitated = learner.losses(meta, steps, wrong, *asked) - inferred
        if moves:
            changed = imitated
        else:
            assert (changed[:2] - imitated[:2]).abs().min() > 1e-4 and torch.equal(changed[2:], imitated[2:])


def test_the_step_size_falls_with_every_update() -> None:
    whole, falling = learner_of(), learner_of(outer_decay="0.1")
    meta = moved(whole)
    moves = []
    for learner in (whole, falling):
        now, sizes = meta, []
        for seed in range(3):
            new, _ = learner.update(now, a_batch(learner, now, seed=seed))
            sizes.append(float((new - now).abs().max()))
            now = new
        moves.append(sizes)
    assert moves[0][0] == moves[1][0]
    assert moves[1][1] < 0.3 * moves[1][0] and moves[1][2] < 0.3 * moves[1][1] and moves[0][2] > 0.5 * moves[0][0]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"tasks": "0"}, "tasks: 0 is below 1"),
        ({"belief_size": "-1"}, "belief_size: -1 is below 0"),
        ({"told": "1.5"}, r"told: 1.5 is not in \[0, 1\]"),
        ({"outer_decay": "2"}, r"outer_decay: 2.0 is not in \[0, 1\]"),
        ({"change_size": "0"}, "change_size: 0.0 is not above 0"),
        ({"policy_steps": "-3"}, "policy_steps: -3 is below 0"),
        ({"passes": "0"}, "passes: 0 is below 1"),
        ({"passes": "2"}, "passes: 2 is above 1; allowed with belief_size alone"),
        ({"policy_step": "-1"}, "policy_step: -1.0 is below 0"),
        ({"states": "0"}, "states: 0 is below 1; allowed with policy_steps alone: 0"),
        ({"states": "-1", "policy_steps": "2"}, "states: -1 is below 1"),
        ({"policy_decay": "0"}, r"policy_decay: 0.0 is not in \(0, 1\]"),
        ({"policy_step": "0.1"}, "policy_step: 0.1; allowed with policy_steps alone"),
        ({"policy_decay": "0.1"}, "policy_decay: 0.1; allowed with policy_steps alone"),
        ({"follow": "0.2"}, "follow"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learner_of(**settings)


@pytest.mark.parametrize("settings", [{}, {"belief_size": "4", "told": "0.5", "products": "true"}])
def test_a_context_beats_the_start_after_a_short_training(
    trained_success: Callable[[MetaLearner, Problem, int], tuple[float, float]], settings: dict[str, str]
) -> None:
    problem = PointReach()
    learner = make_meta_learner("task-inference", problem, hidden="32,32", outer_steps="60", **settings)
    before, after = trained_success(learner, problem, 8)
    assert after > before + 0.1 and after > 0.9, (before, after)


def practising(**settings: object) -> TaskInference:
    return learner_of(policy_steps=3, policy_states=8, remembered=6, **settings)


def test_who_imitates_in_practice_alone_does_so_with_a_step_of_its_own() -> None:
    changes = []
    for policy_step in ("0.001", "0.002"):
        learner = learner_of(states="0", policy_step=policy_step, outer_step="0.05", policy_steps=1)
        meta = moved(learner)
        new, _ = learner.update(meta, a_batch(learner, meta))
        assert float((new - meta)[learner.policy.layout.size :].abs().max()) > 0.02, "the encoder's is the other"
        changes.append((new - meta)[: learner.policy.layout.size])
    # Adam's first step is as long as its step size.
    assert [float(each.abs().max()) for each in changes] == pytest.approx([0.001, 0.002], rel=0.01)


def test_adapted_episodes_tell_tasks_apart_too_if_wanted() -> None:
    for wanted in (False, True):
        learner = learner_of(query_steps=wanted, lesson="200")
        meta = moved(learner)
        batch = a_batch(learner, meta)
        learner.update(meta, batch)
        assert learner._lessons is not None
        seen, adapted = learner._lessons.steps.observation, Transitions.of(batch.query).observation
        found = (seen[:, :, None] == adapted[:, None]).all(-1).any()
        assert bool(found) is wanted


@pytest.mark.parametrize("told", ["0", "0.5", "1"])
def test_practice_moves_the_policy_alone_and_is_gone_on_with_bit_by_bit(told: str) -> None:
    learner, idle = practising(told=told), learner_of(told=told, remembered=6)
    meta = moved(learner)
    batches = [a_batch(learner, meta), a_batch(learner, meta, seed=4)]
    first, _ = learner.update(meta, batches[0])
    size = learner.policy.layout.size
    joint, _ = idle.update(meta, batches[0])
    assert torch.equal(first[size:], joint[size:]) and not torch.equal(first[:size], joint[:size])
    again = practising(told=told)
    again.restore(learner.moments())
    second, _ = learner.update(first, batches[1])
    assert torch.equal(again.update(first, batches[1])[0], second)


def test_steps_of_practice_become_smaller_within_an_update_and_not_from_one_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[float] = []
    resize = OuterAdam.resize
    monkeypatch.setattr(OuterAdam, "resize", lambda adam, step: (sizes.append(step), resize(adam, step)))
    learner = practising(policy_decay="0.001")
    meta = moved(learner)
    for seed in (3, 4):
        meta, _ = learner.update(meta, a_batch(learner, meta, seed=seed))
    step = learner.config.outer_step
    # Each update says first what step its joint ones have.
    assert sizes == pytest.approx(2 * [step, step, 0.1 * step, 0.01 * step])


def test_practice_reads_what_is_hidden_in_the_share_of_tasks_that_it_is_told_of() -> None:
    """With nothing but what is hidden the encoder has no part in it; with what was inferred, it has."""
    for told, alike in (("1", True), ("0", False)):
        learner = practising(told=told, outer_steps="1")
        meta = moved(learner)
        batch, found = a_batch(learner, meta), []
        learner.update(meta, batch)
        for shift in (0.0, 0.5):
            other = meta.clone()
            other[learner.policy.layout.size :] += shift
            learner._policy_adam.restore({})
            found.append(learner._practised(other, torch.Generator().manual_seed(0))[: learner.policy.layout.size])
        assert torch.equal(*found) is alike

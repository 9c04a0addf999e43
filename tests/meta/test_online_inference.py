"""Online inference: at every step what all steps so far say, in the order of time or side by side the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metabot.base.rollout import rollout
from metabot.experience import Episodes, Transitions
from metabot.meta import make_meta_learner
from metabot.meta.online_inference import OnlineInference
from metabot.policy.filtering import FilterPolicy
from metabot.policy.policy import Moment
from metabot.problems.reach import PointReach

SMALL = {"hidden": "8", "encoder_hidden": "8", "outer_steps": "3", "lesson": "12", "samples": "10", "states": "6"}


def learner_of(**settings: object) -> OnlineInference:
    learner = make_meta_learner("online-inference", PointReach(), **{**SMALL, **settings})
    assert isinstance(learner, OnlineInference)
    return learner


def moved(learner: OnlineInference) -> torch.Tensor:
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    size = len(meta) - (learner.config.belief_size + 1) * learner.config.belief_size - 1 - 3
    meta[:size] += 0.2 * torch.from_numpy(rng.standard_normal(size, dtype=np.float32))
    return meta


@pytest.mark.parametrize("settings", [{}, {"weight_sets": "3"}, {"products": "true", "weight_sets": "2"}])
def test_what_is_done_at_a_step_is_what_all_steps_before_say(settings: dict[str, str]) -> None:
    learner, problem = learner_of(**settings), PointReach()
    meta, rng = moved(learner), np.random.default_rng(1)
    tasks = problem.sample(rng, 3)
    before = learner.gather(meta, problem, tasks, 2, rng)
    rows = learner.adapt(meta, before)
    played = rollout(problem, learner.policy, rows, tasks, 1, rng, deterministic=True)
    network = learner.reader
    views = network.layout.view(learner.start(meta)[: network.layout.size])
    for step in (0, 1, 4):
        # The steps before, of former episodes and of this one, put into one heap.
        seen = played.observations[:, :, : step + 1]
        actions, rewards = played.actions[:, :, : step + 1], played.rewards[:, :, : step + 1]
        mask = torch.ones(rewards.shape)
        now = Episodes(seen, actions, rewards, mask, torch.zeros_like(mask), torch.zeros(3, 1))
        heap = Transitions.of(before)
        if step:
            more = Transitions.of(now)
            heap = Transitions(**{n: torch.cat([v, more.arrays()[n]], 1) for n, v in heap.arrays().items()})
        context = learner.infer(meta, heap)
        expected = network.mean_given(views, seen[:, :, -1], context)
        assert torch.allclose(actions[:, :, -1], expected, atol=1e-4), step


def test_it_adapts_within_an_episode_and_a_memory_goes_on() -> None:
    learner, problem = learner_of(), PointReach()
    meta, rng = moved(learner), np.random.default_rng(1)
    policy = learner.policy
    assert isinstance(policy, FilterPolicy)
    row = learner.start(meta)[None]
    state = policy.begin(row, 1)
    seen = torch.ones(1, 1, policy.observation_size)
    still, zero = torch.zeros(1, 1, policy.action_size), torch.zeros(1, 1)
    first, state = policy.act(row, Moment(seen, still, zero, zero + 1.0), state)
    unmoved, _ = policy.act(row, Moment(seen, still, zero, zero + 1.0), state)
    assert torch.equal(first, unmoved), "a new episode tells nothing yet"
    after, known = policy.act(row, Moment(seen, still + 0.5, zero + 1.0, zero), state)
    assert not torch.allclose(first, after, atol=1e-4) and float(known.sums.steps) == 1.0
    over, ended = policy.act(row, Moment(seen, still + 0.5, zero + 1.0, zero, zero), known)
    assert torch.equal(over, after) and float(ended.sums.steps) == 1.0, "what is over leaves no trace"
    tasks = problem.sample(rng, 2)
    rows = learner.adapt(meta, learner.gather(meta, problem, tasks, 3, rng))
    assert rows.shape == (2, policy.layout.size) and float(policy.begin(rows, 4).sums.steps[0, 3]) > 3.0


def test_a_task_is_told_by_its_first_steps_in_training() -> None:
    learner = learner_of(fewest="2")
    valid = torch.ones(400, 2, 8)
    valid[:, 1, 5:] = 0.0
    count = learner.known(valid, torch.Generator().manual_seed(0)).flatten(1)
    assert (count[:, 1:] <= count[:, :-1]).all() and count.sum(1).min() == 2.0 and count.sum(1).max() >= 12.0
    assert 2.5 < float(count.sum(1).median()) < 8.0, "few steps as often as many"


def test_it_learns_and_is_stored_bit_for_bit() -> None:
    learner, problem = learner_of(outer_steps="40"), PointReach()
    meta, losses = torch.from_numpy(learner.initial(np.random.default_rng(0))), []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        meta, metrics = learner.update(meta, learner.collect(meta, problem, problem.sample(rng, 16), 2, rng))
        losses.append(metrics["loss"])
    assert losses[-1] < 0.7 * losses[0]
    other = learner_of(outer_steps="40")
    other.restore(learner.moments())
    rng = np.random.default_rng(99)
    batch = learner.collect(meta, problem, problem.sample(rng, 4), 2, rng)
    assert torch.equal(learner.update(meta, batch)[0], other.update(meta, batch)[0])
    assert float(learner.policy.begin(learner.start(meta)[None], 1).sums.steps) == 0.0, "nothing is remembered by all"


def test_a_belief_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="belief_size: 0 is below 1"):
        learner_of(belief_size="0")

"""Policies with a memory: acting, evaluating whole trials and remembering are one thing."""

import dataclasses

import numpy as np
import pytest
import torch

from metabot.base import trial
from metabot.experience import Episodes, Stream
from metabot.policy import gaussian_log_prob
from metabot.policy.context import CONTEXT, ContextPolicy
from metabot.policy.recurrent import GRUPolicy
from metabot.policy.transformer import TransformerPolicy
from metabot.problems.navigation import Navigation2D

TASKS = np.array([[0.25, 0.0], [0.0, -0.3], [-0.5, 0.5], [0.1, 0.1]])
POLICIES: list[ContextPolicy] = [GRUPolicy(2, 2, 8), TransformerPolicy(2, 2, width=16, heads=2, window=12)]
both = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)


class ShortNavigation(Navigation2D):
    """Episodes that the first step of luck can end, so that trials have lengths of their own."""

    horizon = 15

    def step(self, actions: np.ndarray):
        outcome = super().step(actions)
        near = np.square(self._at - self._goal).sum(axis=1) < 0.2**2
        ended = near & ~self._reached
        self._reached |= near
        return dataclasses.replace(outcome, ended=ended)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        self._reached = np.zeros(len(tasks), dtype=bool)
        return super().begin(tasks, rng)


def parameters_of(policy: ContextPolicy, seed: int = 0) -> torch.Tensor:
    """Parameters far from the small ones of the start, with no memory."""
    rng = np.random.default_rng(seed)
    parameters = torch.from_numpy(policy.initial(rng))
    parameters += 0.3 * torch.from_numpy(rng.standard_normal(policy.layout.size, dtype=np.float32))
    for name, where, _ in policy.layout.slices():
        if name.startswith(CONTEXT):
            parameters[where] = 0.0
    return parameters


def play(policy: ContextPolicy, parameters: torch.Tensor, episodes: int, seed: int = 1) -> Episodes:
    return trial(ShortNavigation(), policy, parameters, TASKS, episodes, np.random.default_rng(seed))


def log_probs(policy: ContextPolicy, parameters: torch.Tensor, stream: Stream) -> torch.Tensor:
    mean, _ = policy.unroll(parameters, stream)
    log_std = policy.log_std(parameters)
    return gaussian_log_prob((stream.action - mean) * torch.exp(-log_std), log_std) * stream.valid


@both
def test_acting_step_by_step_is_what_the_parallel_evaluation_says(policy: ContextPolicy) -> None:
    parameters = parameters_of(policy)
    episodes = play(policy, parameters.expand(len(TASKS), -1), 3)
    stream = Stream.of(episodes)
    assert len(set(stream.lengths.tolist())) > 1, "some episodes must end early, or nothing is tested"
    assert float(stream.lengths.max()) > getattr(policy, "window", 0), "the window must have to move on"
    assert torch.allclose(log_probs(policy, parameters, stream), stream.log_prob, atol=1e-4)


@both
def test_going_on_from_a_memory_is_going_on_with_the_trial(policy: ContextPolicy) -> None:
    """What `remember` puts into the parameters is all that there is to know of the past."""
    parameters = parameters_of(policy)
    past = play(policy, parameters.expand(len(TASKS), -1), 2)
    remembered = policy.remember(parameters, Stream.of(past))
    assert remembered.shape == (len(TASKS), policy.layout.size)
    future = play(policy, remembered, 2, seed=2)
    whole = Stream.of(Episodes.join([past, future]))
    assert torch.allclose(log_probs(policy, parameters, whole), whole.log_prob, atol=1e-4)
    forgetful = play(policy, parameters.expand(len(TASKS), -1), 2, seed=2)
    assert not torch.allclose(future.actions, forgetful.actions, atol=1e-2)


@both
def test_a_trial_may_begin_with_a_memory(policy: ContextPolicy) -> None:
    parameters = parameters_of(policy)
    past = play(policy, parameters.expand(len(TASKS), -1), 2)
    start = policy.remember(parameters, Stream.of(past))[0]
    later = play(policy, start.expand(len(TASKS), -1), 1, seed=3)
    stream = Stream.of(later)
    stream = dataclasses.replace(stream, last_action=stream.last_action.clone(), last_reward=stream.last_reward.clone())
    action, reward = policy.before(start[None], 1)
    stream.last_action[:, 0], stream.last_reward[:, 0] = action[0, 0], reward[0, 0]
    assert torch.allclose(log_probs(policy, start, stream), stream.log_prob, atol=1e-4)


@both
def test_what_comes_after_the_end_of_an_episode_leaves_no_trace(policy: ContextPolicy) -> None:
    parameters = parameters_of(policy)
    episodes = play(policy, parameters.expand(len(TASKS), -1), 2)
    over = episodes.mask == 0
    assert over.any()
    changed = dataclasses.replace(
        episodes,
        observations=torch.where(over[..., None], 99.0, episodes.observations),
        actions=torch.where(over[..., None], torch.nan, episodes.actions),
        rewards=torch.where(over, 99.0, episodes.rewards),
    )
    remembered = [policy.remember(parameters, Stream.of(each)) for each in (episodes, changed)]
    assert torch.equal(*remembered)


@both
def test_the_last_reward_of_an_episode_is_known_in_the_next(policy: ContextPolicy) -> None:
    parameters = parameters_of(policy)
    episodes = play(policy, parameters.expand(len(TASKS), -1), 2)
    last = Stream.of(episodes).lengths - Stream.of(episodes.part(slice(1, 2))).lengths - 1
    praised = dataclasses.replace(episodes, rewards=episodes.rewards.clone())
    for row, step in enumerate(last.tolist()):
        praised.rewards[row, 0, step] += 5.0
    means = [policy.unroll(parameters, Stream.of(each))[0] for each in (episodes, praised)]
    for row, step in enumerate(last.tolist()):
        assert torch.equal(means[0][row, : step + 1], means[1][row, : step + 1])
        assert not torch.allclose(means[0][row, step + 1], means[1][row, step + 1], atol=1e-4)


@both
def test_a_policy_that_reads_no_reward_acts_the_same_whatever_it_earns(policy: ContextPolicy) -> None:
    blind = dataclasses.replace(policy, reads_reward=False)
    parameters = parameters_of(blind)
    episodes = play(blind, parameters.expand(len(TASKS), -1), 2)
    praised = dataclasses.replace(episodes, rewards=episodes.rewards + 5.0)
    assert torch.equal(*(blind.unroll(parameters, Stream.of(each))[0] for each in (episodes, praised)))


def test_a_transformer_forgets_what_has_left_its_window() -> None:
    policy = POLICIES[1]
    assert isinstance(policy, TransformerPolicy)
    parameters = parameters_of(policy)
    stream = Stream.of(play(policy, parameters.expand(len(TASKS), -1), 3))
    shifted = dataclasses.replace(stream, observation=stream.observation.clone())
    shifted.observation[:, 3] += 1.0
    before, after = (policy.unroll(parameters, each)[0] for each in (stream, shifted))
    changed = (before - after).abs().amax((0, 2)) > 1e-6
    assert changed[3 : 3 + policy.window + 1].all()
    assert not changed[:3].any() and not changed[3 + policy.window + 1 :].any()


@both
@pytest.mark.parametrize("memory", [False, True], ids=["fresh", "remembering"])
def test_the_gradient_through_a_trial_matches_finite_differences(policy: ContextPolicy, memory: bool) -> None:
    parameters = parameters_of(policy)
    raw = Stream.of(play(policy, parameters.expand(len(TASKS), -1), 1))
    if memory:
        parameters = policy.remember(parameters, raw)[0]
    parameters = parameters.double()
    names = [each.name for each in dataclasses.fields(Stream)]
    stream = Stream(**{name: value.double() for name in names if (value := getattr(raw, name)) is not None})
    torch.manual_seed(0)
    weights = [torch.randn(size, dtype=torch.float64) for size in (policy.action_size, policy.feature_size)]

    def value(vector: torch.Tensor) -> torch.Tensor:
        outputs = policy.unroll(vector, stream)
        return sum((part @ weight * stream.valid).sum() for part, weight in zip(outputs, weights, strict=True))

    variable = parameters.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(variable), variable)
    smooth = torch.ones(policy.layout.size)
    tokens = policy.layout.view(smooth).get(CONTEXT + "tokens")
    if tokens is not None:
        tokens[:, -1] = 0.0  # whether a token is there has no derivative
    eps = 1e-6
    for index in np.random.default_rng(0).choice(torch.nonzero(smooth)[:, 0].numpy(), 60, replace=False):
        shift = torch.zeros_like(parameters)
        shift[index] = eps
        numeric = float((value(parameters + shift) - value(parameters - shift)) / (2 * eps))
        assert numeric == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "line"),
    [({"width": 10}, "width: 10 is no multiple of heads 4"), ({"window": 15}, "window: 15 is no multiple of layers 2")],
)
def test_sizes_that_do_not_fit_are_refused(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        TransformerPolicy(2, 2, **settings)

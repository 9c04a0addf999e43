"""PEARL: its posterior, gradients, replay and targets, how it explores, and that a context pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from metabot.experience import Episodes, Transitions
from metabot.meta import MetaBatch, MetaLearner, make_meta_learner
from metabot.meta.pearl import PEARL, Noise
from metabot.meta.replay import TaskReplay
from metabot.meta.task_encoder import TaskEncoder
from metabot.problems import Problem, make_problem
from metabot.problems.problem import Outcome, Split
from metabot.problems.reach import PointReach

SMALL = {"latent_size": "2", "hidden": "8", "outer_steps": "3"}


def learner_of(problem: Problem | None = None, **settings: object) -> PEARL:
    learner = make_meta_learner("pearl", problem or PointReach(), **{**SMALL, **settings})
    assert isinstance(learner, PEARL)
    return learner


def moved(learner: PEARL) -> torch.Tensor:
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    return meta + 0.1 * torch.from_numpy(rng.standard_normal(len(meta), dtype=np.float32))


def a_batch(learner: PEARL, meta: torch.Tensor, tasks: int = 3, seed: int = 3) -> MetaBatch:
    problem, rng = PointReach(), np.random.default_rng(seed)
    return learner.collect(meta, problem, problem.sample(rng, tasks), 2, rng)


def steps_of(tasks: int = 3, points: int = 5, seed: int = 0) -> Transitions:
    generator = torch.Generator().manual_seed(seed)

    def draw(*size: int) -> torch.Tensor:
        return torch.randn(tasks, points, *size, generator=generator).double()

    terminal = (draw() > 1.0).double()
    return Transitions(draw(4), draw(2).clamp(-1, 1), draw(), draw(4), terminal, torch.ones(tasks, points).double())


def test_the_posterior_is_the_normalised_product_of_its_factors_and_the_prior() -> None:
    encoder, steps = TaskEncoder(4, 2, 1, (8,)), steps_of(1, 3)
    vector = torch.from_numpy(encoder.initial(np.random.default_rng(0))).double()
    at = torch.linspace(-6.0, 6.0, 8001, dtype=torch.float64)
    log_density = -0.5 * at**2
    for number in range(3):
        one = encoder(vector, steps.take(torch.tensor([[number]])))
        # One factor with the prior divided out is the factor alone.
        variance = 1.0 / (1.0 / one.variance - 1.0)
        mean = variance * one.mean / one.variance
        log_density = log_density - 0.5 * (at - mean[0, 0]) ** 2 / variance[0, 0]
    density = torch.exp(log_density - log_density.max())
    density = density / torch.trapezoid(density, at)
    known = encoder(vector, steps)
    assert float(known.mean) == pytest.approx(float(torch.trapezoid(density * at, at)), abs=1e-5)
    spread = torch.trapezoid(density * (at - known.mean[0, 0]) ** 2, at)
    assert float(known.variance) == pytest.approx(float(spread), abs=1e-5)
    prior = torch.exp(-0.5 * at**2) / (2.0 * torch.pi) ** 0.5
    kept = density > 1e-12
    divergence = torch.trapezoid(torch.where(kept, density * torch.log(density.clamp(min=1e-30) / prior), 0.0), at)
    assert float(known.divergence()) == pytest.approx(float(divergence), abs=1e-5)


def test_order_does_not_matter_and_without_experience_it_is_the_prior() -> None:
    learner = learner_of()
    meta, steps = moved(learner).double(), steps_of()
    known = learner.posterior(meta, steps)
    turned = learner.posterior(meta, steps.take(torch.tensor([[4, 2, 0, 1, 3]] * 3)))
    assert torch.allclose(known.mean, turned.mean) and torch.allclose(known.variance, turned.variance)
    nothing = learner.posterior(meta, dataclasses.replace(steps, valid=torch.zeros_like(steps.valid)))
    assert (nothing.mean == 0.0).all() and (nothing.variance == 1.0).all()


def test_each_part_descends_its_own_loss_and_gradients_match_finite_differences() -> None:
    learner = learner_of()
    meta, context, steps = moved(learner).double(), steps_of(seed=1), steps_of(seed=2)
    generator = torch.Generator().manual_seed(0)
    noise = Noise(*(torch.randn(*size, generator=generator).double() for size in ((3, 2), (3, 5, 2), (3, 5, 2))))
    with torch.no_grad():
        fixed = learner.posterior(meta, context).draw(noise.latent)
        to = learner.targets(meta, fixed, steps, noise.after)

    def critic(vector: torch.Tensor) -> torch.Tensor:
        known = learner.posterior(vector, context)
        return learner.critic_losses(vector, known, known.draw(noise.latent), steps, to).sum()

    def actor(vector: torch.Tensor) -> torch.Tensor:
        return learner.actor_losses(vector, fixed, steps, noise.now)[0].sum()

    variable = meta.clone().requires_grad_(True)
    (whole,) = torch.autograd.grad(learner.losses(variable, context, steps, noise).sum(), variable)
    policy, last = learner.policy.layout.size, len(meta) - 1
    # The context of the policy's parameters is the prior's mean, and stays.
    assert (whole[policy - 2 : policy] == 0.0).all()
    rng = np.random.default_rng(0)
    for loss, low, high in ((actor, 0, policy - 2), (critic, policy, last)):
        for index in rng.choice(np.arange(low, high), 30, replace=False):
            shift = torch.zeros_like(meta)
            shift[index] = 1e-7
            numeric = float(loss(meta + shift) - loss(meta - shift)) / 2e-7
            assert numeric == pytest.approx(float(whole[index]), rel=1e-3, abs=1e-5)
    views = learner.policy.layout.view(learner.start(meta))
    _, log_prob = learner.policy.draw(views, steps.observation, fixed, noise.now)
    assert float(whole[-1]) == pytest.approx(float((2.0 - log_prob).mean(1).sum()))


def test_nothing_follows_the_end_of_an_episode() -> None:
    learner = learner_of(reward_scale=3.0)
    meta, steps = moved(learner).double(), steps_of()
    ended = dataclasses.replace(steps, terminal=torch.ones_like(steps.terminal))
    latent, noise = torch.zeros(3, 2).double(), torch.zeros(3, 5, 2).double()
    assert torch.allclose(learner.targets(meta, latent, ended, noise), 3.0 * steps.reward)
    going = dataclasses.replace(steps, terminal=torch.zeros_like(steps.terminal))
    assert not torch.isclose(learner.targets(meta, latent, going, noise), 3.0 * steps.reward).any()


def test_the_replay_buffer_forgets_the_oldest_tasks_and_pads_shorter_ones() -> None:
    replay = TaskReplay(4)
    first, second = steps_of(3, 5, 0), steps_of(2, 7, 1)
    replay.add(first)
    replay.add(second)
    assert len(replay) == 4
    kept = replay.moments()
    assert np.array_equal(kept["replay/reward"][:2, :5], first.reward[1:].numpy())
    assert np.array_equal(kept["replay/reward"][2:], second.reward.numpy())
    assert (kept["replay/valid"][:2, 5:] == 0).all()
    context, points = replay.draw(4, (50, 3), torch.Generator().manual_seed(0))
    assert context.valid.shape == (4, 50) and points.valid.shape == (4, 3)
    assert context.valid.all() and points.valid.all()
    other = TaskReplay(4)
    assert other.restore({**kept, "else": np.zeros(1)}).keys() == {"else"}
    again, _ = other.draw(4, (50, 3), torch.Generator().manual_seed(0))
    assert torch.equal(again.observation, context.observation)


def test_each_adaptation_episode_acts_under_a_context_of_its_own_and_knows_the_ones_before() -> None:
    learner = learner_of()
    meta = moved(learner)
    problem, tasks = PointReach(), PointReach().sample(np.random.default_rng(0), 3)
    shown: list[torch.Tensor] = []
    play = learner._play

    def spy(*args: object) -> Episodes:
        shown.append(args[3])  # type: ignore[arg-type]
        return play(*args)  # type: ignore[arg-type]

    learner._play = spy  # type: ignore[method-assign, assignment]
    episodes = learner.gather(meta, problem, tasks, 5, np.random.default_rng(1))
    assert episodes.rewards.shape == (3, 5, problem.horizon)
    assert [len(rows) // 3 for rows in shown] == [1, 1, 2, 1]
    flat = torch.cat([rows.reshape(3, -1, 2) for rows in shown], dim=1)
    assert len({tuple(row) for row in flat.reshape(-1, 2).tolist()}) == 15
    fewer = learner.gather(meta, problem, tasks, 2, np.random.default_rng(1))
    assert torch.equal(fewer.actions, episodes.first(2).actions)


def test_a_diverged_task_is_left_out_and_counted() -> None:
    learner = learner_of()
    meta = moved(learner)
    batch = a_batch(learner, meta)
    batch.query.rewards[1, 0, 3] = torch.nan
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1 and len(learner._replay) == 2
    assert torch.isfinite(new).all() and not torch.equal(new, meta)
    fresh = learner_of()
    batch.support.observations[:] = torch.nan
    unchanged, metrics = fresh.update(meta, batch)
    assert metrics["dropped_tasks"] == 3 and torch.equal(unchanged, meta)


def test_a_restored_learner_goes_on_as_the_one_that_was_kept() -> None:
    learner = learner_of()
    meta, _ = learner.update(moved(learner), a_batch(learner, moved(learner)))
    other = learner_of()
    other.restore(learner.moments())
    batch = a_batch(learner, meta, seed=4)
    assert torch.equal(learner.update(meta, batch)[0], other.update(meta, batch)[0])


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"latent_size": "0"}, "latent_size: 0 is below 1"),
        ({"discount": "1.5"}, r"discount: 1.5 is not in \(0, 1\]"),
        ({"divergence_weight": "-1"}, "divergence_weight: -1.0 is below 0"),
        ({"reward_scale": "0"}, "reward_scale: 0.0 is not above 0"),
        ({"replay_tasks": "0"}, "replay_tasks: 0 is below 1"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        learner_of(**settings)


def test_a_family_in_which_several_act_is_refused() -> None:
    with pytest.raises(ValueError, match="robots: 3 act in an episode of drive-goal; a context of pearl"):
        learner_of(make_problem("drive-goal", robots=3))


class WiredEitherWay(Problem):
    """A point on a line has to get to where it sees its goal; its motor may be wired the wrong way round."""

    name = "wired-either-way"
    observation_size = 1
    action_size = 1
    horizon = 8

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        return rng.choice([-1.0, 1.0], (tasks, 1))

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        self._sign = tasks[:, 0]
        self._way = rng.choice([-1.0, 1.0], len(tasks))
        self._reached = np.zeros(len(tasks), dtype=bool)
        return self._way.astype(np.float32)[:, None]

    def step(self, actions: np.ndarray) -> Outcome:
        self._way = self._way - 0.25 * self._sign * np.clip(actions[:, 0], -1.0, 1.0)
        self._reached |= np.abs(self._way) < 0.5
        rewards = -np.abs(self._way).astype(np.float32)
        return Outcome(
            self._way.astype(np.float32)[:, None], rewards, self._reached.copy(), np.zeros(len(rewards), dtype=bool)
        )


def test_a_context_beats_the_start_after_a_short_training(
    trained_success: Callable[[MetaLearner, Problem, int], tuple[float, float]],
) -> None:
    problem = WiredEitherWay()
    settings = {"hidden": "32,32", "outer_steps": "80", "outer_step": "3e-3", "target_share": "0.02"}
    settings |= {"reward_scale": "3", "discount": "0.8", "context": "8"}
    learner = learner_of(problem, **settings)
    before, after = trained_success(learner, problem, 8)
    assert after > before + 0.3 and after > 0.7, (before, after)

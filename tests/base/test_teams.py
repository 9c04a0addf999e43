"""Base learners of teams: credit for what a team earns, critics that see all, and play against past selves."""

import numpy as np
import pytest
import torch

from metabot.base.mixing import Monotonic
from metabot.base.primitives import primitives
from metabot.base.self_play import SelfPlay, SelfPlayConfig
from metabot.base.team_ppo import IPPO, MAPPO, TeamPPOConfig, joint
from metabot.base.team_values import QMIX, VDN, TeamValuesConfig
from metabot.base.versus import Versus
from metabot.problems import make_problem

TWO_STEP = TeamValuesConfig(
    step=5e-3, discount=0.99, batch=32, updates=10, minibatch=64, exploration_end=1.0, target_every=20,
    hidden=(32,), embedding=8,
)  # fmt: skip
SPREAD = TeamValuesConfig(step=2e-3, discount=0.8, batch=16, updates=40, target_every=40)
SPREAD_PPO = TeamPPOConfig(step=5e-3, batch=16, discount=0.8)


def starts(learner, rng: np.random.Generator, tasks: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([learner.initial(rng) for _ in range(tasks)]))


@pytest.mark.parametrize(("kind", "pays"), [(VDN, 7.0), (QMIX, 8.0)])
def test_a_monotonic_mixture_solves_the_two_step_game_and_a_sum_cannot(kind, pays: float) -> None:
    problem, rng = make_problem("two-step-game"), np.random.default_rng(0)
    learner = kind(problem, TWO_STEP)
    rows = problem.sample(rng, 4)
    learned = learner.learn(problem, rows, starts(learner, rng, 4), 640, rng)
    _, returns = learner.play(problem, rows, learned, 1, rng)
    assert (returns == pays).all(), "table 2 of the paper: VDN takes the safe 7, QMIX the 8"
    # What each thinks of state 2B, where both have to agree.
    seen = torch.tensor([0.0, 0.0, 1.0]).expand(4, 1, 2, 3)
    values = learner.values(learned, seen)
    both = learner.team_value(learned, values[..., 1], seen)[:, 0]
    one = learner.team_value(learned, torch.stack([values[:, :, 0, 0], values[:, :, 1, 1]], dim=-1), seen)[:, 0]
    if kind is QMIX:
        assert torch.allclose(both, torch.tensor(8.0), atol=0.5) and torch.allclose(one, torch.tensor(1.0), atol=0.7)
    else:
        assert ((both - 6.5).abs() < 0.6).all() and ((one - 2.5).abs() < 0.6).all(), "the best sum (table 2b)"


def test_the_mixture_rises_with_every_value_and_its_gradient_is_right() -> None:
    mixer, rng = Monotonic(3, 5, 4), np.random.default_rng(1)
    arrays = {name: torch.from_numpy(np.stack([value] * 2)) for name, value in mixer.initial(rng).items()}
    values = torch.from_numpy(rng.standard_normal((2, 7, 3))).requires_grad_(True)
    state = torch.from_numpy(rng.standard_normal((2, 7, 5)))
    (slopes,) = torch.autograd.grad(mixer(arrays, values, state).sum(), values)
    assert (slopes >= 0.0).all() and (slopes > 0.0).any()
    names = list(arrays)
    tensors = [arrays[name].double().requires_grad_(True) for name in names]
    assert torch.autograd.gradcheck(
        lambda values, *given: mixer(dict(zip(names, given, strict=True)), values, state), (values, *tensors)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "config", "episodes"),
    [(VDN, SPREAD, 320), (QMIX, SPREAD, 480), (IPPO, SPREAD_PPO, 800), (MAPPO, SPREAD_PPO, 800)],
)
def test_a_team_learns_to_share_out_landmarks(kind, config, episodes: int) -> None:
    problem, rng = make_problem("point-spread"), np.random.default_rng(0)
    learner = kind(problem, config)
    rows, start = problem.sample(rng, 1), starts(learner, rng, 1)
    learned = learner.learn(problem, rows, start, episodes, rng)
    before, after = (learner.play(problem, rows, p, 64, np.random.default_rng(2))[1].mean() for p in (start, learned))
    assert after > 0.7 * before


def test_losses_of_tasks_are_independent_and_their_gradient_is_right() -> None:
    problem, rng = make_problem("point-spread"), np.random.default_rng(3)
    learner = QMIX(problem, TeamValuesConfig(hidden=(4,), embedding=2))
    start = starts(learner, rng, 2).double().requires_grad_(True)
    data = (
        torch.from_numpy(rng.standard_normal((2, 3, 2, 6))),
        torch.from_numpy(rng.integers(9, size=(2, 3, 2))),
        torch.from_numpy(rng.standard_normal((2, 3))),
        torch.from_numpy(rng.standard_normal((2, 3, 2, 6))),
        torch.zeros(2, 3, dtype=torch.float64),
    )
    target = start.detach().clone()
    assert torch.autograd.gradcheck(lambda p: learner.loss(p, target, *data), (start,))
    (slope,) = torch.autograd.grad(learner.loss(start, target, *data)[0], start)
    assert slope[0].any() and not slope[1].any()


def test_the_central_critic_sees_all_and_its_own_agent_first() -> None:
    observations = torch.arange(12.0).reshape(1, 4, 1, 3)
    seen = joint(observations, 2)[0, :, 0]
    assert seen.tolist() == [[0, 1, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2], [6, 7, 8, 9, 10, 11], [9, 10, 11, 6, 7, 8]]


def test_self_play_wins_more_and_more_against_the_one_it_began_as() -> None:
    problem, rng = make_problem("point-duel"), np.random.default_rng(0)
    learner = SelfPlay(problem, SelfPlayConfig(step=1e-2, batch=16, discount=0.9))
    rows, start = problem.sample(rng, 2), starts(learner, rng, 2)
    rates = []
    for episodes in (0, 160, 480):
        learned = learner.learn(problem, rows, start, episodes, np.random.default_rng(1))
        rates.append(learner.win_rate(problem, rows, learned, start, 64, np.random.default_rng(2)).mean())
    assert rates[0] < 0.2 and rates[0] + 0.15 < rates[1] and rates[1] + 0.15 < rates[2] and rates[2] > 0.6


def test_only_our_seat_is_played_by_us() -> None:
    problem = make_problem("point-duel")
    learner = SelfPlay(problem)
    for seat in (0, 1):
        game = Versus(problem, learner.policy, seat)
        seen = game.begin(game.sample(np.random.default_rng(0), 3), np.random.default_rng(1))
        assert seen.shape == (3, 4) and game.agents == 1
        ours = seen[:, :2].copy()
        step = game.step(np.clip(ours / 0.1, -1, 1).astype(np.float32))
        assert (np.hypot(*step.observations[:, :2].T) < np.hypot(*ours.T)).all()
        # The other stands still: the gap between us closes by what we moved.
        assert np.allclose(seen[:, 2:] - step.observations[:, 2:], ours - step.observations[:, :2], atol=1e-6)


def test_primitives_are_all_combinations_of_commands() -> None:
    assert primitives(make_problem("two-step-game")).tolist() == [[0.0], [1.0]]
    found = primitives(make_problem("point-spread"))
    assert found.shape == (9, 2) and {tuple(row) for row in found.tolist()} >= {(-1, 1), (0, 0), (1, 0)}


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: MAPPO(make_problem("two-step-game")), "mappo: the actions of two-step-game are discrete"),
        (lambda: SelfPlay(make_problem("navigation-2d")), "one robot acts in an episode of navigation-2d"),
        (lambda: Versus(make_problem("point-duel"), None, 2), "seat: 2 of point-duel; allowed: 0 to 1"),  # type: ignore[arg-type]
        (lambda: primitives(make_problem("point-spread"), 10), "levels: 10 of 2 commands are 100 actions"),
        (lambda: TeamValuesConfig(exploration=2.0), r"exploration: 2.0 is not in \[0, 1\]"),
        (lambda: TeamPPOConfig(value_weight=0.0), "value_weight: 0.0 is not above 0"),
        (lambda: SelfPlayConfig(newest=-1.0), r"newest: -1.0 is not in \[0, 1\]"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(make, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make()

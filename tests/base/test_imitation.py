"""Behaviour cloning and DAgger of policies without a memory, one per task."""

import numpy as np
import pytest
import torch

from metabot.base import rollout
from metabot.base.imitation import clone, dagger, demonstrate, imitation_loss, imitation_losses
from metabot.policy import GaussianMLP
from metabot.problems import make_problem
from metabot.problems.navigation import Navigation2D

TASKS = np.array([[0.4, -0.3], [-0.2, 0.5]])
POLICY = GaussianMLP(2, 2, hidden=(16,))


def navigation() -> Navigation2D:
    problem = Navigation2D()
    problem.horizon = 15
    return problem


def start() -> torch.Tensor:
    return torch.from_numpy(POLICY.initial(np.random.default_rng(0)))


def returns(parameters: torch.Tensor) -> torch.Tensor:
    problem = navigation()
    return rollout(problem, POLICY, parameters, TASKS, 1, np.random.default_rng(5), deterministic=True).returns[:, 0]


def test_the_gradient_matches_finite_differences() -> None:
    rng = np.random.default_rng(0)
    observations, expert = (torch.from_numpy(rng.standard_normal((2, 5, 2))) for _ in range(2))
    mask = torch.ones(2, 5, dtype=torch.float64)
    mask[1, 3:] = 0.0
    parameters = start().double() + 0.1

    def loss(vector: torch.Tensor) -> torch.Tensor:
        return imitation_loss(POLICY, vector, observations, expert, mask)

    variable = parameters.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(variable), variable)
    eps = 1e-6
    for index in range(0, len(parameters), 5):
        shift = torch.zeros_like(parameters)
        shift[index] = eps
        numeric = float((loss(parameters + shift) - loss(parameters - shift)) / (2 * eps))
        assert numeric == pytest.approx(float(gradient[index]), rel=1e-5, abs=1e-8)


def test_steps_that_do_not_count_do_not_count() -> None:
    shown = demonstrate(navigation(), POLICY, TASKS, 1, np.random.default_rng(1))
    assert (shown.mask == 0).any()
    before = imitation_losses(POLICY, start().expand(2, -1), shown)
    shown.observations[shown.mask == 0] = 50.0
    assert torch.equal(before, imitation_losses(POLICY, start().expand(2, -1), shown))


def test_a_clone_does_what_it_was_shown() -> None:
    """One policy per task: each has learned from its own demonstrations."""
    problem, rng = navigation(), np.random.default_rng(1)
    shown = demonstrate(problem, POLICY, TASKS, 2, rng)
    assert torch.equal(shown.actions, shown.expert)
    cloned = clone(POLICY, start(), shown, step=1e-2, epochs=120)
    before, after, of_the_other = (
        imitation_losses(POLICY, each, shown) for each in (start().expand(2, -1), cloned, cloned.flip(0))
    )
    assert (after < 0.2 * before).all() and (of_the_other > before).all()


def test_advice_along_the_learners_own_way_mends_what_cloning_leaves() -> None:
    shown = demonstrate(navigation(), POLICY, TASKS, 1, np.random.default_rng(1))
    cloned = clone(POLICY, start(), shown, step=1e-2, epochs=120)
    advised = dagger(
        navigation(), POLICY, start(), TASKS, np.random.default_rng(1), rounds=6, episodes=1, step=1e-2, epochs=60
    )
    assert returns(advised).mean() > returns(cloned).mean()


def test_without_an_expert_there_is_nothing_to_imitate() -> None:
    problem = make_problem("cheetah-direction")
    policy = GaussianMLP(problem.observation_size, problem.action_size, hidden=(4,))
    with pytest.raises(ValueError, match="nobody knows how to master cheetah-direction"):
        demonstrate(problem, policy, np.ones((1, 1)), 1, np.random.default_rng(0))
    unasked = rollout(navigation(), POLICY, start().expand(2, -1), TASKS, 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="no expert was asked"):
        imitation_losses(POLICY, start().expand(2, -1), unasked)

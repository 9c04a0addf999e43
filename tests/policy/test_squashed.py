"""A squashed policy: its density, its gradient, and that it draws within its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metabot.base import rollout
from metabot.policy.squashed import Drawing, SquashedMLP
from metabot.problems.reach import PointReach

POLICY = SquashedMLP(3, 2, (8,), latent_size=2)


def parameters(seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(POLICY.initial(rng) + 0.3 * rng.standard_normal(POLICY.layout.size))


def test_the_density_of_what_is_drawn_integrates_to_one() -> None:
    """Of one action, by the trapezoid rule over what noise leads to; the other dimension is independent."""
    policy = SquashedMLP(3, 1, (8,), latent_size=2)
    vector = torch.from_numpy(policy.initial(np.random.default_rng(0))).double()
    noise = torch.linspace(-8.0, 8.0, 4001, dtype=torch.float64)[:, None]
    seen = torch.ones(4001, 3, dtype=torch.float64)
    action, log_prob = policy.draw(policy.layout.view(vector), seen, policy.latent(vector), noise)
    density = torch.exp(log_prob)
    assert float(torch.trapezoid(density, action[:, 0])) == pytest.approx(1.0, abs=1e-3)


def test_the_gradient_of_action_and_density_matches_finite_differences() -> None:
    vector = parameters()
    generator = torch.Generator().manual_seed(0)
    seen = torch.randn(5, 3, generator=generator).double()
    noise = torch.randn(5, 2, generator=generator).double()

    def value(row: torch.Tensor) -> torch.Tensor:
        action, log_prob = POLICY.draw(POLICY.layout.view(row), seen, POLICY.latent(row), noise)
        return (action.sum(-1) + 0.3 * log_prob).sum()

    variable = vector.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(variable), variable)
    for index in range(len(vector)):
        shift = torch.zeros_like(vector)
        shift[index] = 1e-6
        numeric = float(value(vector + shift) - value(vector - shift)) / 2e-6
        assert numeric == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-6)


def test_drawn_actions_stay_within_their_limits_and_vary_around_the_mean() -> None:
    problem, policy = PointReach(), SquashedMLP(4, 2, (8,), latent_size=2)
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(policy.initial(rng)).expand(3, -1)
    drawn = rollout(problem, Drawing(policy, rng), rows, problem.sample(rng, 3), 4, rng, deterministic=True)
    assert drawn.actions.abs().max() < 1.0 and drawn.actions.std() > 0.3
    mean = policy.mean(rows, drawn.observations.flatten(1, 2))
    assert mean.abs().max() < 0.1

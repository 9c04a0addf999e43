"""Policies that are told what their task hides: each does in its own task what none does in another's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metabot.harness.measure.successes import cross_matrix
from metabot.harness.measure.told import ToldConfig, told_policies
from metabot.problems import make_problem
from metabot.problems.reach import PointReach

QUICK = ToldConfig(hidden=(32,), weight_sets=2, rounds=4, episodes=24, updates=200, batch=128)


def test_a_policy_that_is_told_the_task_holds_one_that_masters_it_for_each_task() -> None:
    problem, shares = PointReach(), list[float]()
    tasks = np.array([[0.0], [1.5], [-1.5]])
    policy, rows, spent = told_policies(problem, tasks, np.random.default_rng(0), QUICK, shares.append)
    assert rows.shape == (3, policy.layout.size) and spent > 0
    assert shares == [0.25, 0.5, 0.75, 1.0]
    # Apart from their contexts they are one policy.
    assert torch.equal(rows[0, : -policy.latent_size], rows[1, : -policy.latent_size])
    matrix = cross_matrix(problem, policy, rows, tasks, 16, np.random.default_rng(1))
    assert np.diag(matrix).min() >= 0.9
    assert matrix[~np.eye(3, dtype=bool)].max() <= 0.5


def test_what_does_not_say_what_its_tasks_hide_is_refused_in_one_line() -> None:
    problem = make_problem("cheetah-direction")
    with pytest.raises(ValueError, match="cheetah-direction"):
        told_policies(problem, problem.sample(np.random.default_rng(0), 2), np.random.default_rng(0), QUICK)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metabot.base import policy_for
from metabot.base.imitators import ImitatorConfig
from metabot.harness.board.recipes import METHODS
from metabot.harness.measure import covering
from metabot.harness.measure.config import MEMORY, MeasureConfig
from metabot.harness.measure.cover import greedy_cover
from metabot.harness.measure.covering import cover_once, covered
from metabot.harness.measure.measure import _Measuring
from metabot.harness.measure.successes import cross_matrix, screened_matrix
from metabot.harness.measure.tasks import described, far_apart, farthest_points, groups_of
from metabot.problems import Problem, make_problem
from metabot.problems.family import FamilyProblem
from metabot.problems.reach import PointReach
from metabot.task import RobotDynamics


class AnyTurn(PointReach):
    """A point whose commands may be turned by any angle."""

    name = "any-turn"

    def sample(self, rng: np.random.Generator, tasks: int, split: Any = "train") -> np.ndarray:
        return rng.uniform(-np.pi, np.pi, (tasks, 1))


class OneTurn(PointReach):
    """A point whose commands are always turned by the same angle."""

    name = "one-turn"

    def sample(self, rng: np.random.Generator, tasks: int, split: Any = "train") -> np.ndarray:
        return np.full((tasks, 1), 2.0)


def counted(problem: Problem) -> dict[str, Any]:
    config = MeasureConfig(tasks=10, trials=10)
    return cover_once(problem, config, 0, {}, lambda what, fraction, detail: None)


def test_policies_that_master_most_of_what_is_left_are_chosen() -> None:
    success = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0.9], [0, 0, 0, 0.8, 0.8, 0.8]])
    found = greedy_cover(success)
    assert found.chosen == (0, 1, 2)
    assert found.number == 3 and found.reached and found.covered == 1.0
    assert found.bits == pytest.approx(np.log2(3))


def test_nine_of_ten_tasks_are_enough() -> None:
    success = np.zeros((2, 10))
    success[0, :9], success[1, 9] = 1.0, 1.0
    assert greedy_cover(success).number == 1


def test_tasks_that_nobody_masters_are_said() -> None:
    found = greedy_cover(np.diag([1.0, 1.0, 0.5, 0.0]))
    assert found.number == 2 and not found.reached and found.bound
    assert found.covered == 0.5
    assert greedy_cover(np.zeros((0, 3))).number == 0


def test_a_cover_of_one_policy_a_task_is_a_bound() -> None:
    assert greedy_cover(np.eye(10)).bound
    assert not greedy_cover(np.ones((10, 10))).bound


def test_one_task_needs_one_policy_and_any_angle_more_than_a_half_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covering, "GROUPS", (1, 2))
    monkeypatch.setattr(covering, "IMITATION", ImitatorConfig(rounds=2, episodes=8, updates=120))
    one, half, full = (counted(problem) for problem in (OneTurn(), PointReach(), AnyTurn()))
    numbers = [each["covers"]["all"]["number"] for each in (one, half, full)]
    assert [each["mastered"] for each in (one, half, full)] == [1.0, 1.0, 1.0]
    assert numbers[0] == 1
    assert 1 <= numbers[1] <= 2 <= numbers[2] <= 4
    # Who sees its goal gets there with commands turned by less than a right angle.
    assert half["best"] > 0.7 > full["best"]
    joined = covered([half, {**half, "covers": {"all": {**half["covers"]["all"], "number": numbers[1] + 2}}}])
    assert joined["number"]["mean"] == numbers[1] + 1


def test_a_matrix_has_each_policy_on_each_task() -> None:
    problem, rng = PointReach(), np.random.default_rng(0)
    policy = policy_for(problem)
    tasks = np.array([[0.0], [1.5], [3.0]])
    rows = torch.stack([_straight(policy, angle) for angle in (0.0, 1.5)])
    for matrix in (cross_matrix, screened_matrix):
        found = matrix(problem, policy, rows, tasks, 12, rng)
        assert found.shape == (2, 3)
        assert np.array_equal(found > 0.9, [[True, False, False], [False, True, False]])
    # What fails at once costs no more trials, and is still a share of trials.
    assert found[0, 2] == 0.0


def _straight(policy: Any, turn: float) -> torch.Tensor:
    """Parameters that drive straight to the goal where commands are turned by an angle."""
    arrays = {name: np.zeros(shape) for name, shape in policy.layout.entries}
    cos, sin = np.cos(turn), np.sin(turn)
    small = 0.05
    # Two units carry the way to the goal nearly linearly through both layers.
    arrays["weight_0"][:2] = small * np.array([[-1, 0, 1, 0], [0, -1, 0, 1]])
    arrays["weight_1"][:2, :2] = np.eye(2)
    arrays["weight_2"][:, :2] = np.array([[cos, sin], [-sin, cos]]) * 8.0 / small
    return torch.from_numpy(policy.layout.flatten(arrays))


def test_tasks_far_apart_are_chosen() -> None:
    points = np.array([[0.0], [0.1], [5.0], [10.0], [9.9]])
    assert sorted(farthest_points(points, 3).tolist()) == [0, 2, 3]
    assert len(set(groups_of(points, 2, np.random.default_rng(0))[[0, 1]])) == 1


def stated(problem: Problem, **dynamics: float) -> np.ndarray:
    assert isinstance(problem, FamilyProblem)
    return problem.state(problem.spec.with_dynamics([RobotDynamics(**dynamics)]))[None]  # type: ignore[arg-type]


def test_tasks_are_told_in_words() -> None:
    problem = make_problem("drive-odometry")
    words = described(problem, far_apart(problem, 3, 0, pool=32))
    assert len(words) == 3 and all("compass turned" in each for each in words)
    problem = make_problem("grasp-place")
    (word,) = described(problem, far_apart(problem, 1, 0, pool=8))
    assert "steer bias" in word and "pulls" not in word and "mass kg" in word
    problem = make_problem("drive-goal")
    assert "drive reversed" in described(problem, stated(problem, drive_gain=-1.0))[0]


def test_board_recipes_are_for_methods_that_have_one_and_keep_their_parts_apart(tmp_path: Path) -> None:
    plain, board = (MeasureConfig(env_steps=5_000, board_recipes=on) for on in (False, True))
    assert plain.training("task-inference", "drive-odometry").env_steps == 5_000
    assert board.training("task-inference", "drive-odometry") == METHODS["task-inference"].training(
        "task-inference", "drive-odometry", 0
    )
    assert board.training("maml", "drive-odometry").env_steps == 5_000, "no recipe for it"
    assert board.training("dagger", "drive-odometry", MEMORY["dagger"]).env_steps == 5_000, "settings of its own"
    problem = make_problem("drive-odometry")
    first, second = (
        _Measuring(problem, problem.name, config, tmp_path, 1, lambda *told: None) for config in (plain, board)
    )
    assert first.key("cover") != second.key("cover") and first.key("unadapted") == second.key("unadapted")

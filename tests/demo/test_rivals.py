"""What a demo compares its fleet with: the strongest that does not adapt, which has five times the budget as well."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.demo import rivals
from metabot.demo.crossing import cross
from metabot.demo.faults import FAULTS, with_faults
from metabot.demo.summary import MORE, FaultRecord
from metabot.demo.tasks import foreign
from metabot.meta import make_meta_learner
from metabot.problems.family import FamilyProblem
from metabot.task import Interval, Mission, RobotDynamics, TaskDistribution, place

FORWARD = TaskDistribution(
    dynamics={
        "drive_gain": Interval(low=0.7, high=1.0),
        "steer_gain": Interval(low=0.8, high=1.3),
        "steer_bias": Interval(low=0, high=0),
    }
)
"""Feedback swallows all of it."""


def stated(problem: FamilyProblem, *gains: float) -> np.ndarray:
    """Rows of tasks whose drive has that gain."""
    spec = problem.spec
    return np.array([problem.state(spec.with_dynamics([RobotDynamics(drive_gain=gain)])) for gain in gains])


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hand-made controller in place of imitation, and few tasks to choose by: it takes seconds."""
    monkeypatch.setattr(rivals, "_OTHERS", ("feedback",))
    monkeypatch.setattr(rivals, "_VALIDATION_TASKS", 8)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("short")
def test_the_strongest_without_adaptation_comes_first_on_both_budgets() -> None:
    problem = FamilyProblem(FORWARD)
    faults = stated(problem, 0.75, -1.0)
    shares: list[float] = []
    found = rivals.Rivals(problem, faults, 12_000, 2, 32, 0, lambda share, what: shares.append(share)).compare()
    assert [(each.name, each.times, each.adapts) for each in found] == [
        ("feedback", 1, False),
        ("feedback", MORE, False),
        ("PPO", 1, False),
        ("PPO, fine-tuned", 1, True),
    ]
    # With so few steps PPO has learned nothing, and nobody copes with motors that turn the other way.
    assert found[0].success[0] > found[2].success[0] and not any(each.success[1] for each in found[:3])
    assert found[1].env_steps >= found[0].env_steps and found[2].env_steps <= 12_000
    assert shares == sorted(shares) and shares[0] >= 0.0 and shares[-1] <= 1.0


def test_a_policy_is_driven_with_every_fault_and_its_own_is_on_the_diagonal() -> None:
    problem, settings = FamilyProblem(FORWARD), {"context_size": 2, "hidden": (8,)}
    policy = make_meta_learner("context-dynamics", problem, **settings).policy
    # One drives ahead whatever it sees, the other stands still: which of them is there shows in the rows.
    rows = np.zeros((2, policy.layout.size), np.float32)
    policy.layout.view(rows[0])["bias_1"][:] = (1.0, 0.5)
    faults = [
        FaultRecord(name="", dynamics=RobotDynamics(drive_gain=gain), foreign=False, before=0.0, after=0.0)
        for gain in (1.0, 0.1)
    ]
    matrix = cross(problem, "context-dynamics", settings, faults, stated(problem, 1.0, 0.1), rows, 64, 3)
    assert matrix.success[0][0] > 0.0 and matrix.success[1] == [0.0, 0.0]
    assert matrix.off_diagonal == pytest.approx((matrix.success[0][1] + matrix.success[1][0]) / 2)
    assert matrix.largest == max(matrix.success[0][1], matrix.success[1][0])


def test_faults_go_round_and_what_is_never_drawn_is_foreign() -> None:
    spec = place(Mission(goals=("red", "green")), 0).model_copy(update={"family": "drive-odometry"})
    all_faults = FAULTS["drive-odometry"]
    assert [robot.dynamics for robot in with_faults(spec, 5).robots] == [all_faults[5], all_faults[0]]
    from metabot.demo.config import DISTRIBUTION

    assert [foreign(fault, DISTRIBUTION) for fault in all_faults] == [False] * 3 + [True] * 3
    assert not any(foreign(fault, TaskDistribution()) for fault in FAULTS["drive-goal"])

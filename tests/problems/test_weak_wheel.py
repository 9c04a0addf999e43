"""One wheel at 60 %: a family has it; who knows it masters it, and who takes the robot for healthy does not."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.problems import Problem, make_problem
from metabot_sim.robots import diffdrive

HALF = 0.5 * diffdrive.TRACK_M * diffdrive.MAX_YAW_RATE_RADPS / diffdrive.MAX_SPEED_MPS
"""What a wheel is told for a full command to turn, beside one ahead."""


def with_wheels(problem: Problem, left: float, right: float, count: int = 8) -> np.ndarray:
    """Tasks whose wheels are nearest to these, not swapped."""
    tasks = problem.sample(np.random.default_rng(0), 20_000)
    ahead, apart = 0.5 * (left + right), 0.5 * (right - left)
    hidden = problem.hidden(tasks)
    assert hidden is not None
    far = np.abs(hidden - np.array([ahead, HALF * apart, apart / HALF, ahead])).max(1)
    chosen = np.argsort(far)[:count]
    assert far[chosen].max() < 0.1
    return tasks[chosen]


@pytest.mark.parametrize(("left", "right"), [(0.6, 1.0), (1.0, 0.6)])
def test_a_wheel_at_sixty_percent_is_mastered_by_who_knows_it_alone(left: float, right: float) -> None:
    weak, healthy = make_problem("drive-blind"), make_problem("drive-blind")
    found = {}
    for knows in (True, False):
        for problem, wheels in ((weak, (left, right)), (healthy, (1.0, 1.0))):
            # The same pads: a robot that is blind does the same wherever it comes to.
            problem.begin(with_wheels(problem, *wheels), np.random.default_rng(1))
        for _ in range(weak.horizon):
            actions = (weak if knows else healthy).expert()
            assert actions is not None
            done = weak.step(actions.astype(np.float32))
            healthy.step(actions.astype(np.float32))
        found[knows] = float(done.success.mean())
    assert found[True] == 1.0 and found[False] == 0.0

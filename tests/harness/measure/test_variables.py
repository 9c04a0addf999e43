from __future__ import annotations

import numpy as np
import pytest

from metabot.harness.measure.one_variable import costs
from metabot.harness.measure.pinned import pinned, still, variables
from metabot.problems import make_problem
from metabot.task import Interval
from metabot_sim.episodes import DRIVE_GAIN, STEER_BIAS, STEER_GAIN


def test_one_variable_is_drawn_and_all_others_are_healthy() -> None:
    problem = make_problem("drive-goal")
    assert variables(problem) == ("drive_gain", "steer_gain", "steer_bias")
    one, rng = pinned(problem, "steer_bias"), np.random.default_rng(0)
    tasks = one.sample(rng, 8, "test")
    one.begin(tasks, rng)
    dynamics = one._current.episodes.robot_dynamics[:, 0]  # type: ignore[attr-defined]
    assert (dynamics[:, [DRIVE_GAIN, STEER_GAIN]] == 1.0).all()
    assert len(set(dynamics[:, STEER_BIAS].tolist())) == 8
    hidden = one.hidden(tasks)
    assert hidden is not None and np.array_equal(hidden[:, 2], dynamics[:, STEER_BIAS])
    pinned(problem, None).begin(tasks, rng)


def test_one_trait_of_a_partner_is_drawn() -> None:
    problem = make_problem("drive-pursuit-opponent")
    one = pinned(problem, "speed")
    tasks = one.sample(np.random.default_rng(0), 8, "test")
    spread = np.ptp(tasks, axis=0) > 0.0
    assert spread.tolist() == [name == "speed" for name in variables(problem)]


def test_what_is_pinned_lies_in_its_range() -> None:
    assert still("drive_gain", Interval(low=0.7, high=1.0, signed=True)) == 1.0
    assert still("drive_gain", Interval(low=0.5, high=0.7)) == pytest.approx(0.6)
    assert still("heading_offset", Interval(low=0.0, high=2.4, signed=True)) == 0.0
    assert still("object_mass_kg", Interval(low=0.1, high=0.3)) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="allowed: drive_gain"):
        pinned(make_problem("drive-goal"), "friction")


def test_a_variable_that_costs_nobody_is_named() -> None:
    def once(alone: float, adapted: float) -> dict[str, list[float]]:
        return {"unadapted": [0.1] * 4, "alone": [alone] * 4, "adapted": [adapted] * 4}

    found = {"success": {"none": once(1.0, 0.9), "idle": once(0.98, 0.9), "hard": once(0.4, 0.9), "odd": once(1, 0.7)}}
    assert costs([found, found])["costs_nobody"] == ["idle"]
    assert costs([]) == {"rows": {}, "costs_nobody": []}
    # Who masters nothing with none drawn has nothing to lose.
    found = {"success": {"none": once(0.0, 0.9), "idle": once(0.0, 0.9)}}
    assert costs([found])["costs_nobody"] == []

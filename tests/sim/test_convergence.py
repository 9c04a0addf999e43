"""The physics of a robot does not depend on the time step, and the check notices when it does."""

from __future__ import annotations

import pytest

from metabot.task import KINDS
from metabot_sim import convergence
from metabot_sim.convergence import Convergence, check_convergence

DRAWS = 24


@pytest.mark.parametrize("family", ["drive-goal", "drive-odometry"])
def test_a_car_ends_where_it_does_with_steps_of_a_millisecond(family: str) -> None:
    (row,) = check_convergence(family, draws=DRAWS)
    assert row.kind == "diffdrive" and row.simulation_hz == 100 and row.passed
    assert 0.0 < row.position_m[1] < 0.03
    assert row.yaw_rad is not None and 0.0 < row.yaw_rad[1] < 0.05


def test_steps_that_are_too_long_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = type(KINDS["diffdrive"])(radius_m=KINDS["diffdrive"].radius_m, simulation_hz=20)
    monkeypatch.setitem(KINDS, "diffdrive", slow)
    (row,) = check_convergence("drive-goal", draws=DRAWS)
    assert row.position_m[1] > 0.05 and not row.passed


def test_kinds_without_a_bar_are_measured_only() -> None:
    assert Convergence("f", "mjcf", 200, 1, (1.0, 2.0), (1.0, 2.0)).passed
    assert not Convergence("f", "ackermann", 100, 1, (0.01, 0.06), (0.0, 0.0)).passed
    assert not Convergence("f", "ackermann", 100, 1, (0.01, 0.02), (0.0, 0.11)).passed


def test_a_scene_of_several_kinds_has_a_row_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convergence, "SECONDS", 0.2)
    rows = list(check_convergence("deliver", draws=2))
    assert {row.kind for row in rows} == {"arm", "diffdrive"}

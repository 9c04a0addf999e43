from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metabot.harness.measure.fingerprint import fingerprint
from metabot.harness.measure.kept import Kept
from metabot.harness.measure.stored import NEVER, OTHER, load, measured
from metabot.problems import make_problem
from metabot.problems.reach import PointReach
from metabot.task import Interval
from metabot_sim.families.drive_goal import DriveGoal
from metabot_sim.families.drive_odometry import DriveOdometry
from metabot_sim.robots.car import CarGroup


def test_a_fingerprint_is_that_of_the_problem() -> None:
    assert fingerprint(make_problem("drive-goal")) == fingerprint(make_problem("drive-goal"))
    assert fingerprint(make_problem("drive-goal")) != fingerprint(make_problem("drive-odometry"))


@pytest.mark.parametrize(
    ("problem", "owner", "name", "value"),
    [
        ("drive-goal", DriveGoal, "held_out", {"drive_gain": Interval(low=0.5, high=0.7, signed=True)}),
        ("drive-odometry", DriveOdometry, "dynamics", {"heading_offset": Interval(low=0.0, high=2.3, signed=True)}),
    ],
)
def test_another_range_is_another_version(
    monkeypatch: pytest.MonkeyPatch, problem: str, owner: type, name: str, value: Any
) -> None:
    before = fingerprint(make_problem(problem))
    monkeypatch.setattr(owner, name, value)
    assert fingerprint(make_problem(problem)) != before


def test_other_physics_are_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before, usual = fingerprint(make_problem("drive-goal")), CarGroup.proprio
    monkeypatch.setattr(CarGroup, "proprio", lambda self: 1.01 * usual(self))
    assert fingerprint(make_problem("drive-goal")) != before


def test_a_measure_says_whether_it_still_holds(tmp_path: Path) -> None:
    assert NEVER in measured("point-reach", None)
    row = {"problem": "point-reach", "fingerprint": fingerprint(PointReach()), "config": {}}
    row["cover"] = {"number": {"iqm": 2.0, "low": 1.0, "high": 2.0}, "at_least": False}
    path = tmp_path / "adaptation.json"
    path.write_text(json.dumps({"rows": [row]}))
    assert measured("point-reach", load(path)) == "point-reach: cover number 2 (1 to 2)"
    path.write_text(json.dumps({"rows": [{**row, "fingerprint": "another"}]}))
    assert OTHER in measured("point-reach", load(path))
    assert NEVER in measured("drive-blind", load(path))
    with pytest.raises(ValueError, match="allowed"):
        measured("nonsense", load(path))
    path.write_text("[]")
    with pytest.raises(ValueError, match="no measure of adaptation"):
        load(path)


def test_finished_parts_are_found_again(tmp_path: Path) -> None:
    kept, made = Kept(tmp_path), []

    def make() -> dict[str, int]:
        made.append(1)
        return {"value": len(made)}

    assert [kept.part("cover-0", {"seed": 0}, make) for _ in range(2)] == [{"value": 1}, {"value": 1}]
    assert kept.part("cover-0", {"seed": 1}, make) == {"value": 2}
    (tmp_path / "cover-0.json").write_text("half of it")
    assert kept.part("cover-0", {"seed": 1}, make) == {"value": 3}

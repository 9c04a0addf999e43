"""The bridge's benchmarks: what works is said to work, what does not says why, on paths that robots take."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from metabot.cli.bench import load

pytestmark = [pytest.mark.processes]


@pytest.fixture(scope="module")
def bridge() -> ModuleType:
    return load("bridge")


def test_a_method_goes_all_the_way_or_says_where_it_ends(bridge: ModuleType, tmp_path: Path) -> None:
    kept, page = tmp_path / "kept" / "cells.json", tmp_path / "page.md"
    run = lambda families, methods, **more: bridge.run(families=families, methods=methods, kept=kept, **more)  # noqa: E731
    drive = run(("drive-goal",), ("meta-sgd", "dagger"))
    expert, *cells = drive
    assert expert["value"] == 100.0 and expert["worlds"] == bridge.WORLDS
    for cell in cells:
        assert cell["value"] == 4, cell
        assert 0.0 <= cell["parity_max_abs"] <= 1e-5 and cell["export_s"] > 0.0
    (fetch,) = run(("gymnasium:FetchReach-v4",), ("meta-sgd",))
    assert not (fetch["train"] or fetch["fleet"] or fetch["export"]) and "fetch; allowed: " in fetch["drive"]
    (_, team) = run(("drive-push",), ("dagger",))
    assert team["value"] == 0 and team["train"].startswith("robots: 2 act in an episode")
    # Nothing is made again while the code is the same, and the page comes from what is kept.
    report = tmp_path / "bridge.json"
    rows = [*drive, fetch, team]
    report.write_text(json.dumps({"machine": "m", "date": "d", "command": "metabot bench bridge", "rows": rows}))
    assert run(("drive-goal",), ("meta-sgd", "dagger")) == drive
    assert bridge.run(stored=report, page=page) == rows
    said = page.read_text()
    assert "| in-context | dagger | ● ● ● ● |" in said and "allowed: robots that drive, and arms" in said
    damaged = json.loads(kept.read_text())
    damaged["code"] = "of another day"
    kept.write_text(json.dumps(damaged))
    assert bridge._Kept(kept).get("drive-goal meta-sgd") is None


def test_a_released_policy_pushes_through_topics_beside_a_partner_with_ways_of_its_own() -> None:
    end_to_end = load("end_to_end")
    (play,) = end_to_end._released("drive-push-partner", 1)
    assert play.success > 0.6
    row = end_to_end._row("drive-push-partner", [play])
    assert row["value"] == 100.0

"""The form of the meta-learning benchmark, at sizes too small for its figures to mean anything."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.cli.bench import load


@pytest.fixture(scope="module")
def meta() -> ModuleType:
    return load("meta")


def test_sine_gives_three_errors_of_every_method_beside_the_published_ones(meta: ModuleType) -> None:
    sizes = meta.sine.Sizes(iterations=3, long_iterations=3, test_tasks=5, compile=False)
    rows = meta.sine.run(sizes, seeds=2, workers=1)
    for method in ("maml", "fomaml", "meta-sgd", "anil", "reptile", "pre-training"):
        of_it = [row for row in rows if f", {method}:" in row["case"]]
        assert len(of_it) == 3 and all(row["value"] > 0 and row["spread"] > 0 and row["seeds"] == 2 for row in of_it)
    published = {row["case"]: row["peer"] for row in rows if row["peer"] is not None}
    assert published["sine, 5 points, maml: error after 1"] == 0.67
    assert published["sine, 5 points, pre-training: error after 10"] == 2.19


def test_results_do_not_depend_on_the_number_of_workers(meta: ModuleType) -> None:
    sizes = meta.sine.Sizes(iterations=2, test_tasks=4, compile=False)
    calls = [("maml", 0, sizes), ("maml", 1, sizes)]
    in_workers = importlib.import_module("benchmarks.meta_parts.rows").in_workers
    alone = in_workers(meta.sine.errors, calls, 1)
    assert in_workers(meta.sine.errors, calls, 2) == alone
    assert alone[0] != alone[1]


def test_navigation_gives_the_return_after_every_gradient_step_beside_the_published_ones(meta: ModuleType) -> None:
    rows = {row["case"]: row for row in meta.navigation.run(meta.navigation.QUICK, seeds=1, workers=1)}
    for method in ("maml", "meta-sgd", "pre-training"):
        values = [rows[f"2D navigation, {method}: return after {step}"]["value"] for step in range(4)]
        assert all(value < 0.0 for value in values) and len(set(values)) == 4
    assert rows["2D navigation, maml: return after 3"]["peer"] == -3.23
    assert rows["2D navigation, es-maml: return after 20 queries"]["value"] < 0.0


def test_the_half_cheetah_jumps_from_no_step_to_one(meta: ModuleType) -> None:
    rows = meta.cheetah.run(meta.cheetah.QUICK, seeds=2, workers=1)
    before, after, jump = (row["value"] for row in rows)
    assert jump == pytest.approx(after - before, abs=0.02 * abs(before)) and before != after
    assert rows[2]["peer"] == pytest.approx(343.9)


def test_a_standing_start_is_as_far_from_its_goals_as_the_paper_says(meta: ModuleType) -> None:
    """The published -40 before any step says which reward it was."""
    control = importlib.import_module("benchmarks.meta_parts.control")
    problem = meta.navigation.Navigation2D(reward="distance")
    tasks = problem.sample(np.random.default_rng(0), 400)
    problem.begin(tasks, np.random.default_rng(1))
    standing = sum(problem.step(np.zeros((400, 2))).rewards for _ in range(problem.horizon)).mean()
    assert standing == pytest.approx(-38.3, abs=1.0)
    assert control.LATER_STEPS == 0.5


def test_the_command_stores_what_it_measured(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    words = ["bench", "meta", "--only", "sine", "--quick", "--workers", "1", "--json", str(path)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    stored = json.loads(path.read_text())
    assert stored["command"] == "metabot bench meta --only sine --quick --workers 1"
    assert {"name", "date", "machine", "versions", "seconds", "rows"} <= stored.keys()
    assert all({"case", "value", "unit", "peer", "ratio"} <= row.keys() for row in stored["rows"])
    shown = CliRunner().invoke(app, ["bench", "meta", "--show", str(path)])
    assert shown.exit_code == 0 and "maml" in shown.output and stored["command"] in shown.output
    path.write_text("[]")
    refused = CliRunner().invoke(app, ["bench", "meta", "--show", str(path)])
    assert refused.exit_code == 2 and "is no result of a benchmark" in refused.output


def test_the_installed_command_measures_in_workers_from_any_folder(tmp_path: Path) -> None:
    """Workers start anew: they must find the benchmarks though nothing put their folder on the path."""
    command = [str(Path(sys.executable).with_name("metabot")), "bench", "meta", "--only", "sine", "--quick"]
    done = subprocess.run([*command, "--workers", "2"], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "sine, 5 points, maml" in done.stdout

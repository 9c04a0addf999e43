"""The form of the meta-learning benchmark, at sizes too small for its figures to mean anything."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

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


def test_the_command_stores_what_it_measured(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    words = ["bench", "meta", "--only", "sine", "--quick", "--workers", "1", "--json", str(path)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    stored = json.loads(path.read_text())
    assert stored["command"] == "metabot bench meta --only sine --quick --workers 1"
    assert {"name", "date", "machine", "versions", "seconds", "rows"} <= stored.keys()
    assert all({"case", "value", "unit", "peer", "ratio"} <= row.keys() for row in stored["rows"])

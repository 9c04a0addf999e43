"""Comparison of continual learners: the same streams for all, kept runs, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.continual.comparison import ComparisonConfig, compare

TINY = ComparisonConfig(("naive", "replay"), "sine", tasks=2, seeds=2, steps=6, batch=8, looks=2)


def test_all_methods_meet_the_same_streams_and_a_second_call_gives_the_same() -> None:
    said: list[float] = []
    first = compare(TINY, told=lambda what, fraction, detail: said.append(fraction))
    assert said == sorted(said) and said[-1] == 1.0
    for method in TINY.methods:
        assert first.scores[method].shape == (2, 2 * 2 + 1, 2)
    # Before the stream all are the same network, and seeds are different streams.
    assert np.array_equal(first.scores["naive"][:, 0], first.scores["replay"][:, 0])
    assert not np.array_equal(first.scores["naive"][0], first.scores["naive"][1])
    again = compare(TINY)
    for method in TINY.methods:
        assert np.array_equal(first.scores[method], again.scores[method])
    # Whatever else is compared beside it.
    alone = compare(replace(TINY, methods=("replay",)))
    assert np.array_equal(first.scores["replay"], alone.scores["replay"])


def test_an_interrupt_keeps_finished_runs_and_the_next_call_goes_on(tmp_path: Path) -> None:
    def interrupt(what: str, fraction: float, detail: str) -> None:
        if what == "replay, seed 0":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(TINY, tmp_path, told=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["naive-seed-0.json"]
    said: list[str] = []
    result = compare(TINY, tmp_path, told=lambda what, fraction, detail: said.append(what))
    assert "naive, seed 0" not in said and "replay, seed 0" in said
    whole = compare(TINY)
    assert all(np.array_equal(result.scores[method], whole.scores[method]) for method in TINY.methods)
    with pytest.raises(ValueError, match=r"naive-seed-0\.json was run with steps 6, not 7"):
        compare(replace(TINY, steps=7), tmp_path)
    with pytest.raises(ValueError, match=r"was run with settings {}, not {'step': 0\.1}"):
        compare(replace(TINY, settings={"naive": {"step": 0.1}}), tmp_path)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"methods": ()}, "methods: none"),
        ({"methods": ("magic",)}, "method: no continual learner 'magic'"),
        ({"tasks": 1}, "tasks: 1 is below 2"),
        ({"seeds": 0}, "seeds: 0 is below 1"),
        ({"looks": 7}, "looks: 7 are more than the 6 steps of a task"),
    ],
)
def test_an_impossible_comparison_is_refused(fields: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        replace(TINY, **fields)


def test_the_command_writes_table_picture_and_figures(tmp_path: Path) -> None:
    words = "continual naive ewc --tasks 2 --seeds 2 --steps 6 --batch 8 --looks 3 --threads 1 --set ewc.every=2"
    stored = tmp_path / "figures.json"
    run = CliRunner().invoke(
        app, [*words.split(), "--out", str(tmp_path), "--json", str(stored)], catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    assert "forgetting" in run.output and "ewc" in run.output
    assert (tmp_path / "continual.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(stored.read_text())
    assert found == json.loads((tmp_path / "continual.json").read_text())
    assert found["config"]["settings"]["ewc"] == {"every": "2"} and "machine" in found
    row = found["rows"][1]
    assert row["method"] == "ewc" and np.array(row["scores"]).shape == (2, 7, 2)
    assert row["average"]["mean"] == pytest.approx(np.array(row["scores"])[:, -1].mean())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["magic"], "method: no continual learner 'magic'"),
        (["--family", "magic"], "family: no 'magic'"),
        (["--tasks", "1"], "tasks: 1 is below 2"),
        (["naive", "--set", "replay.capacity=3"], "set: 'replay' is not evaluated"),
    ],
)
def test_what_a_user_gets_wrong_ends_with_one_line(words: list[str], line: str, tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["continual", *words, "--out", str(tmp_path)])
    assert run.exit_code == 2
    assert run.output.count("\n") == 1 and line in run.output


def test_replay_remembers_driving_robots_with_opposite_dynamics() -> None:
    result = compare(ComparisonConfig(("replay",), "drive-goal", tasks=3, seeds=1, steps=80, looks=1, trials=8))
    assert result.score == "success" and result.scores["replay"][0, 0].max() < 0.5
    found = result.summary("replay")
    assert found["average"][0] > 0.8 and found["forgetting"][0] < 0.2, found

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabot.cli.app import app

SMALL = ["point-reach", "--seeds", "1", "--tasks", "4", "--trials", "4", "--env-steps", "7000"]


def run(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["sim", "adaptation", *words])
    return found.exit_code, found.output


def test_a_measure_is_taken_kept_found_again_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*SMALL, "--only", "cover,cross", "--out", str(tmp_path)]
    words = [*words, "--json", str(tmp_path / "all.json")]
    code, said = run(*words)
    assert code == 0, said
    assert "cover number" in said and "adapted to another task" in said
    assert b"PNG" in (tmp_path / "point-reach.png").read_bytes()[:8]
    row = json.loads((tmp_path / "all.json").read_text())["rows"][0]
    assert row["cover"]["seeds"][0]["mastered"] >= 0.5

    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr("metabot.harness.measure.measure.cover_once", never)
    monkeypatch.setattr("metabot.harness.measure.measure.cross_once", never)
    assert run(*words)[0] == 0
    code, shown = run("--show", str(tmp_path / "all.json"))
    assert code == 0
    assert all(len(line) <= 80 for line in shown.splitlines()[:-1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "no 'nonsense'"),
        (["drive-formation"], "robots; allowed: problems in which one acts"),
        (["grid-world"], "allowed"),
        ([], "name some, or give --all"),
        (["point-reach", "--only", "covers"], "no part 'covers'"),
        (["point-reach", "--method", "nonsense"], "no meta-learner"),
        (["--show", "nowhere.json"], "nowhere.json"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(words: list[str], message: str, tmp_path: Path) -> None:
    code, said = run(*words, "--out", str(tmp_path / "out"))
    assert code == 2
    assert message in said and len(said.strip().splitlines()) == 1

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabot.base.imitators import ImitatorConfig
from metabot.cli.app import app
from metabot.harness.measure import contestants, covering, one_variable, unadapted
from metabot.harness.measure import measure as measuring
from metabot.harness.measure.told import ToldConfig

SMALL = ["point-reach", "--seeds", "1", "--tasks", "4", "--trials", "4", "--env-steps", "7000"]


def run(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["sim", "adaptation", *words])
    return found.exit_code, found.output


def test_a_measure_is_taken_kept_found_again_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = ImitatorConfig(rounds=2, episodes=8, updates=150)
    told = ToldConfig(hidden=(16,), weight_sets=0, rounds=2, episodes=8, updates=100)
    for name, value in (("GROUPS", (1,)), ("IMITATION", quick), ("TOLD", told)):
        monkeypatch.setattr(covering, name, value)
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
    # What another run has measured stays in the file, and is not measured again where nothing has changed.
    stored = json.loads((tmp_path / "all.json").read_text())
    other = {**stored["rows"][0], "problem": "drive-search"}
    (tmp_path / "all.json").write_text(json.dumps({**stored, "rows": [*stored["rows"], other]}))
    code, said = run(*words[:-3], str(tmp_path / "elsewhere"), *words[-2:])
    assert code == 0 and "drive-search" not in said
    assert json.loads((tmp_path / "all.json").read_text())["rows"] == [other, stored["rows"][0]]
    stored["rows"][0]["fingerprint"] = "another"
    (tmp_path / "all.json").write_text(json.dumps(stored))
    with pytest.raises(AssertionError, match="made again"):
        CliRunner().invoke(
            app, ["sim", "adaptation", *words[:-3], str(tmp_path / "anew"), *words[-2:]], catch_exceptions=False
        )


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


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_who_does_not_adapt_is_compared_and_variables_are_drawn_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap = tuple(each for each in contestants.CONTESTANTS if each.name in ("PPO", "feedback"))
    for module in (unadapted, measuring):
        monkeypatch.setattr(module, "CONTESTANTS", cheap)
    monkeypatch.setattr(unadapted, "FINALISTS", 1)
    monkeypatch.setattr(unadapted, "MORE", 2)
    monkeypatch.setattr(measuring, "MEMORY", {"rl2": {"trial_episodes": 1}})
    monkeypatch.setattr(one_variable, "IMITATION", ImitatorConfig(rounds=1, episodes=2, updates=10, batch=32))
    words = ["drive-goal", "--only", "unadapted,variables", "--seeds", "2", "--tasks", "3", "--trials", "2"]
    words += ["--env-steps", "21000", "--method", "meta-sgd", "--out", str(tmp_path), "--json", str(tmp_path / "all")]
    code, said = run(*words)
    assert code == 0, said
    row = json.loads((tmp_path / "all").read_text())["rows"][0]
    tried = {(each["name"], each["times"]): each["seeds"] for each in row["unadapted"]["rows"]}
    assert tried[("PPO", 1)] == tried[("feedback", 1)] == 2 and sorted(tried.values()) == [2, 2, 2]
    assert [each["name"] for each in row["unadapted"]["memory"]] == ["rl2"]
    assert list(row["variables"]["rows"]) == ["none", "drive_gain", "steer_gain", "steer_bias"]
    assert all(len(line) <= 80 for line in said.splitlines() if not line.startswith("drive-goal: "))
    assert "with a memory: adapts within the episode" in said and "drawn alone" in said

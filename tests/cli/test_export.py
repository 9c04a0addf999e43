"""`metabot export`: trained policies become ONNX files that say what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.deploy.runtime import PolicySession
from metabot.harness.learned import Learned, SingleTask
from metabot.harness.training import Training, TrainingConfig
from metabot.params import load_checkpoint, save_checkpoint
from metabot_sim.families.registry import family

MODELS = Path(__file__).parents[2] / "models"


def run(*words: object):
    return CliRunner().invoke(app, ["export", *map(str, words)])


def test_a_released_model_leaves_as_onnx_and_the_file_says_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "p.onnx"
    done = run(MODELS / "dagger-drive-goal", "--out", out, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["observations"] >= 1000 and facts["parity_max_abs"] <= 1e-5
    # It adapts within the episode, from what it is exported with: nothing.
    assert facts["success_onnx"] == facts["success_pytorch"] > 0.8
    told = run("--check", out)
    assert told.exit_code == 0
    for word in ("diffdrive, 20 Hz", "dagger on drive-goal", "as it starts", "in 3 rad/s", "64 numbers", "state_0"):
        assert word in told.stdout, told.stdout
    checked = json.loads(run("--check", out, "--json").stdout)
    assert checked["robot"]["action"][1] == {
        "name": "turn", "unit": "rad/s", "scale": 3.0, "offset": 0.0, "frame": "base", "reach_m": None
    }  # fmt: skip
    assert checked["sha256"] == facts["sha256"]


def test_a_policy_adapts_before_it_leaves(tmp_path: Path) -> None:
    out = tmp_path / "p.onnx"
    done = run(MODELS / "context-dynamics-drive-goal", "--out", out, "--episodes", 1, "--task", 5, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["adapted"] == "held-out task 5, 1 episodes" and facts["success_onnx"] > 0.8
    assert PolicySession(out, "cpu").contract.adapted == facts["adapted"]


def test_adapted_parameters_leave_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    config = TrainingConfig(method="fomaml", family="drive-goal", env_steps=6000, tasks=2, episodes=2)
    Training(config, folder).run()
    adapted = CliRunner().invoke(app, ["adapt", str(folder), "--trials", "2", "--episodes", "1", "--task", "2"])
    assert adapted.exit_code == 0, adapted.output
    done = run(folder / "adapted.checkpoint", "--out", tmp_path / "p.onnx", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["adapted"] == "held-out task 2, 1 episodes"


def test_a_learned_team_leaves_robot_by_robot(tmp_path: Path) -> None:
    kept, spec = tmp_path / "learned.checkpoint", tmp_path / "team.json"
    # A second is enough to compare them.
    spec.write_text(family("deliver").sample(2, "train", 3).model_copy(update={"horizon_s": 1.0}).model_dump_json())
    settings = ("batch=1", "updates=2", "last_updates=2", "hidden=8")
    words = ["learn", "imitation", "--spec", str(spec), "--episodes", "1", "--trials", "1", "--out", str(kept)]
    learned = CliRunner().invoke(app, [*words, *(word for each in settings for word in ("--set", each))])
    assert learned.exit_code == 0, learned.output
    hashes = set()
    for robot, kind in ((1, "arm"), (2, "diffdrive"), (3, "arm")):
        out = tmp_path / f"{robot}.onnx"
        done = run(kept, "--robot", robot, "--out", out, "--json")
        assert done.exit_code == 0, done.output
        facts, contract = json.loads(done.stdout), PolicySession(out, "cpu").contract
        assert facts["method"] == "imitation" and facts["adapted"] == "the task of its specification, 1 episodes"
        assert contract.robot_kind == kind and contract.settings["hidden"] == [8]
        assert contract.robot.observation[0].frame == ("base" if kind == "diffdrive" else "tips")
        hashes.add(facts["sha256"])
    assert len(hashes) == 3
    refusals = (
        (("--robot", 4), "allowed: 1 to 3"),
        (("--episodes", 2), "episodes: "),
        (("--task", 3), "task: "),
        (("--split", "test"), "split: "),
    )
    for words, line in refusals:
        refused = run(kept, *words, "--out", tmp_path / "x.onnx")
        assert refused.exit_code == 2 and line in refused.stderr


@pytest.mark.parametrize(("fact", "value"), [("settings", None), ("split", "bogus"), ("episodes", None), ("spec", ...)])
def test_a_learned_file_that_says_nonsense_is_one_line(tmp_path: Path, fact: str, value: object) -> None:
    kept = tmp_path / "learned.checkpoint"
    Learned.begun("ppo", {}, SingleTask("point-reach")).save(kept)
    found = load_checkpoint(kept)
    info = {**found.info, fact: value} if value is not ... else {k: v for k, v in found.info.items() if k != fact}
    save_checkpoint(kept, found.vector, found.layout, info)
    refused = run(kept, "--out", tmp_path / "x.onnx")
    assert refused.exit_code == 2 and len(refused.stderr.strip().splitlines()) == 1 and fact in refused.stderr


def test_values_of_actions_are_no_policy(tmp_path: Path) -> None:
    kept = tmp_path / "q"
    words = ["learn", "q-learning", "--family", "gridworld", "--episodes", "2", "--trials", "1", "--out", str(kept)]
    assert CliRunner().invoke(app, words).exit_code == 0
    refused = run(kept, "--out", tmp_path / "q.onnx")
    assert refused.exit_code == 2 and "q-learning learns values" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "source: name a training"),
        ((MODELS / "dagger-drive-goal", "--check", "x.onnx"), "not both"),
        ((MODELS / "dagger-drive-goal", "--out", "."), "file: . is a folder"),
        ((MODELS / "dagger-drive-goal", "--out", __file__), "is no policy"),
        ((MODELS / "dagger-drive-goal", "--split", "dev"), "split: no 'dev'"),
        ((MODELS / "dagger-drive-goal", "--spec", "x.json"), "--episodes"),
        ((MODELS / "dagger-drive-goal", "--robot", "2"), "robot: 2, but 1 act"),
        ((MODELS,), "has no meta.checkpoint"),
        (("x.onnx",), "--check x.onnx"),
        (("--check", "nowhere.onnx"), "nowhere.onnx: No such file"),
        (("--check", __file__), "not a readable ONNX file"),
    ],
)
def test_what_cannot_be_exported_ends_with_one_line(words, line: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == 2 and line in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.output
    assert not list(tmp_path.iterdir())

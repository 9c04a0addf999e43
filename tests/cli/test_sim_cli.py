"""`metabot sim` and `metabot demos`: what they print, write, and how they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot_sim.check import Row
from metabot_sim.convergence import Convergence
from metabot_sim.families.registry import available
from metabot_sim.offscreen import NO_GL, choose, works

RUN = CliRunner()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("sim check drive-gaol", "family: no 'drive-gaol'; allowed: drive-goal, "),
        ("sim check drive-goal --robots 99", "robots: 99 cannot play drive-goal; allowed: 1 to 16"),
        ("sim check", "families: name some, or give --all; allowed: drive-goal, "),
        ("sim check drive-goal --all", "families: name some, or give --all; allowed: drive-goal, "),
        ("sim video drive-goal --out film.mp4 --policy lucky", "policy: no 'lucky'; allowed: expert, random, idle"),
        (
            "sim video drive-goal --out film.mp4 --split exam",
            "split: no 'exam'; allowed: train, validation, test, held-",
        ),
        ("sim video drive-goal --out film.avi", "out: film.avi; allowed: a file ending in .mp4 or .gif"),
        ("sim video drive-goal --picture still.jpg", "picture: still.jpg; allowed: a file ending in .png"),
        ("sim video drive-goal", "out: give --out FILE.mp4, --picture FILE.png, or both"),
        ("demos drive-gaol", "family: no 'drive-gaol'; allowed: drive-goal, "),
        ("demos drive-goal --split exam", "split: no 'exam'; allowed: train, validation, test, held-out"),
        ("demos drive-goal --robots 99", "robots: 99 cannot play drive-goal; allowed: 1 to 16"),
    ],
)
def test_what_is_not_allowed_ends_with_code_2_and_one_line(command: str, line: str, monkeypatch: pytest.MonkeyPatch):
    # No choosing of OpenGL here: MuJoCo is there already.
    monkeypatch.setenv("MUJOCO_GL", os.environ.get("MUJOCO_GL", "glfw"))
    done = RUN.invoke(app, command.split())
    assert done.exit_code == 2
    assert done.stderr.startswith(f"metabot: {line}") and done.stderr.count("\n") == 1
    assert not list(Path().rglob("*.*"))


def test_list_shows_every_family():
    shown = RUN.invoke(app, ["sim", "list"])
    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in available())
    told = json.loads(RUN.invoke(app, ["sim", "list", "--json"]).stdout)
    assert [each["family"] for each in told] == list(available())
    assert told[0]["robots"] == {"fewest": 1, "usual": 3, "most": 16}
    assert told[0]["dynamics"]["drive_gain"] == {"low": 0.7, "high": 1.0, "signed": True}


def test_check_measures_writes_json_and_succeeds_where_the_bars_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("metabot_sim.convergence.SECONDS", 0.1)
    done = RUN.invoke(app, ["sim", "check", "drive-goal", "--robots", "2", "--episodes", "4", "--json", "rows.json"])
    told = json.loads((tmp_path / "rows.json").read_text())
    assert [row["split"] for row in told["rows"]] == ["train", "validation", "test", "held-out"]
    assert [row["kind"] for row in told["convergence"]] == ["diffdrive"]
    assert told["passed"] == all(row["passed"] for row in (*told["rows"], *told["convergence"]))
    assert done.exit_code == (0 if told["passed"] else 1)
    assert done.stdout.count("PASS") + done.stdout.count("FAIL") == 5


def test_a_robot_whose_steps_are_too_long_does_not_pass_the_check(monkeypatch: pytest.MonkeyPatch):
    def rows(family: str, **settings: object):
        yield Row(family, "train", 3, 256, expert=1.0, random=0.0, idle=0.0, diverged=0)

    def steps(family: str, **settings: object):
        yield Convergence(family, "diffdrive", 20, 500, (0.05, 0.2), (0.1, 0.4))

    monkeypatch.setattr("metabot_sim.check.check_family", rows)
    monkeypatch.setattr("metabot_sim.convergence.check_convergence", steps)
    done = RUN.invoke(app, ["sim", "check", "drive-goal"])
    assert done.exit_code == 1 and "20.0" in done.stdout and "FAIL" in done.stdout


@pytest.mark.parametrize(("expert", "code", "word"), [(0.95, 0, "PASS"), (0.94, 1, "FAIL")])
def test_checks_exit_code_says_whether_the_bars_hold(monkeypatch, expert: float, code: int, word: str):
    def rows(family: str, **settings: object):
        yield Row(family, "train", 3, 256, expert=expert, random=0.0, idle=0.0, diverged=0)

    monkeypatch.setattr("metabot_sim.check.check_family", rows)
    done = RUN.invoke(app, ["sim", "check", "drive-goal", "--no-convergence"])
    assert done.exit_code == code and word in done.stdout


def test_families_that_cannot_be_played_by_so_many_are_named_and_left_out_of_all(monkeypatch: pytest.MonkeyPatch):
    checked = []

    def rows(family: str, **settings: object):
        checked.append(family)
        yield Row(family, "train", 1, 256, expert=1.0, random=0.0, idle=0.0, diverged=0)

    monkeypatch.setattr("metabot_sim.check.check_family", rows)
    done = RUN.invoke(app, ["sim", "check", "--all", "--robots", "1", "--no-convergence"])
    assert done.exit_code == 0 and "drive-goal" in checked and "drive-push" not in checked
    assert "left out: robots: 1 cannot play drive-push" in done.stdout


def test_an_interrupted_check_shows_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def rows(family: str, **settings: object):
        yield Row(family, "train", 3, 256, expert=1.0, random=0.0, idle=0.0, diverged=0)
        raise KeyboardInterrupt

    monkeypatch.setattr("metabot_sim.check.check_family", rows)
    done = RUN.invoke(app, ["sim", "check", "drive-goal", "--json", "rows.json"])
    assert done.exit_code == 130 and "1 rows were done" in done.stderr
    assert len(json.loads((tmp_path / "rows.json").read_text())["rows"]) == 1


def test_a_check_keeps_what_the_file_holds_of_other_families(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    experts = {"drive-goal": 1.0, "drive-push": 0.5}

    def rows(family: str, **settings: object):
        yield Row(family, "train", 3, 256, expert=experts[family], random=0.0, idle=0.0, diverged=0)

    def steps(family: str, **settings: object):
        yield Convergence(family, "diffdrive", 20, 500, (0.01, 0.02), (0.01, 0.02))

    monkeypatch.setattr("metabot_sim.check.check_family", rows)
    monkeypatch.setattr("metabot_sim.convergence.check_convergence", steps)
    RUN.invoke(app, ["sim", "check", "drive-goal", "drive-push", "--json", "rows.json"])
    assert not json.loads((tmp_path / "rows.json").read_text())["passed"]
    experts["drive-goal"] = 0.99
    done = RUN.invoke(app, ["sim", "check", "drive-goal", "--json", "rows.json"])
    told = json.loads((tmp_path / "rows.json").read_text())
    assert [(row["family"], row["expert"]) for row in told["rows"]] == [("drive-goal", 0.99), ("drive-push", 0.5)]
    assert [row["family"] for row in told["convergence"]] == ["drive-goal", "drive-push"]
    assert done.exit_code == 0 and not told["passed"]
    (tmp_path / "rows.json").write_text('{"machine": {}, "versions": {}, "rows": [{"method": "maml"}]}')
    refused = RUN.invoke(app, ["sim", "check", "drive-goal", "--json", "rows.json"])
    assert refused.exit_code == 2 and "rows.json: no check of families" in refused.stderr


def test_demos_writes_a_dataset_and_says_how_to_read_it(tmp_path: Path):
    pytest.importorskip("minari", reason="the extra `demos` is not installed")
    done = RUN.invoke(app, ["demos", "drive-goal", "--episodes", "2", "--out", "here", "--robots", "1"])
    assert done.exit_code == 0, done.stderr
    name = "metabot/drive-goal/expert-1-robots-train-v0"
    assert (tmp_path / "here" / name / "data").is_dir()
    assert f"load_dataset('{name}') with MINARI_DATASETS_PATH=here" in done.stdout


def metabot(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: MuJoCo looks for OpenGL once per process."""
    return subprocess.run(
        [sys.executable, "-m", "metabot.cli", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_without_opengl_one_line_says_what_to_install():
    done = metabot("sim", "video", "drive-goal", "--out", "film.mp4", MUJOCO_GL="disable")
    assert (done.returncode, done.stderr) == (2, f"metabot: {NO_GL}\n")
    assert not list(Path().iterdir())


def test_video_and_picture_show_the_episode(tmp_path: Path):
    if not any(map(works, ("egl", "osmesa"))):
        pytest.skip("no off-screen OpenGL on this machine")
    size = ("--width", "160", "--height", "120")
    done = metabot("sim", "video", "drive-goal", "--robots", "1", "--out", "film.mp4", "--picture", "still.png", *size)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "film.mp4 and still.png: drive-goal, expert, success\n"
    frames = imageio.mimread(tmp_path / "film.mp4", memtest=False)
    still = imageio.imread(tmp_path / "still.png")
    assert still.shape == frames[0].shape == (120, 160, 3)
    assert 10 < len(frames) <= 82
    middle = frames[len(frames) // 2].astype(float)
    assert np.abs(middle - still).mean() < np.abs(frames[0].astype(float) - still).mean() + 1.0 < 20.0
    assert not list(tmp_path.glob(".*"))


def test_what_the_user_chose_is_not_chosen_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    assert choose() == "" and os.environ["MUJOCO_GL"] == "glfw"

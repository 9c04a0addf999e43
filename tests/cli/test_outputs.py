"""Where commands write: what is somebody's is neither moved nor overwritten, and `--out` says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.cli.outputs import check_file, check_folder, is_report
from metabot.harness.training import Training, TrainingConfig
from metabot.params import load_checkpoint, save_checkpoint
from metabot.params.atomic import atomic_file
from metabot_sim.film import is_ours

LEARN = "learn ppo --family navigation-2d --episodes 2 --trials 1"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a training, a folder, and files of its owner's."""
    monkeypatch.chdir(tmp_path)
    config = TrainingConfig("fomaml", "navigation-2d", env_steps=800, tasks=2, episodes=2)
    Training(config, tmp_path / "run").run()
    (tmp_path / "results").mkdir()
    for name in ("mine", "mine.png", "mine.mp4", "mine.gif", "README.md", "drive-goal.md"):
        (tmp_path / name).write_text("mine")
    return tmp_path


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("adapt run --out results", "out: results is a folder; allowed: the name of a file"),
        ("adapt run --out mine", "out: mine is there already and holds no adapted parameters"),
        ("adapt run --out run/meta.checkpoint", "out: run/meta.checkpoint is there already and holds no adapted"),
        ("adapt run --out mine/a", "out: mine is a file; allowed: a folder"),
        (f"{LEARN} --out results", "out: results is a folder; allowed: the name of a file"),
        (f"{LEARN} --out mine", "out: mine is there already and holds no learned parameters"),
        ("train maml --family navigation-2d --out mine", "out: mine is a file; allowed: a folder"),
        ("evaluate maml --family navigation-2d --out mine", "out: mine is a file; allowed: a folder"),
        ("evaluate maml --family navigation-2d --json mine", "json: mine is there already and holds no figures"),
        ("evaluate maml --family navigation-2d --json results", "json: results is a folder"),
        ("continual naive --out mine", "out: mine is a file; allowed: a folder"),
        ("continual naive --json mine", "json: mine is there already and holds no figures"),
        ("bench policy --json mine", "json: mine is there already and holds no figures"),
        ("sim check drive-goal --json mine", "json: mine is there already and holds no figures"),
        ("sim video drive-goal --out mine.mp4", "out: mine.mp4 is there already and holds no film"),
        ("sim video drive-goal --picture mine.png", "picture: mine.png is there already and holds no film"),
        ("sim pages --out mine", "out: mine is a file; allowed: a folder"),
        ("sim pages --out .", "out: README.md is there already and is no page of metabot's"),
        ("demos drive-goal --out mine", "out: mine is a file; allowed: a folder"),
        ("train language --output .", "output: . holds something else; allowed: a folder, new or of an earlier model"),
        ("train language --output mine", "output: mine is a file; allowed: a folder, new or of an earlier model"),
    ],
)
def test_what_is_somebody_elses_stays_and_one_line_says_so(
    command: str, line: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No choosing of OpenGL here: MuJoCo is there already.
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    before = snapshot(here)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, done.output
    assert line in done.stderr and done.stderr.count("\n") == 1
    assert snapshot(here) == before


def test_what_a_command_wrote_itself_it_may_write_again(here: Path) -> None:
    adapt = "adapt run --episodes 1 --trials 1 --out found --task"
    for task in (1, 2):
        done = CliRunner().invoke(app, [*adapt.split(), str(task)])
        assert done.exit_code == 0, done.output
        assert load_checkpoint(here / "found").info["task"] == task
    for _ in range(2):
        assert CliRunner().invoke(app, [*LEARN.split(), "--out", "learned"]).exit_code == 0
    (here / "figures.json").write_text(json.dumps({"machine": "m", "versions": {}, "rows": []}))
    check_file("json", here / "figures.json", is_report, "figures")
    check_file("json", here / "new" / "figures.json", is_report, "figures")
    check_folder("out", here / "a" / "b")


def test_files_that_appear_whole_take_no_folders_place(tmp_path: Path) -> None:
    training = Training(TrainingConfig("fomaml", "navigation-2d"))
    for path in (tmp_path / "results", tmp_path / "kept.previous"):
        path.mkdir(exist_ok=True)
    for path in (tmp_path / "results", tmp_path / "kept"):
        with pytest.raises(IsADirectoryError, match=r"is a folder; allowed: the name of a file$"):
            save_checkpoint(path, training.meta.numpy(), training.learner.layout, {})
    with pytest.raises(IsADirectoryError), atomic_file(tmp_path / "results"):
        pass
    assert (tmp_path / "results").is_dir() and not (tmp_path / "kept").exists()


def test_films_and_pictures_are_known_by_what_they_say_of_themselves(tmp_path: Path) -> None:
    for name, content in (("a.mp4", b"ftyp" + b"0" * 200_000), ("b.png", b"\x89PNG")):
        (tmp_path / name).write_bytes(content)
        assert not is_ours(tmp_path / name)
        (tmp_path / name).write_bytes(content + b"metabot")
        assert is_ours(tmp_path / name)

"""One training at a time in a folder; what is finished is never written over by less."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.harness.alone import LOCK, FolderInUse, alone_in
from metabot.harness.training import CHECKPOINT, CONFIG, Training, TrainingConfig
from metabot.params import load_checkpoint

CONFIG_OF = TrainingConfig("fomaml", "navigation-2d", env_steps=2 * 800, tasks=2, episodes=2)
WORDS = ["fomaml", "--family", "navigation-2d", "--env-steps", "1600", "--tasks", "2", "--episodes", "2"]

HOLDS = """
import sys, time
from pathlib import Path
from metabot.harness.alone import alone_in

with alone_in(Path(sys.argv[1])):
    print("inside", flush=True)
    time.sleep(60)
"""


@contextmanager
def another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "inside\n"
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_second_in_a_folder_is_refused_naming_the_first_until_that_is_gone(tmp_path: Path) -> None:
    with another(tmp_path) as first:
        with pytest.raises(FolderInUse, match=rf"in use by process {first.pid} on .+ since 20\d\d-") as refused:
            Training(CONFIG_OF, tmp_path).run()
        assert "\n" not in str(refused.value)
        for words in (["train", *WORDS[:1]], ["evaluate", *WORDS[:1]], ["continual", "naive"]):
            done = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
            assert done.exit_code == 2 and done.stdout == ""
            assert done.stderr.startswith("metabot: out: ") and f"process {first.pid} " in done.stderr
            assert done.stderr.count("\n") == 1
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert (tmp_path / LOCK).exists()
        Training(CONFIG_OF, tmp_path).run()
    assert sorted(path.name for path in tmp_path.iterdir() if "events" not in path.name) == [CONFIG, CHECKPOINT]


def test_two_of_one_process_are_two(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(FolderInUse, match=f"process {os.getpid()} "):
        Training(CONFIG_OF, tmp_path).save()
    with alone_in(tmp_path):
        pass


def test_a_folder_that_nothing_was_put_into_is_taken_away_again(tmp_path: Path) -> None:
    with alone_in(tmp_path / "new" / "folder"):
        assert (tmp_path / "new" / "folder").is_dir()
    assert not (tmp_path / "new" / "folder").exists()
    (tmp_path / "mine").mkdir()
    with alone_in(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine").is_dir()


def test_one_that_began_earlier_goes_on_from_what_another_has_finished_meanwhile(tmp_path: Path) -> None:
    early = Training(CONFIG_OF, tmp_path)
    finished = Training(CONFIG_OF, tmp_path)
    finished.run()
    written = (tmp_path / CHECKPOINT).read_bytes()
    early.run()
    assert early.updates == finished.updates == 2
    assert np.array_equal(early.meta.numpy(), finished.meta.numpy())
    assert (tmp_path / CHECKPOINT).read_bytes() == written
    late = Training(CONFIG_OF)
    late.folder = tmp_path
    late.save()
    assert load_checkpoint(tmp_path / CHECKPOINT).info["updates"] == 2


def test_a_training_that_learned_nothing_writes_nothing(tmp_path: Path) -> None:
    training = Training(CONFIG_OF, tmp_path / "run")
    training.learner.collect = interrupt  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        training.run()
    assert not (tmp_path / "run").exists()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_configuration_of_somebody_else_stays(tmp_path: Path) -> None:
    for content in ("[]", '{"editor": "vim"}', "no json"):
        (tmp_path / CONFIG).write_text(content)
        done = CliRunner().invoke(app, ["train", *WORDS, "--out", str(tmp_path)])
        assert done.exit_code == 2 and "config.json is there already and of no training" in done.stderr
        assert (tmp_path / CONFIG).read_text() == content and [path.name for path in tmp_path.iterdir()] == [CONFIG]
    (tmp_path / CONFIG).write_text(json.dumps({"method": "maml", "family": "navigation-2d"}))
    assert CliRunner().invoke(app, ["train", *WORDS, "--out", str(tmp_path)]).exit_code == 0

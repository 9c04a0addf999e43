import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metabot.setup import environment
from metabot.setup.ros import WHEELS, Ros
from metabot.setup.state import READY, State, Wanted, is_ready


@pytest.fixture
def made(clone) -> Path:
    """A clone whose environment looks as a finished set-up leaves it."""
    venv = clone.root / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "bin" / "metabot").touch()
    wanted = Wanted.of(clone.root)
    State(
        root=str(clone.root),
        python=environment.base_python(),
        packages=wanted.packages,
        interfaces=wanted.interfaces,
        project=wanted.project,
    ).write(venv)
    (venv / READY).touch()
    return venv


def ready(root: Path) -> bool:
    return is_ready(root / ".venv", State.read(root / ".venv"), Wanted.of(root), root)


def reason(root: Path, **changes) -> str:
    venv = root / ".venv"
    wanted = {"python": environment.base_python(), "ros": Ros(WHEELS), "this_python": False, **changes}
    return environment._reason_to_renew(root, venv, State.read(venv), **wanted)


def test_second_set_up_does_nothing_quickly_and_silently(clone, made):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    started = time.monotonic()
    done = clone.run()
    assert time.monotonic() - started < 2.0
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before


@pytest.mark.parametrize(
    "name",
    ["requirements.lock", "pyproject.toml", "setup.py", "ros2_ws/src/metabot_interfaces/msg/Round.msg"],
)
def test_change_of_a_file_makes_set_up_run_again(clone, made, name):
    assert ready(clone.root)
    with (clone.root / name).open("a") as file:
        file.write("\n# changed\n")
    assert not ready(clone.root)


def test_new_and_deleted_interface_files_count(clone, made):
    messages = clone.root / "ros2_ws/src/metabot_interfaces/msg"
    (messages / "New.msg").write_text("bool x\n")
    assert not ready(clone.root)
    (messages / "New.msg").unlink()
    assert ready(clone.root)
    (messages / "Round.msg").unlink()
    assert not ready(clone.root)


def test_touched_file_with_the_same_content_changes_nothing(clone, made):
    os.utime(clone.root / "requirements.lock")
    assert ready(clone.root)


@pytest.mark.parametrize("lost", ["bin/python", "bin/metabot", READY, ".setup/state.json"])
def test_environment_that_lost_a_part_is_not_ready(clone, made, lost):
    (made / lost).unlink()
    assert not ready(clone.root)


def test_interrupted_installation_is_made_anew(clone, made):
    state = State.read(made)
    state.installing = True
    state.write(made)
    assert not ready(clone.root)
    assert "interrupted" in reason(clone.root)


def test_moved_clone_is_made_anew(clone, made):
    moved = clone.root.with_name("moved")
    shutil.move(clone.root, moved)
    assert not ready(moved)
    assert f"it was made in {clone.root}" == reason(moved)


def test_another_python_counts_only_when_asked_for(clone, made):
    assert reason(clone.root, python="/elsewhere/python3.12") == ""
    assert "it was made from" in reason(clone.root, python="/elsewhere/python3.12", this_python=True)


def test_sourced_distribution_replaces_wheels(clone, made):
    assert reason(clone.root, ros=Ros("jazzy", "/opt/ros/jazzy")) == "it was made for ROS 2 from wheels"


def test_environment_made_by_hand_is_kept(clone, made):
    (made / ".setup" / "state.json").unlink()
    assert reason(clone.root) == ""


def test_second_set_up_at_once_says_that_it_waits(clone):
    code = (
        "from pathlib import Path; from metabot.setup.state import one_at_a_time\n"
        "with one_at_a_time(Path('.')): print('mine', flush=True)"
    )
    with (clone.root / "pyproject.toml").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-c", code], cwd=clone.root, stdout=subprocess.PIPE, text=True)
        assert "another set-up of this clone is running" in second.stdout.readline()
    assert second.stdout.readline() == "mine\n"
    second.stdout.close()
    assert second.wait(timeout=10) == 0

"""Makes `.venv` ready: packages of the lock, interfaces, metabot itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from metabot.setup import interfaces, preflight, workspace
from metabot.setup.console import SetupError, run_logged, say, step
from metabot.setup.lockfile import LOCK, read_sections, requirement_name
from metabot.setup.ros import Ros, clean_environment, detect, distribution_problem
from metabot.setup.state import READY, WORK, State, Wanted, is_ready, one_at_a_time


def prepare(root: Path, this_python: bool = False) -> bool:
    """Makes the environment of a repository ready, doing only what changed.

    Args:
        root: The repository.
        this_python: Make the environment from the running interpreter, also
            where one made from another interpreter exists.

    Returns:
        Whether there was anything to do.

    Raises:
        SetupError: Something is missing or a step failed.
    """
    root = root.resolve()
    venv = root / ".venv"
    python = base_python()
    if _nothing_to_do(root, venv, python, this_python):
        return False
    ros = _wanted_ros(State.read(venv))
    say(f"metabot: setting up {venv} with Python {sys.version.split()[0]} and {ros}")
    problems = preflight.problems(os.fspath(root), ros.from_wheels)
    mismatch = distribution_problem(ros, python) if os.environ.get("ROS_DISTRO") else ""
    if problems or mismatch:
        raise SetupError("\n".join([*problems, mismatch]).strip())
    with one_at_a_time(root):
        if _nothing_to_do(root, venv, python, this_python):
            return False
        started = time.monotonic()
        _set_up(root, venv, python, ros, this_python)
        say(f"metabot: ready after {time.monotonic() - started:.0f} s")
    return True


def base_python() -> str:
    """The running interpreter, or the one that its virtual environment was made from."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def choose_requirements(text: str, ros: Ros, has_colcon: bool) -> list[str]:
    """Chooses the lock's lines that an environment needs.

    Args:
        text: Content of the lock file.
        ros: With a distribution, its ROS packages are not installed again.
        has_colcon: The distribution's Python can import colcon.
    """
    sections = read_sections(text)
    lines = list(sections["base"])
    if ros.from_wheels:
        lines += sections["ros"]
    if ros.from_wheels or not has_colcon:
        lines += sections["colcon"]
    return lines


def _wanted_ros(state: State) -> Ros:
    ros = detect(os.environ)
    # An environment made for a distribution finds it by itself, sourced or not.
    if ros.from_wheels and state.known and not state.ros.from_wheels and Path(state.ros_prefix).is_dir():
        return state.ros
    return ros


def _nothing_to_do(root: Path, venv: Path, python: str, this_python: bool) -> bool:
    state = State.read(venv)
    return is_ready(venv, state, Wanted.of(root), root) and not _reason_to_renew(
        root, venv, state, python, _wanted_ros(state), this_python
    )


def _reason_to_renew(root: Path, venv: Path, state: State, python: str, ros: Ros, this_python: bool) -> str:
    """Says why an existing environment cannot be kept, or nothing."""
    if not state.known:
        # Somebody made it by hand: what is missing is added, nothing is thrown away.
        return "" if (venv / "bin" / "python").exists() else "it has no Python"
    if state.installing:
        return "an earlier set-up was interrupted while packages were being written"
    if state.root != os.fspath(root):
        return f"it was made in {state.root}"
    if not (venv / "bin" / "python").exists():
        return f"its Python, {state.python}, is gone"
    if this_python and state.python != python:
        return f"it was made from {state.python}"
    if state.ros != ros:
        return f"it was made for {state.ros}"
    return ""


def _set_up(root: Path, venv: Path, python: str, ros: Ros, this_python: bool) -> None:
    state, wanted = State.read(venv), Wanted.of(root)
    (venv / READY).unlink(missing_ok=True)
    reason = _reason_to_renew(root, venv, state, python, ros, this_python) if venv.exists() else ""
    if reason:
        say(f"  making .venv anew: {reason}")
    if reason or not venv.exists():
        _make_venv(venv, python, ros)
        state = State()
    if not state.known:
        state = State()
    state.root, state.ros_name, state.ros_prefix = os.fspath(root), ros.name, ros.prefix
    state.python = state.python or python
    state.write(venv)

    if state.packages != wanted.packages:
        _install_packages(root, venv, ros, state)
        state.packages = wanted.packages
        state.write(venv)
    if state.interfaces != wanted.interfaces or (state.project != wanted.project and not ros.from_wheels):
        state.interfaces = ""
        state.write(venv)
        with step("building metabot_interfaces" if ros.from_wheels else "building ros2_ws with colcon"):
            if ros.from_wheels:
                interfaces.build_into(venv, root / interfaces.SOURCE, venv / WORK)
            else:
                workspace.build_into(venv, root / "ros2_ws", venv / WORK)
        state.interfaces = wanted.interfaces
        state.write(venv)
    if state.project != wanted.project or not (venv / "bin" / "metabot").exists():
        with step("installing metabot"):
            _pip(venv, ["--no-build-isolation", "--no-deps", "--editable", os.fspath(root)], "metabot")
        state.project = wanted.project
        state.write(venv)
    (venv / READY).write_text(f"{wanted.packages}\n{wanted.interfaces}\n{wanted.project}\n", encoding="utf-8")


def _make_venv(venv: Path, python: str, ros: Ros) -> None:
    command = [python, "-m", "venv", "--clear", os.fspath(venv)]
    if not ros.from_wheels:
        command.insert(3, "--system-site-packages")
    with step("making .venv"):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=clean_environment(os.environ, venv)
        )
        if done.returncode != 0:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise SetupError(f"python -m venv failed: {' '.join(last)}")


def _install_packages(root: Path, venv: Path, ros: Ros, state: State) -> None:
    lines = choose_requirements((root / LOCK).read_text(encoding="utf-8"), ros, workspace.has_colcon(venv, ros))
    chosen = venv / WORK / "requirements.txt"
    chosen.write_text("\n".join(lines) + "\n", encoding="utf-8")
    torch = [line for line in lines if requirement_name(line) == "torch"]
    try:
        state.installing = True
        state.write(venv)
        # First and by its exact version: a range in another package could
        # otherwise bring a newer build with gigabytes of GPU libraries.
        with step("installing PyTorch"):
            _pip(venv, [*torch, "--constraint", os.fspath(chosen)], "torch")
        with step(f"installing the packages of {LOCK}"):
            _pip(venv, ["--requirement", os.fspath(chosen)], "packages")
    except SetupError:
        # pip ended by itself and cleaned up: the environment is sound.
        state.installing = False
        state.write(venv)
        raise
    state.installing = False


def _pip(venv: Path, arguments: list[str], name: str) -> None:
    command: list[str | Path] = [
        venv / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]
    run_logged([*command, *arguments], venv / WORK / "log" / f"pip-{name}.log", clean_environment(os.environ, venv))

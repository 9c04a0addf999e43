"""Builds `ros2_ws` with colcon on a ROS distribution and makes the environment find it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from metabot.setup.console import run_logged
from metabot.setup.ros import Ros, clean_environment, output_of

HOOK = "metabot_ros_environment"

PATH_VARIABLES = ("AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH")
PLAIN_VARIABLES = ("ROS_DISTRO", "ROS_VERSION", "ROS_PYTHON_VERSION")

_COLCON = "import sys; from colcon_core.command import main; sys.exit(main())"

_HOOK_CODE = '''\
"""Enters the ROS distribution and workspace that this environment was made for.

Written by metabot's set-up. The loader reads LD_LIBRARY_PATH only when a
process starts, so the interpreter is started once more where it lacks something.
"""

import json
import os
import sys

_AGAIN = "_METABOT_ROS_ENVIRONMENT_PID"
# Sourcing the workspace asks this program what the shell lacks: tell it nothing.
_ASKS = "_local_setup_util_sh.py"


def _enter():
    with open(os.path.splitext(__file__)[0] + ".json") as file:
        wanted = json.load(file)
    for name, value in wanted["plain"].items():
        os.environ.setdefault(name, value)
    lacking = False
    for name, folders in wanted["paths"].items():
        present = [folder for folder in os.environ.get(name, "").split(os.pathsep) if folder]
        missing = [folder for folder in folders if folder not in present]
        if missing:
            os.environ[name] = os.pathsep.join(missing + present)
            lacking = True
    # The process keeps its number when it starts again: never do so twice.
    if lacking and os.environ.get(_AGAIN) != str(os.getpid()):
        os.environ[_AGAIN] = str(os.getpid())
        os.execv(sys.executable, [sys.executable] + sys.orig_argv[1:])


if not any(word.endswith(_ASKS) for word in sys.orig_argv):
    _enter()
'''


def has_colcon(venv: Path, ros: Ros) -> bool:
    """Tells whether the distribution's Python brings colcon.

    Args:
        venv: The environment; it sees the system's packages.
        ros: Where it is wheels, colcon is installed from the lock.
    """
    if ros.from_wheels:
        return False
    command = [os.fspath(venv / "bin" / "python"), "-c", "import colcon_core, colcon_ros, colcon_cmake, colcon_bash"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def build_into(venv: Path, workspace: Path, work: Path) -> None:
    """Builds the workspace and lets the environment enter it by itself.

    Args:
        venv: The environment. Its Python runs colcon, so that the programs
            which `ros2 run` finds start in it.
        workspace: The colcon workspace.
        work: Folder for the logs.

    Raises:
        SetupError: The build failed.
    """
    python = venv / "bin" / "python"
    env = _build_environment(venv, workspace)
    command: list[str | Path] = [python, "-c", _COLCON, "--log-base", workspace / "log", "build"]
    command += ["--base-paths", workspace / "src", "--build-base", workspace / "build"]
    command += ["--install-base", workspace / "install", "--event-handlers", "console_cohesion+"]
    command += ["--cmake-args", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={python}"]
    run_logged(command, work / "log" / "colcon.log", env)
    _write_hook(python, sourced_environment(workspace / "install", env), workspace)


def _build_environment(venv: Path, workspace: Path) -> dict[str, str]:
    """The shell's environment, with the distribution in it also where nothing is sourced."""
    # The environment's Python enters what an earlier set-up found.
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    env = dict(json.loads(output_of([os.fspath(venv / "bin" / "python"), "-c", code])))
    own = os.fspath(workspace / "install") + os.sep
    for name in PATH_VARIABLES:
        # A package must not be built on top of its own earlier build.
        folders = [folder for folder in env.get(name, "").split(os.pathsep) if folder and not folder.startswith(own)]
        if name in env:
            env[name] = os.pathsep.join(folders)
    env["PATH"] = f"{venv / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    return env


def sourced_environment(install: Path, env: dict[str, str]) -> dict[str, str]:
    """Gives the environment of a shell that has sourced an install space.

    Args:
        install: The install space of a colcon workspace.
        env: The environment before.
    """
    script = 'source "$0" >/dev/null && env -0'
    output = output_of(["bash", "-c", script, os.fspath(install / "local_setup.bash")], env)
    return dict(entry.split("=", 1) for entry in output.split("\0") if "=" in entry)


def hook_settings(sourced: dict[str, str], workspace: Path, venv: Path) -> dict[str, dict]:
    """Chooses what a process must have in its environment to use the workspace.

    Args:
        sourced: Environment of a shell that has sourced everything.
        workspace: Its copy of `metabot` is left out: the environment runs the
            repository's own files.
        venv: Its program folder is left out: whoever runs it chose it.
    """
    copy = os.fspath(workspace / "install" / "metabot") + os.sep
    paths = {}
    for name in PATH_VARIABLES:
        folders = [folder for folder in sourced.get(name, "").split(os.pathsep) if folder]
        if name == "PYTHONPATH":
            folders = [folder for folder in folders if not folder.startswith(copy)]
        if name == "PATH":
            prefixes = tuple(prefix for prefix in sourced.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix)
            folders = [folder for folder in folders if folder.startswith(prefixes) and folder != str(venv / "bin")]
        if folders:
            paths[name] = folders
    return {"paths": paths, "plain": {name: sourced[name] for name in PLAIN_VARIABLES if name in sourced}}


def _write_hook(python: Path, sourced: dict[str, str], workspace: Path) -> None:
    venv = python.parents[1]
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(output_of([str(python), "-c", code], clean_environment(os.environ, venv)).strip())
    settings = hook_settings(sourced, workspace, venv)
    (packages / f"{HOOK}.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    (packages / f"{HOOK}.py").write_text(_HOOK_CODE, encoding="utf-8")
    (packages / f"{HOOK}.pth").write_text(f"import {HOOK}\n", encoding="utf-8")

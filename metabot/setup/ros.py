"""Which ROS 2 metabot runs on: a sourced distribution, or wheels in the environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from metabot.setup.console import SetupError

WHEELS = "wheels"

FOREIGN_VARIABLES = frozenset(
    {
        "AMENT_PREFIX_PATH",
        "CMAKE_PREFIX_PATH",
        "COLCON_PREFIX_PATH",
        "PYTHONHOME",
        "PYTHONPATH",
        # The wheels' start-up hook: a Python started from an environment's
        # Python would take its library path for its own.
        "_ROS_WHEELS_BOOTSTRAP_COMPLETE",
    }
)
"""Variables through which another ROS, workspace or environment would leak into a build."""


@dataclass(frozen=True)
class Ros:
    """The ROS 2 to build against.

    Attributes:
        name: `wheels`, or the name of the distribution, such as `jazzy`.
        prefix: Folder of the distribution; empty for wheels.
    """

    name: str
    prefix: str = ""

    @property
    def from_wheels(self) -> bool:
        """Whether ROS is installed from wheels into the environment."""
        return self.name == WHEELS

    def __str__(self) -> str:
        """What a person is told."""
        return "ROS 2 from wheels" if self.from_wheels else f"ROS 2 {self.name} in {self.prefix}"


def detect(environ: Mapping[str, str]) -> Ros:
    """Tells which ROS a shell has sourced.

    Args:
        environ: The shell's environment.
    """
    name = environ.get("ROS_DISTRO", "")
    if not name:
        return Ros(WHEELS)
    # The distribution is the last prefix: workspaces put theirs in front.
    prefixes = [prefix for prefix in environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    return Ros(name, prefixes[-1] if prefixes else "")


def distribution_problem(ros: Ros, python: str) -> str:
    """Says why a sourced distribution cannot be used by a Python, or nothing.

    Args:
        ros: What `detect` found.
        python: The interpreter that the environment is made from.
    """
    if ros.from_wheels:
        return ""
    done = subprocess.run([python, "-c", "import rclpy"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].split(". ")[0]
    return (
        f"ROS_DISTRO is {ros.name}, but {python} cannot import rclpy ({reason}): "
        "name the distribution's Python with `make PYTHON=...`, or unset ROS_DISTRO to use wheels"
    )


def clean_environment(environ: Mapping[str, str], venv: Path) -> dict[str, str]:
    """Gives an environment in which builds find the virtual environment and nothing else.

    Args:
        environ: The environment to start from.
        venv: Its programs come first in PATH.
    """
    env = {key: value for key, value in environ.items() if key not in FOREIGN_VARIABLES}
    env["PATH"] = f"{venv / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    return env


def output_of(command: list[str], env: Mapping[str, str] | None = None) -> str:
    """Runs a short command and returns its output.

    Raises:
        SetupError: It failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=None if env is None else dict(env))
    if done.returncode != 0:
        raise SetupError(f"{command[0]} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return done.stdout

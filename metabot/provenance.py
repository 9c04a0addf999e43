"""What a figure was made with: the machine, the versions and the command."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from metabot.params.atomic import atomic_file

PACKAGES = (
    "torch",
    "mujoco",
    "gymnasium",
    "transformers",
    "llguidance",
    "onnx",
    "onnxruntime-gpu",
    "onnxruntime",
    "ros-rclpy",
    "numpy",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def command() -> str:
    """The words that started this process, as a shell would take them."""
    return shlex.join(["metabot", *sys.argv[1:]])


def machine() -> str:
    """The machine in one line: processor, cores, system."""
    name = platform.processor() or platform.machine()
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def made_by() -> dict[str, Any]:
    """What stands first in every report: ``date``, ``command``, ``machine`` and ``versions``."""
    return {"date": time.strftime("%Y-%m-%d"), "command": command(), "machine": machine(), "versions": versions()}


def write_report(path: Path, report: Mapping[str, Any], indent: int | None = 2) -> None:
    """Write figures as JSON; a file is there as a whole or as it was before.

    Args:
        path: the file; what it held is lost.
        report: what JSON can hold.
        indent: spaces of a level; None for one line.

    Raises:
        OSError: if it cannot be written.
    """
    with atomic_file(path) as file:
        file.write((json.dumps(report, indent=indent) + "\n").encode())

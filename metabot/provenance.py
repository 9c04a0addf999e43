"""What a figure was made with: the machine, the versions and the command."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from importlib import metadata
from pathlib import Path

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

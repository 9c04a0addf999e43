import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CARRIED = ["pyproject.toml", "setup.py", "setup.cfg", "package.xml", "requirements.lock", "Makefile"]


class Clone:
    """A copy of what set-up reads, without an environment."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *words: str, python: str = "", **environ: str) -> subprocess.CompletedProcess:
        """Runs `python -m metabot.setup` in the copy, with a Python outside any environment."""
        env = {key: value for key, value in os.environ.items() if key not in ("ROS_DISTRO", "PYTHONPATH", "CXX")}
        # A test must never install anything, even if set-up wrongly goes on.
        env.update(PIP_NO_INDEX="1", PYTHONDONTWRITEBYTECODE="1")
        env.update(environ)
        command = [python or getattr(sys, "_base_executable", sys.executable), "-m", "metabot.setup", *words]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    root = tmp_path / "clone"
    (root / "metabot").mkdir(parents=True)
    for name in CARRIED:
        shutil.copy(ROOT / name, root / name)
    shutil.copy(ROOT / "metabot" / "__init__.py", root / "metabot")
    shutil.copytree(
        ROOT / "metabot" / "setup", root / "metabot" / "setup", ignore=shutil.ignore_patterns("__pycache__")
    )
    interfaces = Path("ros2_ws/src/metabot_interfaces")
    shutil.copytree(ROOT / interfaces, root / interfaces)
    return Clone(root)

"""What has been set up already, so that a second set-up does only what changed."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from metabot.setup.console import say
from metabot.setup.lockfile import LOCK
from metabot.setup.ros import WHEELS, Ros

INTERFACES = Path("ros2_ws/src/metabot_interfaces")
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "package.xml")

WORK = ".setup"
"""Folder in the environment for state, logs and build trees."""

READY = ".ready"
"""File in the environment that says set-up came to its end."""


@dataclass
class State:
    """What an environment holds; written after every step.

    Attributes:
        root: The repository it was made in: an environment cannot be moved.
        python: The interpreter it was made from.
        ros_name: `wheels` or a distribution's name.
        ros_prefix: The distribution's folder.
        installing: A package installation was begun and not ended.
        packages: Digest of the lock that is installed.
        interfaces: Digest of the interface files that are built.
        project: Digest of the project files that are installed.
    """

    root: str = ""
    python: str = ""
    ros_name: str = WHEELS
    ros_prefix: str = ""
    installing: bool = False
    packages: str = ""
    interfaces: str = ""
    project: str = ""
    known: bool = field(default=True)

    @property
    def ros(self) -> Ros:
        """The ROS that the environment was made for."""
        return Ros(self.ros_name, self.ros_prefix)

    @classmethod
    def read(cls, venv: Path) -> State:
        """Reads an environment's state; `known` is false where there is none."""
        try:
            return cls(**json.loads((venv / WORK / "state.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls(known=False)

    def write(self, venv: Path) -> None:
        """Writes the state in one piece: a kill leaves the old one or the new one."""
        path = venv / WORK / "state.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)


@dataclass(frozen=True)
class Wanted:
    """Digests of what the repository asks for now."""

    packages: str
    interfaces: str
    project: str

    @classmethod
    def of(cls, root: Path) -> Wanted:
        """Digests the lock, the interface files and the project files of a repository."""
        packages = digest([root / LOCK], root)
        files = sorted(path for path in (root / INTERFACES).rglob("*") if path.is_file())
        return cls(
            packages=packages,
            # Interfaces are compiled against the installed ROS and NumPy.
            interfaces=digest(files, root, packages),
            project=digest([root / name for name in PROJECT_FILES], root),
        )


def digest(files: Iterable[Path], root: Path, seed: str = "") -> str:
    """Digests the names and contents of files; a missing one counts as empty.

    Args:
        files: Files under `root`.
        root: Names are relative to it.
        seed: Something else that matters.
    """
    total = hashlib.sha256(seed.encode())
    for path in files:
        total.update(f"\0{path.relative_to(root)}\0".encode())
        with contextlib.suppress(FileNotFoundError):
            total.update(path.read_bytes())
    return total.hexdigest()


def is_ready(venv: Path, state: State, wanted: Wanted, root: Path) -> bool:
    """Tells whether nothing is left to do.

    Args:
        venv: The environment.
        state: What it holds.
        wanted: What the repository asks for.
        root: The repository.
    """
    return (
        (venv / READY).exists()
        and (venv / "bin" / "python").exists()
        and (venv / "bin" / "metabot").exists()
        and state.known
        and not state.installing
        and state.root == os.fspath(root)
        and (state.packages, state.interfaces, state.project) == (wanted.packages, wanted.interfaces, wanted.project)
    )


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Lets one set-up of a clone run; others wait and say so.

    Args:
        root: The repository; its `pyproject.toml` carries the lock, so that no
            lock file is left behind.
    """
    with (root / "pyproject.toml").open("rb") as file:
        # Where set-up is killed, a pip or compiler that goes on keeps the lock
        # until it ends.
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  another set-up of this clone is running: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            # Some network file systems lock nothing that is open for reading.
            pass
        yield

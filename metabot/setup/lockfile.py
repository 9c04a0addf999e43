"""Writes and reads `requirements.lock`: exact versions for Python 3.10 to 3.13.

The file is one that plain `pip install -r` takes. Its sections, marked by a
comment each, let set-up leave out what a ROS distribution brings.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from metabot.setup.console import SetupError

LOCK = Path("requirements.lock")
SECTIONS = {
    "base": "metabot and its tools",
    "ros": "ROS 2 from wheels: left out where a ROS distribution is sourced",
    "colcon": "builds ros2_ws as a ROS workspace: left out where a distribution brings it",
}
"""Name of each section and what it holds, in the order of the file."""

BASE_EXTRAS = ("demos", "video", "view", "learning", "dev")
"""Extras that `make setup` installs: whatever a CPU can use, and the tools of development."""

OLDEST_PYTHON = "3.10"

_SECTION = re.compile(r"^# \[(\w+)\]")
_NAME = re.compile(r"^([A-Za-z0-9._-]+)==")
# torch pins the GPU libraries of its build; a CPU build has none.
_FOLLOWS_TORCH = re.compile(r"^(nvidia-|cuda-|triton$)")

_HEADER = """\
# Exact versions of everything in .venv. Written by `make lock` from pyproject.toml.
# torch brings the GPU libraries that its build needs, so none are listed.
"""


def requirement_name(line: str) -> str:
    """Gives the normalised package name of a pinned line.

    Raises:
        ValueError: The line pins nothing.
    """
    match = _NAME.match(line)
    if not match:
        raise ValueError(f"not a pinned requirement: {line!r}")
    return re.sub(r"[-_.]+", "-", match[1]).lower()


def read_sections(text: str) -> dict[str, list[str]]:
    """Splits a lock file's text into its sections.

    Args:
        text: Content of `requirements.lock`.

    Returns:
        Section name to requirement lines; every section of `SECTIONS` is there.
    """
    sections: dict[str, list[str]] = {name: [] for name in SECTIONS}
    current = "base"
    for line in text.splitlines():
        match = _SECTION.match(line)
        if match:
            current = match[1]
        elif line.strip() and not line.startswith("#"):
            sections.setdefault(current, []).append(line.strip())
    return sections


def compose(resolved: dict[str, list[str]]) -> str:
    """Writes a lock file's text from resolutions that grow section by section.

    Args:
        resolved: Section name to all lines resolved for it and the sections
            before it; each line goes to the first section that has it.
    """
    text, seen = _HEADER, set[str]()
    for name, title in SECTIONS.items():
        lines = [line for line in resolved[name] if line not in seen]
        seen.update(lines)
        kept = [line for line in lines if not _FOLLOWS_TORCH.match(requirement_name(line))]
        text += "\n".join(["", f"# [{name}] {title}", *kept, ""])
    return text


def write_lock(root: Path, uv: Path, upgrade: bool = False) -> None:
    """Resolves `pyproject.toml` for every supported Python and writes the lock.

    Args:
        root: The repository.
        uv: The uv program.
        upgrade: Take the newest versions allowed; otherwise keep what is locked.

    Raises:
        SetupError: No set of versions satisfies every constraint.
    """
    lock = root / LOCK
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "all.txt"
        if lock.exists() and not upgrade:
            everything.write_text(lock.read_text(encoding="utf-8"), encoding="utf-8")
        extras = [*BASE_EXTRAS, "ros", "colcon"]
        _resolve(root, uv, extras, ["--output-file", str(everything)])
        full = _pinned(everything.read_text(encoding="utf-8"))
        constrained = ["--constraints", str(everything)]
        resolved = {
            "base": _resolve(root, uv, extras[:-2], constrained),
            "ros": _resolve(root, uv, extras[:-1], constrained),
            "colcon": full,
        }
    lock.write_text(compose(resolved), encoding="utf-8")


def _resolve(root: Path, uv: Path, extras: list[str], options: list[str]) -> list[str]:
    command = [str(uv), "pip", "compile", "pyproject.toml", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--no-python-downloads", "--no-header", "--no-annotate", "--quiet", *options]
    for extra in extras:
        command += ["--extra", extra]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"uv found no set of versions:\n{done.stderr.strip()}")
    return _pinned(done.stdout)


def _pinned(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if _NAME.match(line)]

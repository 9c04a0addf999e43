"""Where commands write: what is there already and not theirs is refused before work begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Ours = Callable[[Path], bool]
"""Whether a file was written by the same kind of command: then it may be replaced."""


def check_file(option: str, path: Path, ours: Ours, what: str) -> None:
    """Refuse to write a file where something is that must not be lost.

    Args:
        option: that names the file.
        path: the file.
        ours: tells what may be replaced.
        what: those hold, in words.

    Raises:
        ValueError: if it is a folder or another file, or can have no folder; one line.
    """
    if path.is_dir():
        raise ValueError(f"{option}: {path} is a folder; allowed: the name of a file")
    check_folder(option, path.parent)
    if path.exists() and not ours(path):
        raise ValueError(
            f"{option}: {path} is there already and holds no {what}; allowed: a new file, or one that does"
        )


def check_folder(option: str, path: Path) -> None:
    """Refuse to write into something that is no folder and cannot become one.

    Raises:
        ValueError: one line.
    """
    for each in (path, *path.parents):
        if each.is_dir():
            return
        if each.exists():
            raise ValueError(f"{option}: {each} is a file; allowed: a folder")


def is_report(path: Path) -> bool:
    """Whether a file holds figures as metabot writes them: with machine and versions."""
    try:
        return {"machine", "versions", "rows"} <= json.loads(path.read_text()).keys()
    except (ValueError, AttributeError, OSError):
        return False


def is_parameters(path: Path) -> bool:
    """Whether a file holds what `metabot adapt` or `metabot learn` found, and no training."""
    from metabot.params import CheckpointError, load_checkpoint

    try:
        return "success_after" in load_checkpoint(path).info
    except (CheckpointError, OSError):
        return False


def is_plot(path: Path) -> bool:
    """Whether a picture was drawn by metabot."""
    with path.open("rb") as file:
        return b"metabot" in file.read(500)

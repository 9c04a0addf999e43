"""Checkpoints: written whole or not at all, refused when damaged or of another kind."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from metabot.params.atomic import atomic_file
from metabot.params.layout import Layout, LayoutError
from metabot.params.wire import decode_vector, encode_vector


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and why."""


def save_checkpoint(path: Path, vector: np.ndarray, layout: Layout, info: dict[str, Any]) -> None:
    """Write a vector with its layout and facts about it, atomically.

    The previous checkpoint is kept beside it as ``<name>.previous``, so that a machine that
    loses power in the middle still has one.

    Args:
        path: the file to write.
        vector: (layout.size,) float32.
        layout: how to read the vector.
        info: JSON-able facts: algorithm, version, seed, …

    Raises:
        LayoutError: if the vector does not fit the layout.
    """
    if vector.shape != (layout.size,):
        raise LayoutError(f"a vector of shape {vector.shape} does not fit layout {layout.hash} of {layout.size}")
    data, checksum = encode_vector(vector)
    with atomic_file(path, keep=_previous(path)) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("info.json", json.dumps(info))
        archive.writestr("layout.json", layout.to_json())
        archive.writestr("checksum", str(checksum))
        archive.writestr("vector.f32", data)


def load_checkpoint(path: Path, layout: Layout | None = None) -> tuple[np.ndarray, Layout, dict[str, Any]]:
    """Read a checkpoint; where it is damaged or missing, the previous one.

    Args:
        path: the file `save_checkpoint` wrote.
        layout: the layout it must have; any if None.

    Returns:
        The vector, its layout, and the facts saved with it.

    Raises:
        CheckpointError: if neither file can be used, or the layout is another one.
        FileNotFoundError: if there is neither file.
    """
    problems = []
    for candidate in (path, _previous(path)):
        if not candidate.exists():
            continue
        try:
            vector, found, info = _read(candidate)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            problems.append(f"{candidate}: {error}")
            continue
        if layout is not None and found.hash != layout.hash:
            raise CheckpointError(
                f"{candidate} has layout {found.hash} of {found.size} numbers, wanted is {layout.hash} of {layout.size}"
            )
        return vector, found, info
    if problems:
        raise CheckpointError("; ".join(problems))
    raise FileNotFoundError(path)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _read(path: Path) -> tuple[np.ndarray, Layout, dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        layout = Layout.from_json(archive.read("layout.json").decode())
        vector = decode_vector(archive.read("vector.f32"), int(archive.read("checksum")))
        info = json.loads(archive.read("info.json"))
    if vector.shape != (layout.size,):
        raise LayoutError(f"{vector.size} numbers do not fit its own layout of {layout.size}")
    return vector, layout, info

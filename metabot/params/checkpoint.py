"""Checkpoints: written whole or not at all, refused when damaged or of another kind."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from metabot.params.atomic import atomic_file
from metabot.params.layout import Layout, LayoutError
from metabot.params.wire import decode_vector, encode_vector


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and why."""


class Checkpoint(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        vector: (layout.size,) float32.
        layout: how to read the vector.
        info: facts about it.
        moments: what else training needs to go on, as named arrays.
    """

    vector: np.ndarray
    layout: Layout
    info: dict[str, Any]
    moments: dict[str, np.ndarray]


def save_checkpoint(
    path: Path,
    vector: np.ndarray,
    layout: Layout,
    info: dict[str, Any],
    moments: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a vector with its layout and facts about it, atomically.

    The previous checkpoint is kept beside it as ``<name>.previous``, so that a machine that
    loses power in the middle still has one.

    Args:
        path: the file to write.
        vector: (layout.size,) float32.
        layout: how to read the vector.
        info: JSON-able facts: algorithm, version, seed, …
        moments: what else training needs to go on, as named arrays.

    Raises:
        LayoutError: if the vector does not fit the layout.
    """
    if vector.shape != (layout.size,):
        raise LayoutError(f"a vector of shape {vector.shape} does not fit layout {layout.hash} of {layout.size}")
    data, checksum = encode_vector(vector)
    with atomic_file(path, keep=previous(path)) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("info.json", json.dumps(info))
        archive.writestr("layout.json", layout.to_json())
        archive.writestr("checksum", str(checksum))
        archive.writestr("vector.f32", data)
        for name, array in (moments or {}).items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            archive.writestr(f"{_MOMENTS}{name}.npy", buffer.getvalue())


def load_checkpoint(path: Path, layout: Layout | None = None) -> Checkpoint:
    """Read a checkpoint; where it is damaged or missing, the previous one.

    Args:
        path: the file `save_checkpoint` wrote.
        layout: the layout it must have; any if None.

    Raises:
        CheckpointError: if neither file can be used, or the layout is another one.
        FileNotFoundError: if there is neither file.
    """
    problems = []
    for candidate in (path, previous(path)):
        if not candidate.exists():
            continue
        try:
            found = _read(candidate)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            problems.append(f"{candidate}: {error}")
            continue
        if layout is not None and found.layout.hash != layout.hash:
            raise CheckpointError(
                f"{candidate} has layout {found.layout.hash} of {found.layout.size} numbers,"
                f" wanted is {layout.hash} of {layout.size}"
            )
        return found
    if problems:
        raise CheckpointError("; ".join(problems))
    raise FileNotFoundError(path)


def previous(path: Path) -> Path:
    """Where the checkpoint before this one is kept."""
    return path.with_name(path.name + ".previous")


def _read(path: Path) -> Checkpoint:
    with zipfile.ZipFile(path) as archive:
        layout = Layout.from_json(archive.read("layout.json").decode())
        vector = decode_vector(archive.read("vector.f32"), int(archive.read("checksum")))
        info = json.loads(archive.read("info.json"))
        moments = {}
        for name in archive.namelist():
            if name.startswith(_MOMENTS):
                # Reading a member checks its CRC-32.
                array = np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
                moments[name.removeprefix(_MOMENTS).removesuffix(".npy")] = array
    if vector.shape != (layout.size,):
        raise LayoutError(f"{vector.size} numbers do not fit its own layout of {layout.size}")
    return Checkpoint(vector, layout, info, moments)


_MOMENTS = "moments/"

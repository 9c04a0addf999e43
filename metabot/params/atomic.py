"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_MODE = 0o644


@contextlib.contextmanager
def atomic_file(path: Path, *, keep: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a file beside `path` for writing that takes its place when the block ends well.

    Args:
        path: the file to write; its folder is made.
        keep: where the file that was there before is moved to; overwritten if None.

    Raises:
        IsADirectoryError: if a folder is in the way, which is neither moved nor overwritten; one line.
    """
    for each in filter(None, (path, keep)):
        if each.is_dir():
            raise IsADirectoryError(f"{each} is a folder; allowed: the name of a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), _MODE)  # a temporary file is its owner's alone
            yield file
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            os.replace(path, keep)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _sync_folder(folder: Path) -> None:
    """Make the new names last through a loss of power, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

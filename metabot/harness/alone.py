"""One process at a time writes into a folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

LOCK = ".lock"


class FolderInUse(ValueError):
    """Somebody else writes into a folder; the message is one line that says who."""


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """In the block nobody else who asks may write into a folder.

    The folder is made, and taken away again if nothing was put into it. The operating system holds the
    lock for this process: it ends with the process, however that ends.

    Args:
        folder: where.

    Raises:
        FolderInUse: naming process, host and start of who is there already.
        ValueError: if there is a file of that name; one line.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"out: {folder} is a file; allowed: a folder")
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    descriptor = _locked(path)
    try:
        who = {"pid": os.getpid(), "host": socket.gethostname(), "start": time.strftime("%Y-%m-%d %H:%M:%S")}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(who).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # nothing was written


def _locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who held it may have removed the file in between: then this lock is one that nobody else looks at.
            if _same(descriptor, path):
                return descriptor
        except BlockingIOError:
            message = _in_use(path)
            os.close(descriptor)
            raise FolderInUse(message) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _in_use(path: Path) -> str:
    try:
        who = json.loads(path.read_text())
        by = f"process {who['pid']} on {who['host']} since {who['start']}"
    except (OSError, ValueError, KeyError, TypeError):
        by = "another process, which has just begun"
    return f"out: {path.parent} is in use by {by}; allowed: another folder, or this one when that has ended"

"""Finished parts of a measure, each in a file of its own, so that a second run finds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from metabot.params.atomic import atomic_file


class Kept:
    """A folder of parts; nothing is kept without one."""

    def __init__(self, folder: Path | None) -> None:
        """Look at a folder, which need not be there yet."""
        self.folder = folder

    def part(self, name: str, key: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """What was made before from the same key, or what is made now.

        Args:
            name: of the file, without its ending.
            key: everything that the part depends on, as JSON can hold it.
            make: makes it, of what JSON can hold.
        """
        wanted = json.loads(json.dumps(key))
        path = None if self.folder is None else self.folder / f"{name}.json"
        if path is not None and (found := _read(path)) is not None and found.get("key") == wanted:
            return found["value"]
        value = json.loads(json.dumps(make()))
        if path is not None:
            with atomic_file(path) as file:
                file.write((json.dumps({"key": wanted, "value": value}) + "\n").encode())
        return value


def _read(path: Path) -> dict[str, Any] | None:
    """What a file holds; None where there is none, or it is of something else: then it is made anew."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "value" in found else None

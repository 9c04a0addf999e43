"""`Wishes`: what people at the page asked for, until the simulation's thread looks."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any


class Wishes:
    """A mailbox between the page's threads and the one that simulates; of one kind the last wish counts."""

    def __init__(self) -> None:
        """Start with none."""
        self._kept: dict[Hashable, Any] = {}
        self._lock = threading.Lock()
        self._came = threading.Event()

    def put(self, kind: Hashable, value: Any = None) -> None:
        """Store a wish, in place of an earlier one of its kind."""
        with self._lock:
            # To the end: wishes are granted in the order in which they were last made.
            self._kept.pop(kind, None)
            self._kept[kind] = value
            self._came.set()

    def take(self) -> dict[Hashable, Any]:
        """All wishes by kind, the oldest first; they are then forgotten."""
        with self._lock:
            kept, self._kept = self._kept, {}
            self._came.clear()
            return kept

    def wait(self, timeout_s: float) -> None:
        """Sleep, but not longer than until a wish comes."""
        self._came.wait(timeout_s)

"""The `metabot` command."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
from types import FrameType

from metabot.ending import Handler, answer, handlers

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
PATIENCE_S = 5.0
"""Seconds that cleaning up may take before a further request ends it."""

_interrupted = False


def main() -> None:
    """Run the command; Ctrl-C is answered with a line even while modules are still being imported."""
    # Registered first, called last.
    atexit.register(_leave)
    try:
        from metabot.cli.app import app

        app(prog_name="metabot")
    except KeyboardInterrupt:
        _end_undisturbed()
        print("metabot: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _end_undisturbed()
        raise


def _end_undisturbed() -> None:
    """Ignore requests to end while threads and workers are waited for; after `PATIENCE_S` a further one ends all."""
    global _interrupted
    _interrupted, began = True, time.monotonic()

    def impatient(number: int, frame: FrameType | None) -> None:
        if time.monotonic() - began > PATIENCE_S:
            os._exit(INTERRUPTED)

    _heed(impatient)


def _leave() -> None:
    """Native code on its way out would die of a further request; after the first, nothing is taken down in order.

    Everything has been cleaned up by then. To unload libraries takes a second, and under `python -m` CPython would end
    by SIGINT if a KeyboardInterrupt has left the code of a string (so dataclasses are made), caught or not.
    """
    _heed(signal.SIG_IGN)
    if _interrupted:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(INTERRUPTED)


def _heed(handler: Handler) -> None:
    answer(dict.fromkeys(handlers(), handler))

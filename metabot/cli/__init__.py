"""The `metabot` command."""

from __future__ import annotations

import signal
import sys

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Requests to end."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command; Ctrl-C is answered with a line even while modules are still being imported."""
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
    """From now on ignore requests to end: the interpreter, on its way out, would die of a further one."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)

"""The `metabot` command."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command; Ctrl-C is answered with a line even while modules are still being imported."""
    try:
        from metabot.cli.app import app

        app(prog_name="metabot")
    except KeyboardInterrupt:
        print("metabot: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)

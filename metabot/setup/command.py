"""Runs a set-up command and turns what goes wrong into one line and an exit code."""

from __future__ import annotations

import sys
from pathlib import Path

from metabot.setup import environment, lockfile
from metabot.setup.console import SetupError, say
from metabot.setup.doctor import run_doctor

ROOT = Path(__file__).resolve().parents[2]


def run(arguments: list[str], usage: str) -> int:
    """Runs `python3 -m metabot.setup` with its words and returns the exit code.

    Args:
        arguments: Words after the program.
        usage: Said when the words mean nothing.
    """
    command = " ".join(arguments)
    try:
        if command in ("", "--this-python"):
            environment.prepare(ROOT, this_python=bool(command))
            return 0
        if command in ("doctor", "doctor --json"):
            return run_doctor(as_json=command.endswith("--json"))
        if command in ("lock", "lock --upgrade"):
            environment.prepare(ROOT)
            lockfile.write_lock(ROOT, ROOT / ".venv" / "bin" / "uv", upgrade=command.endswith("--upgrade"))
            say(f"wrote {lockfile.LOCK}")
            return 0
    except SetupError as error:
        for line in str(error).splitlines():
            print(f"metabot set-up: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("metabot set-up: stopped; run it again to go on", file=sys.stderr)
        return 130
    print(usage, file=sys.stderr)
    return 2

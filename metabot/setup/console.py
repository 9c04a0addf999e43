"""What set-up says on the terminal, and commands that write to a log."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

HEARTBEAT_S = 15.0
"""Longest silence of a step where the output is no terminal."""

LOG_TAIL_LINES = 15

# What pip says about everything that is in order hides what is not.
_NOISE = ("Requirement already satisfied", "WARNING: Location", "Looking in ")

_ACTIVITY = re.compile(
    r"^\s*(?:(Collecting|Downloading|Building wheel for|Installing collected packages|\[ *\d+%\]|Generating)\s*(\S*))"
)


class SetupError(Exception):
    """Something the user can mend; its text is one clear line."""


def say(text: str) -> None:
    """Prints one line at once, also into a pipe."""
    print(text, flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Names a step when it begins and gives its seconds when it ends."""
    say(f"  {title} ...")
    started = time.monotonic()
    yield
    say(f"  {title}: {time.monotonic() - started:.1f} s")


def run_logged(command: Iterable[str | os.PathLike[str]], log: Path, env: Mapping[str, str] | None = None) -> None:
    """Runs a command, keeps its output in a log and shows that it is alive.

    Args:
        command: Program and arguments.
        log: File that gets stdout and stderr; its folder is made.
        env: Environment of the command; ours when omitted.

    Raises:
        SetupError: The command failed. The last lines of the log are printed first.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [os.fspath(word) for word in command]
    with log.open("w", encoding="utf-8", errors="replace") as out:
        try:
            # A session of its own: Ctrl-C then ends the command once, by us,
            # and its compilers with it.
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=None if env is None else dict(env),
                start_new_session=True,
                # The lock of `one_at_a_time` goes on to the command.
                close_fds=False,
            )
        except OSError as error:
            raise SetupError(f"cannot run {words[0]}: {error.strerror}") from error
        try:
            assert process.stdout is not None
            with _Pulse() as pulse:
                for line in process.stdout:
                    out.write(line)
                    pulse.note(line)
            code = process.wait()
        except BaseException:
            _end(process)
            raise
    if code != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in [line for line in lines if not line.startswith(_NOISE)][-LOG_TAIL_LINES:]:
            print(f"    {line[:200]}", file=sys.stderr)
        raise SetupError(f"{log.stem} failed with exit code {code}; the whole log is {log}")


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=3)
            return


class _Pulse:
    """Shows what a command is doing: in place on a terminal, now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._interval_s = 0.5 if self._terminal else HEARTBEAT_S
        self._started = time.monotonic()
        self._activity = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._terminal:
            print("\r\x1b[K", end="", flush=True)

    def note(self, line: str) -> None:
        """Remembers what the command just said it is doing."""
        match = _ACTIVITY.match(line)
        if match:
            verb, what = match.groups()
            self._activity = "installing" if verb.startswith("Installing") else f"{verb.lower()} {what}"

    def _beat(self) -> None:
        while not self._stop.wait(self._interval_s):
            text = f"    {time.monotonic() - self._started:4.0f} s  {self._activity}"
            if self._terminal:
                print(f"\r\x1b[K{text[:100]}", end="", flush=True)
            else:
                say(text)

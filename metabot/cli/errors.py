"""Errors a user can cause end with one line and exit code 2, an interrupt with 130."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import typer

from metabot.cli import INTERRUPTED, PATIENCE_S
from metabot.ending import answer, handlers

USAGE = 2


@contextlib.contextmanager
def one_line_errors(*kinds: type[Exception], stopped: Callable[[], str] = lambda: "stopped") -> Iterator[None]:
    """Turn exceptions of these kinds, and interrupts, into a line and an exit code.

    Args:
        kinds: exceptions whose message is a line for the user.
        stopped: what to say after an interrupt.

    SIGTERM and SIGHUP are treated like Ctrl-C, so that every ``with`` block cleans up; further ones
    do not cut that short for `PATIENCE_S`, after which one more does. What the caller ignores, as nohup
    does, stays ignored.
    """
    first: float | None = None
    newest: int = signal.SIGINT

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal first, newest
        newest, now = number, time.monotonic()
        if first is None or now - first > PATIENCE_S:
            first = now
            raise KeyboardInterrupt

    def lost(report: sys.UnraisableHookArgs) -> None:
        nonlocal first
        if report.exc_type is not KeyboardInterrupt:
            hook(report)
            return
        # It came while an object was being deleted or a library called back, where Python drops exceptions.
        first = None
        threading.Timer(0.05, os.kill, (os.getpid(), newest)).start()

    former, hook = handlers(), sys.unraisablehook
    answer(dict.fromkeys(former, interrupt))
    sys.unraisablehook = lost
    try:
        yield
    except kinds as problem:
        typer.secho(f"metabot: {problem}", fg="red", err=True)
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        former.clear()  # or a further one, before `main` ignores them, would be answered otherwise
        typer.secho(f"metabot: {stopped()}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        sys.unraisablehook = hook
        answer(former)

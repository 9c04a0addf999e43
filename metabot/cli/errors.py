"""Errors a user can cause end with one line and exit code 2, an interrupt with 130."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import typer

from metabot.cli import INTERRUPTED

USAGE = 2


@contextlib.contextmanager
def one_line_errors(*kinds: type[Exception], stopped: Callable[[], str] = lambda: "stopped") -> Iterator[None]:
    """Turn exceptions of these kinds, and interrupts, into a line and an exit code.

    Args:
        kinds: exceptions whose message is a line for the user.
        stopped: what to say after an interrupt.

    SIGTERM and SIGHUP are treated like Ctrl-C, so that every ``with`` block cleans up.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except kinds as problem:
        typer.secho(f"metabot: {problem}", fg="red", err=True)
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        typer.secho(f"metabot: {stopped()}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

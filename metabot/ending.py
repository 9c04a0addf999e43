"""Requests to end this process (Ctrl-C, SIGTERM, SIGHUP), and who answers them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None

ENDING = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
"""Requests to end; Ctrl-C last: when handlers are put back, one that came meanwhile finds nothing left to do."""


def handlers() -> dict[signal.Signals, Handler]:
    """Who answers each request now, without those that the caller shields from, as nohup does."""
    found = {number: signal.getsignal(number) for number in ENDING}
    return {number: handler for number, handler in found.items() if handler is not signal.SIG_IGN}


def answer(by: Mapping[signal.Signals, Handler]) -> None:
    """Let others answer; only the main thread can."""
    for number, handler in by.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def answering(handler: Handler) -> Iterator[None]:
    """In the block this one answers; without effect in a thread that is not the main one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = handlers()
    try:
        answer(dict.fromkeys(former, handler))
        yield
    finally:
        answer(former)


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Requests that come in the block are answered after it."""
    asked: list[int] = []
    with answering(lambda number, _: asked.append(number)):
        yield
    if asked:
        signal.raise_signal(asked[0])

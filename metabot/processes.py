"""Processes that belong to this one: none outlives it, and an interrupt is its to handle."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent ends, so that none is left over.

    Args:
        parent: the process that it is to be; if another one is by now, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def give_back_memory() -> None:
    """Return memory that is no longer used to the system.

    glibc keeps what tensors of ever other sizes have freed: without this a process that trains one method after
    another grows by hundreds of megabytes with each, and a long training by as much on its way.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that compute side by side; whatever ends the block early ends them, too.

    Args:
        count: how many.
    """
    # A fork would share threads and locks of torch and MuJoCo that nobody holds any more.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(os.getpid(),))
    try:
        yield pool
    except BaseException:
        for each in multiprocessing.active_children():
            each.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    die_with_parent(parent)
    # Ctrl-C reaches all processes of a terminal; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

"""Rows of a table, and the seeds behind them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np
import torch
from scipy import stats

from metabot.cli.bench import make_importable

Row = dict[str, Any]
ResultT = TypeVar("ResultT")


def row(case: str, value: float, unit: str, peer: float | None = None, ratio: float | None = None) -> Row:
    """A row; the ratio is value over peer unless given."""
    if peer is not None and ratio is None:
        ratio = value / peer
    return {
        "case": case,
        "value": _rounded(value),
        "unit": unit,
        "peer": None if peer is None else _rounded(peer),
        "ratio": None if ratio is None else round(float(ratio), 2),
    }


def seeded_row(case: str, values: Sequence[float], unit: str, peer: float | None = None) -> Row:
    """The mean of one value per seed; ``spread`` is half the width of its 95 % interval (Student's t)."""
    count = len(values)
    spread = None
    if count > 1:
        spread = float(stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) / math.sqrt(count))
        spread = _rounded(spread)
    return row(case, float(np.mean(values)), unit, peer) | {"spread": spread, "seeds": count}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def in_workers(function: Callable[..., ResultT], arguments: Sequence[tuple[Any, ...]], workers: int) -> list[ResultT]:
    """Results of calls in several processes, in the order of the arguments.

    Args:
        function: of a module below `benchmarks`.
        arguments: of each call.
        workers: processes, one thread each; the calls are made here if there is only one.
    """
    if workers == 1:
        torch.set_num_threads(1)
        return [function(*each) for each in arguments]
    # A fork would inherit the threads' locks of torch.
    with _pool(workers) as pool:
        return [future.result() for future in [pool.submit(_alone, function, *each) for each in arguments]]


def in_fresh_process(
    function: Callable[..., ResultT], *arguments: Any, environment: Mapping[str, str] | None = None
) -> ResultT:
    """The result of one call in a process that nothing else ran in, with these environment variables."""
    with patch.dict(os.environ, environment or {}), _pool(1) as pool:
        return pool.submit(_alone, function, *arguments).result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end at once, and what waits for them is dropped, where the block does not end well."""
    # The initialiser is read before it can make this folder importable: it must not live in it.
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=make_importable) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise


def _alone(function: Callable[..., ResultT], *arguments: Any) -> ResultT:
    torch.set_num_threads(1)
    return function(*arguments)

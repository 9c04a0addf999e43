"""Meta-learning: published numbers reproduced, and (`--speed`) how fast it is beside its peers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from rich.console import Console

from benchmarks.meta_parts import cheetah, navigation, sine
from benchmarks.meta_parts import speed as speed_part
from benchmarks.meta_parts.rows import Row

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    *,
    only: Literal["sine", "navigation", "cheetah"] | None = None,
    speed: bool = False,
    peers_python: Path | None = None,
    quick: bool = False,
    seeds: int | None = None,
    workers: int = CORES,
) -> list[Row]:
    """Rows of the benchmark; the protocols stand in docs/reference/published-numbers.md.

    Args:
        only: one of the reproductions instead of all.
        speed: how fast metabot is, instead of what it reaches.
        peers_python: for `speed`: interpreter of an environment with TorchOpt and higher, to measure them too.
        quick: sizes that show the form alone.
        seeds: trainings of each method, instead of the usual number.
        workers: trainings at a time, one thread each.

    Raises:
        ValueError: if there is less than one seed or worker, or options do not go together.
    """
    if peers_python is not None and not speed:
        raise ValueError("peers-python: peers are only measured with --speed")
    if speed and only is not None:
        raise ValueError(f"only: {only} has no part in --speed")
    for name, value in (("seeds", seeds), ("workers", workers)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: {value} is below 1")
    parts: dict[str, Callable[[], list[Row]]] = {
        "sine": lambda: sine.run(sine.QUICK if quick else sine.Sizes(), seeds or (1 if quick else 5), workers),
        "navigation": lambda: navigation.run(
            navigation.QUICK if quick else navigation.FULL, seeds or (1 if quick else 3), workers
        ),
        "cheetah": lambda: cheetah.run(cheetah.QUICK if quick else cheetah.FULL, seeds or (1 if quick else 2), workers),
    }
    if speed:
        parts = {"speed": lambda: speed_part.run(speed_part.QUICK if quick else speed_part.Sizes(), peers_python)}
    rows: list[Row] = []
    console = Console(stderr=True)
    for name, part in parts.items():
        if only in (None, name):
            with console.status(f"{name} …"):
                rows.extend(part())
    return rows

"""Aggregates over seeds and tasks with intervals (Agarwal et al. 2021, "statistical precipice")."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

REPETITIONS = 2000


@dataclass(frozen=True)
class Interval:
    """An interquartile mean with its 95 % bootstrap interval, and the mean, in which the worst quarter counts."""

    iqm: float
    low: float
    high: float
    mean: float


def interquartile_means(scores: np.ndarray, seed: int = 0) -> list[Interval]:
    """Interquartile means over seeds and tasks, both resampled.

    Args:
        scores: (seeds, tasks, k).
        seed: of the bootstrap.

    Returns:
        One for each of the k columns.
    """
    from rliable.library import get_interval_estimates

    # rliable hands its old kind of generator on to a newer arch, which says so every time.
    warnings.filterwarnings("ignore", "random_state is deprecated", FutureWarning)

    def aggregate(values: np.ndarray) -> np.ndarray:
        # What rliable's own aggregate does, for all columns at once and a hundred times as fast.
        ordered = np.sort(values.reshape(-1, values.shape[-1]), axis=0)
        cut = len(ordered) // 4
        return np.asarray(ordered[cut : len(ordered) - cut].mean(axis=0))

    points, intervals = get_interval_estimates(
        {"": scores}, aggregate, reps=REPETITIONS, task_bootstrap=True, random_state=np.random.RandomState(seed)
    )
    low, high = intervals[""]
    means = scores.mean(axis=(0, 1))
    return [Interval(*map(float, values)) for values in zip(points[""], low, high, means, strict=True)]

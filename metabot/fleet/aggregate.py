"""Aggregation: many updates become one change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metabot.fleet.update import Update


def weighted_mean(updates: Sequence[Update]) -> np.ndarray:
    """The mean of the updates' deltas weighted by tasks (McMahan et al. 2017, algorithm 1).

    Sorted by robot before summing, so that the order of arrival does not change a bit of it.

    Args:
        updates: at least one, of equal length.

    Returns:
        (size,) float32.
    """
    ordered = sorted(updates, key=lambda update: update.robot)
    weights = np.array([update.weight for update in ordered])
    deltas = np.stack([update.delta.astype(np.float64) for update in ordered])
    return (weights @ deltas / weights.sum()).astype(np.float32)

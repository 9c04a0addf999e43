"""The cross-entropy method: numbers in a box, drawn again and again around the best ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CrossEntropyConfig:
    """Hyper-parameters of `cross_entropy`."""

    population: int = 24
    elites: int = 6
    smoothing: float = 0.3
    """Share of the former distribution that is kept (Rubinstein and Kroese 2004, section 4.3)."""
    least: float = 0.01
    """Spread that is never fallen below, as a share of the box."""


def cross_entropy(
    score: Callable[[np.ndarray], np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    rounds: int,
    rng: np.random.Generator,
    config: CrossEntropyConfig | None = None,
) -> np.ndarray:
    """Search a box (Rubinstein 1999).

    Args:
        score: of candidates (population, n), (population, k): the first column counts, the next where it ties.
        low: (n,).
        high: (n,).
        rounds: how often candidates are drawn; the first time evenly from the box.
        rng: of the draws.
        config: hyper-parameters.

    Returns:
        (elites, n): the best of the last round, best first.
    """
    config = config or CrossEntropyConfig()
    size = high - low
    mean, spread = np.zeros(0), np.zeros(0)
    elites = np.zeros((0, len(low)))
    for number in range(max(1, rounds)):
        if number == 0:
            drawn = rng.uniform(low, high, (config.population, len(low)))
        else:
            drawn = np.clip(rng.normal(mean, spread, (config.population, len(low))), low, high)
            # The mean itself is a candidate: where tries are few it is the best guess.
            drawn[0] = mean
        scores = score(drawn)
        order = np.lexsort(tuple(-scores[:, column] for column in reversed(range(scores.shape[1]))))
        elites = drawn[order[: config.elites]]
        new, wide = elites.mean(0), np.maximum(elites.std(0), config.least * size)
        keep = config.smoothing if number else 0.0
        mean = keep * mean + (1.0 - keep) * new if number else new
        spread = keep * spread + (1.0 - keep) * wide if number else wide
    return elites

"""How well a success rate is known: the Wilson interval of a binomial proportion."""

from __future__ import annotations

import math

_QUANTILE = 1.959963984540054
"""Of the standard normal distribution, for 95 %."""


def wilson(rate: float, trials: int) -> tuple[float, float]:
    """The 95 % interval of a success rate (Wilson 1927, JASA 22, 209-212).

    Unlike the normal approximation it has a width where all trials or none succeeded.

    Args:
        rate: share of the trials that succeeded, 0..1.
        trials: how many there were.

    Returns:
        Its lower and its upper end, 0..1; NaN both where the rate is none or there were no trials.

    Example:
        >>> [round(end, 4) for end in wilson(0.5, 100)]
        [0.4038, 0.5962]
        >>> [round(end, 4) for end in wilson(1.0, 128)]
        [0.9709, 1.0]
    """
    if trials < 1 or not math.isfinite(rate):
        return (math.nan, math.nan)
    square = _QUANTILE**2 / trials
    middle = (rate + square / 2) / (1 + square)
    half = _QUANTILE / (1 + square) * math.sqrt(rate * (1 - rate) / trials + square / (4 * trials))
    # Rounding may leave the ends of none and all a little inside.
    return (max(min(middle - half, rate), 0.0), min(max(middle + half, rate), 1.0))

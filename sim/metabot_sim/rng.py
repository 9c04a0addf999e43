"""Counter-based random numbers: what a simulation draws depends on its key alone.

A number is a hash of (key, counter), so that simulation 7 draws the same numbers in a batch of
8 and in one of 4,096, and drawing for all of them is one array operation (the idea: Salmon et
al. 2011, "Parallel random numbers: as easy as 1, 2, 3"; the mixing: Steele, Lea and Flood
2014, "Fast splittable pseudorandom number generators", SplitMix64).
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53


def _mix(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))


def keys(*parts: np.ndarray | int) -> np.ndarray:
    """Fold whole numbers (scalars or arrays that broadcast) into one uint64 key each, at least (1,)."""
    result = np.zeros(1, dtype=np.uint64)
    for part in parts:
        number = np.atleast_1d(np.asarray(part, dtype=np.int64)).astype(np.uint64)
        result = _mix((result ^ _mix(number + _GOLDEN)) * _GOLDEN + _GOLDEN)
    return result


class Draws:
    """A stream of numbers for each of n keys; every call goes on where the last one ended."""

    def __init__(self, keys: np.ndarray) -> None:
        """Start one stream per key, (n,) uint64."""
        self._keys = keys
        self._counter = 0

    def __len__(self) -> int:
        """Number of streams."""
        return len(self._keys)

    def unit(self, *shape: int) -> np.ndarray:
        """Uniform numbers in [0, 1), (n, *shape)."""
        count = int(np.prod(shape, dtype=np.int64))
        counters = np.arange(self._counter + 1, self._counter + count + 1, dtype=np.uint64)
        self._counter += count
        bits = _mix(self._keys[:, None] + counters * _GOLDEN)
        return ((bits >> np.uint64(11)) * _TO_UNIT).reshape(len(self._keys), *shape)

    def uniform(self, low: float | np.ndarray, high: float | np.ndarray, *shape: int) -> np.ndarray:
        """Uniform numbers in [low, high), (n, *shape)."""
        return low + (np.asarray(high) - low) * self.unit(*shape)

    def sign(self, *shape: int) -> np.ndarray:
        """-1 or 1 with equal chances, (n, *shape)."""
        return np.where(self.unit(*shape) < 0.5, -1.0, 1.0)

    def integers(self, high: int, *shape: int) -> np.ndarray:
        """Whole numbers in [0, high), (n, *shape)."""
        return (self.unit(*shape) * high).astype(np.int64)

    def permutation(self, size: int) -> np.ndarray:
        """A random order of `size` things for each key, (n, size)."""
        return np.argsort(self.unit(size), axis=1, kind="stable")

    def normal(self, *shape: int) -> np.ndarray:
        """Standard normal numbers, (n, *shape) (Box and Muller 1958)."""
        first, second = self.unit(*shape), self.unit(*shape)
        return np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second)

"""Clocks of loops: steady ticks of a control loop, and the pace at which a world goes on."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

SPIN_S = 0.0003
"""The last moments before a tick are waited for busily: sleep alone wakes up late."""
KEPT = 4096


class Ticker:
    """Waits for ticks at a fixed rate and counts missed deadlines.

    A tick misses its deadline when its work is not done before the next tick is due; the ticks
    that pass meanwhile are skipped, not made up for.
    """

    def __init__(self, rate_hz: float) -> None:
        """Start now."""
        self.period_s = 1.0 / rate_hz
        self.ticks = 0
        self.missed = 0
        self._late_s: deque[float] = deque(maxlen=KEPT)
        self._due = time.perf_counter()

    def wait(self) -> None:
        """Return at the next tick."""
        self._due += self.period_s
        now = time.perf_counter()
        if now > self._due:
            behind = int((now - self._due) / self.period_s) + 1
            self.missed += behind
            self._due += behind * self.period_s
        if (ahead := self._due - time.perf_counter() - SPIN_S) > 0:
            time.sleep(ahead)
        while (now := time.perf_counter()) < self._due:
            pass
        self.ticks += 1
        self._late_s.append(now - self._due)

    def restart(self) -> None:
        """Begin a new stretch from now without counting the pause as missed."""
        self._due = time.perf_counter()

    def jitter_p99_ms(self) -> float:
        """99th percentile of how late ticks began, in milliseconds."""
        return float(np.percentile(self._late_s, 99)) * 1e3 if self._late_s else 0.0


class Pace:
    """Simulated seconds per second that a world has kept up lately.

    Attributes:
        factor: over the last stretch of `STRETCH_S` seconds; 0 before there was one.
    """

    STRETCH_S = 3.0

    def __init__(self) -> None:
        """Start now."""
        self.factor = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin a new stretch: what passed before, a pause or another world, does not count."""
        self._since, self._simulated_s = time.monotonic(), 0.0

    def step(self, seconds: float) -> bool:
        """Count a step of the world; whether a stretch has just ended and `factor` is new.

        Args:
            seconds: of the world.
        """
        self._simulated_s += seconds
        passed = time.monotonic() - self._since
        if passed < self.STRETCH_S:
            return False
        self.factor = self._simulated_s / passed
        self.restart()
        return True

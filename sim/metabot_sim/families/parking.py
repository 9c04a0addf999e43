"""`Parking`: has a robot stood still where it is sent for long enough?"""

from __future__ import annotations

import math

import numpy as np

from metabot_sim.batch import BatchedWorld

STILL_MPS = 0.15
"""Below this speed a robot stands."""


class Parking:
    """Counts for how many steps robots have stood where they should, as ``success.hold_s`` wants it.

    Who only drives over a place has not found it: sweeping the floor masters nothing.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """Get to know the world, whose robots are cars."""
        self._world = world
        self._steps = math.ceil(world.spec.success.hold_s * world.spec.control_hz - 1e-9)
        self._stood = np.zeros((world.num_sims, world.num_robots), dtype=np.int64)

    def reset(self, ids: np.ndarray) -> None:
        """Forget the last episode of the given simulations."""
        self._stood[ids] = 0

    def __call__(self, there: np.ndarray, poses: np.ndarray) -> np.ndarray:
        """Whether robots have stood for long enough, (n, R) bool.

        Args:
            there: (n, R) bool, whether they are where they should be.
            poses: (n, R, 3) in which they are.
        """
        if not self._steps:
            return there
        still = np.abs(self._world.twists(poses)[..., 0]) < STILL_MPS
        self._stood = np.where(there & still, self._stood + 1, 0)
        return self._stood >= self._steps

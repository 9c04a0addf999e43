"""Gaits of experts: sine waves on each joint and a little feedback, found by `metabot_sim.experts.gait_search`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabot_sim.episodes import DELAY, DRIVE_GAIN
from metabot_sim.robots.part import Part
from metabot_sim.robots.part.animals import ANT, HALF_CHEETAH, SWIMMER, Body

WEAKEST = 0.7
"""Smallest gain of a motor on any split."""


@dataclass(frozen=True)
class Gait:
    """How the m motors of a body, in the order of its actuators, are driven: as shares of their largest torque.

    Attributes:
        waves: (1 + 4 m,) or, a gait for each simulation, (n, 1 + 4 m): strides per second; of each
            motor the middle, the amplitude and the phase in radians; and what is added for each
            radian that the torso's heading is off.
        spring: torque against each radian of a joint's turn.
        damper: torque against each radian per second.
    """

    waves: np.ndarray
    spring: float = 0.0
    damper: float = 0.0

    def command(self, steps: np.ndarray, period_s: float, part: Part, dynamics: np.ndarray) -> np.ndarray:
        """Commands of the parts in a control step, hidden gains and delays undone, (n, R, A) in [-1, 1].

        Args:
            steps: (n,) control steps since the start.
            period_s: of a control step.
            part: the parts as they are now.
            dynamics: (n, R, D).
        """
        vectors = np.split(self.waves[..., 1:], 4, axis=-1)
        middle, amplitude, phase, steering = (each[..., part.actuators] for each in vectors)
        delay = dynamics[..., DELAY]
        # All parts set off together, as soon as the slowest can, and each commands as far ahead as it is late.
        time_s = period_s * (steps[:, None] + delay - delay.max(axis=1, keepdims=True))
        angle = 2.0 * np.pi * (self.waves[..., 0, None] * time_s)[..., None] + phase
        turns, rates = part.joints()
        wanted = middle + amplitude * np.sin(angle) + steering * part.headings()[:, None, None]
        wanted = wanted - self.spring * turns - self.damper * rates
        # No stronger than the weakest motors can be: the gait is then the same whatever the gains.
        wanted = np.where(time_s[..., None] >= 0.0, np.clip(wanted, -WEAKEST, WEAKEST), 0.0)
        return np.clip(wanted / dynamics[..., DRIVE_GAIN, None], -1.0, 1.0)


GAITS: dict[Body, Gait] = {
    # Found before there was steering.
    HALF_CHEETAH: Gait(
        np.array(
            (
                *(2.196,),
                *(-0.142, -0.325, -0.286, -0.231, 0.069, -0.017),
                *(1.078, 0.500, 0.569, 0.108, 0.657, 0.546),
                *(-1.303, -1.883, -1.987, -2.887, 0.665, 1.633),
                *(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            )
        )
    ),
    # gait_search gymnasium:mamujoco/Ant-2x4-v1 --dynamics 2 --rounds 35 --strides-hz 2
    ANT: Gait(
        np.array(
            (
                *(2.957,),
                *(-0.151, 0.741, 0.151, 0.741, 0.061, -0.651, -0.061, -0.651),
                *(-0.564, 0.583, 0.564, 0.583, 0.654, 0.304, -0.654, 0.304),
                *(-0.268, -0.049, -3.410, -3.191, 1.518, 4.595, 4.660, 7.736),
                *(-0.154, 0.147, -0.154, -0.147, -0.080, 0.154, -0.080, -0.154),
            )
        ),
        spring=0.9,
        damper=0.1,
    ),
    # gait_search gymnasium:mamujoco/Swimmer-2x1-v1 --dynamics 3 --rounds 25 --strides-hz 0.8
    SWIMMER: Gait(np.array((0.936, *(0.220, 0.112), *(0.416, 0.428), *(0.757, -2.756), *(-0.221, -0.178)))),
}

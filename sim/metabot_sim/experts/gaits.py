"""Gaits of experts: sine waves on each joint, found by `metabot_sim.experts.gait_search`."""

from __future__ import annotations

import numpy as np

from metabot_sim.episodes import DRIVE_GAIN

MOTORS = 6
"""Of the half cheetah, in the order of its actuators: back thigh, shin, foot, front thigh, shin, foot."""
WEAKEST = 0.7
"""Smallest gain of a motor on any split."""
HALF_CHEETAH = np.array(
    (
        *(2.196,),  # strides per second
        *(-0.142, -0.325, -0.286, -0.231, 0.069, -0.017),  # middle of each motor's command
        *(1.078, 0.500, 0.569, 0.108, 0.657, 0.546),  # amplitude
        *(-1.303, -1.883, -1.987, -2.887, 0.665, 1.633),  # phase in radians
    )
)
"""`python -m metabot_sim.experts.gait_search --seed 0`."""


def run(time_s: np.ndarray, actuators: np.ndarray, dynamics: np.ndarray, gait: np.ndarray = HALF_CHEETAH) -> np.ndarray:
    """Commands of the parts at a time of the stride, the hidden gains undone, (n, R, A) in [-1, 1].

    Args:
        time_s: (n,) since the start.
        actuators: (R, A) numbers of each part's motors.
        dynamics: (n, R, 11).
        gait: (19,) or (n, 19), laid out like `HALF_CHEETAH`.
    """
    middle, amplitude, phase = gait[..., 1:7], gait[..., 7:13], gait[..., 13:19]
    angle = (2.0 * np.pi * gait[..., 0] * time_s)[:, None] + phase
    # No stronger than the weakest motors can be: the gait is then the same whatever the gains.
    wanted = np.clip(middle + amplitude * np.sin(angle), -WEAKEST, WEAKEST)
    return np.clip(wanted[:, actuators] / dynamics[..., DRIVE_GAIN, None], -1.0, 1.0)

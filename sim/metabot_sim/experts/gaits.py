"""Gaits of experts: sine waves on each joint, found by `metabot_sim.experts.gait_search`."""

from __future__ import annotations

import numpy as np

from metabot_sim.episodes import DRIVE_GAIN

MOTORS = 6
"""Of the half cheetah, in the order of its actuators: back thigh, shin, foot, front thigh, shin, foot."""
HALF_CHEETAH = np.array(
    (
        *(2.914,),  # strides per second
        *(0.029, -0.100, -0.072, -0.205, -0.105, -0.100),  # middle of each motor's command
        *(0.909, 0.861, 0.775, 0.645, 0.674, 0.391),  # amplitude
        *(1.527, -2.185, 3.088, 3.041, -2.888, 2.414),  # phase in radians
    )
)
"""`python -m metabot_sim.experts.gait_search --seed 0`."""


def run(
    time_s: np.ndarray, actuators: np.ndarray, dynamics: np.ndarray, gait: np.ndarray = HALF_CHEETAH
) -> np.ndarray:
    """Commands of the parts at a time of the stride, the hidden gains undone, (n, R, A) in [-1, 1].

    Args:
        time_s: (n,) since the start.
        actuators: (R, A) numbers of each part's motors.
        dynamics: (n, R, 11).
        gait: (19,) or (n, 19), laid out like `HALF_CHEETAH`.
    """
    middle, amplitude, phase = gait[..., 1:7], gait[..., 7:13], gait[..., 13:19]
    angle = (2.0 * np.pi * gait[..., 0] * time_s)[:, None] + phase
    wanted = middle + amplitude * np.sin(angle)
    return np.clip(wanted[:, actuators] / dynamics[..., DRIVE_GAIN, None], -1.0, 1.0)

"""How arms that work one after the other keep out of each other's way."""

from __future__ import annotations

import numpy as np

from metabot_sim.experts.grasp import HOVER_M, Aim
from metabot_sim.robots.arm import HOME_M, STEP_M, Arm


def step_aside(arm: Arm, aim: Aim, idle: np.ndarray, hover_m: float = HOVER_M) -> None:
    """Send arms that have nothing to do to where they started: up first, then back, in place.

    Args:
        arm: the arms.
        aim: where all of them would go.
        idle: (n, r) bool, those that have nothing to do; they hold nothing.
        hover_m: height of the fingertips above everything that stands around.
    """
    tip = arm.positions()
    home = np.zeros((1, len(arm.bases), 3))
    home[..., 2] = HOME_M[2]
    home[..., :2] = arm.bases[:, :2] + arm.from_base(np.broadcast_to(np.array(HOME_M), home.shape))[..., :2]
    low = tip[..., 2:] < hover_m - 0.03
    home = np.where(low & (np.arange(3) < 2), tip, home)
    aim.points = np.where(idle[..., None], home, aim.points)
    aim.yaws = np.where(idle, np.where(low[..., 0], arm.set_yaws(), arm.bases[:, 2]), aim.yaws)
    aim.grips = np.where(idle, 1.0, aim.grips)
    aim.steps = np.where(idle, STEP_M, aim.steps)

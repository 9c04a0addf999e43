"""A robot turned on the spot and driven ahead for a moment: does it go where it is told?"""

from __future__ import annotations

import mujoco
import numpy as np

from metabot_sim.robots.mjcf.contract import Contract
from metabot_sim.robots.mjcf.trial import on_a_floor, standing

_TIME_S = 1.5
_LEAST = 0.05
"""Share of its full yaw rate that a robot has to come to: those that skid on four wheels lose most of it."""
_ASKEW = 0.25
"""Share of its full yaw rate that a robot may have when it is told to drive straight on."""


def check_turning(child: mujoco.MjSpec, contract: Contract) -> None:
    """Tell a robot on wheels to turn on the spot, then to drive straight on.

    Equalities, limited tendons or one weak motor can keep a robot from it whose wheels all push ahead well.

    Args:
        child: ready to be attached.
        contract: what was found about it.

    Raises:
        ValueError: if it does something else; one line.
    """
    if not contract.wheels:
        return
    model = on_a_floor(child)
    full = contract.max_yaw_rate_radps
    turned = _yaw_rate(model, contract, 0.0, full)
    if turned < _LEAST * full:
        raise ValueError(
            f"told to turn at {full:g} rad/s it turns at {turned:.2f}: its wheels are tied to each other, or too weak;"
            " wanted: wheels that turn by themselves, with motors that make it turn"
        )
    astray = _yaw_rate(model, contract, contract.max_speed_mps, 0.0)
    if abs(astray) > _ASKEW * full:
        raise ValueError(
            f"told to drive straight on it turns at {astray:.2f} rad/s: what is on its left is not as on its right;"
            " wanted: wheels, joints and motors alike on both sides"
        )


def _yaw_rate(model: mujoco.MjModel, contract: Contract, speed_mps: float, yaw_rate_radps: float) -> float:
    """Yaw rate in rad/s that a robot comes to when it is told speed and yaw rate."""
    data = standing(model, contract)
    for wheel in contract.wheels:
        told = wheel.told(speed_mps, yaw_rate_radps)
        data.ctrl[model.actuator(f"robot/{wheel.actuator}").id] = told
    mujoco.mj_step(model, data, round(_TIME_S / model.opt.timestep))
    at = int(model.joint(f"robot/{contract.root}").dofadr[0])
    return float(np.dot(data.qvel[at + 3 : at + 6], contract.local((0.0, 0.0, 1.0))))

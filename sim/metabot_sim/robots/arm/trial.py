"""An arm moved alone for a moment: are its joints strong enough?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task.kinds import OWN_ARM_HZ
from metabot_sim.robots.arm.postures import ends

if TYPE_CHECKING:
    from metabot_sim.robots.arm.file import ArmFile

_TIME_S = 0.6
_TURN_RAD = 0.2
_LEAST = 0.5
"""Share of its way that every joint has to come."""
_CARRIED_KG = 0.3
"""What tasks have an arm carry."""


def check_strength(child: mujoco.MjSpec, found: ArmFile) -> None:
    """Turn all joints of an arm a little, from where it begins, with something to carry.

    Args:
        child: ready to be attached.
        found: its parts and where it begins.

    Raises:
        ValueError: if a joint does not follow, or the arm flies off; one line.
    """
    alone = child.copy()
    alone.option.timestep = 1.0 / OWN_ARM_HZ
    alone.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    model = alone.compile()
    model.body_mass[model.body(found.payload).id] += _CARRIED_KG
    data = mujoco.MjData(model)
    at = np.array([int(model.joint(name).qposadr[0]) for name in found.joints])
    drives = np.array([model.actuator(name).id for name in found.drives])
    low, high = ends(model, found, 2.0 * np.pi)
    home = np.array(found.home)
    turn = np.where(home < (low + high) / 2, _TURN_RAD, -_TURN_RAD)
    data.qpos[at] = home
    for name, rest in zip(found.gripper, found.rest, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = rest
    if found.grip:
        data.ctrl[model.actuator(found.grip).id] = found.controls[len(found.controls) // 2]
    data.ctrl[drives] = home + turn
    for _ in range(round(_TIME_S * OWN_ARM_HZ)):
        mujoco.mj_step(model, data)
    if data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number or not np.isfinite(data.qpos).all():
        raise ValueError("it flies off when it is told to move; wanted: joints with a smaller kp, or a forcerange")
    share = (data.qpos[at] - home) / turn
    if share.min() < _LEAST:
        name = found.joints[int(share.argmin())]
        raise ValueError(
            f"joint '{name}' is too weak: told to turn by {_TURN_RAD:g} rad it turned by"
            f" {share.min() * _TURN_RAD:.2g} in {_TIME_S:g} s; wanted: an actuator with more force"
        )

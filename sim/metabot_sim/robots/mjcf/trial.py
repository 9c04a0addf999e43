"""A robot driven alone for a moment: are its wheels strong enough, does it stand?"""

from __future__ import annotations

import mujoco
import numpy as np

from metabot.task import KINDS
from metabot_sim.robots.mjcf.contract import Contract

_TIME_S = 2.0
_LEAST = 0.4
"""Share of its full speed that a robot has to reach in that time."""


def reached(child: mujoco.MjSpec, contract: Contract) -> float:
    """Drive a robot straight on at full speed.

    Args:
        child: ready to be attached.
        contract: what was found about it.

    Returns:
        The share of that speed that it reaches.

    Raises:
        ValueError: if it does not get near its speed, or flies off; one line.
    """
    scene = mujoco.MjSpec()
    scene.option.timestep = 1.0 / KINDS["mjcf"].simulation_hz
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    scene.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], friction=[1.0, 0.005, 0.0001])
    scene.attach(child.copy(), prefix="robot/", frame=scene.worldbody.add_frame())
    model = scene.compile()
    data = mujoco.MjData(model)
    for wheel in contract.wheels:
        told = contract.max_speed_mps / wheel.radius_m * wheel.sign * wheel.gear
        data.ctrl[model.actuator(f"robot/{wheel.actuator}").id] = told
    at = int(model.joint(f"robot/{contract.root}").dofadr[0])
    for _ in range(round(_TIME_S / model.opt.timestep)):
        mujoco.mj_step(model, data)
        if data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number or not np.isfinite(data.qvel).all():
            raise ValueError("it flies off when it is told to drive; wanted: motors with a smaller kv, or a forcerange")
    speed = float(data.qvel[at])
    risen = float(data.qpos[int(model.joint(f"robot/{contract.root}").qposadr[0]) + 2]) - contract.height_m
    told_mps = f"told to drive {contract.max_speed_mps:g} m/s it"
    if abs(risen) > 0.5 * contract.height_m + 0.02:
        raise ValueError(
            f"{told_mps} falls over or flies off ({risen:+.2f} m in height); wanted: a robot that stands on its wheels,"
            " with motors of less force (kv, forcerange), or a lower max_speed_mps"
        )
    if speed < _LEAST * contract.max_speed_mps:
        raise ValueError(
            f"its wheels are too weak, or slip: {told_mps} reaches {speed:.2f} m/s in {_TIME_S:g} s; wanted: motors"
            " with more force (forcerange, kv, ctrlrange), or a lower max_speed_mps"
        )
    return speed / contract.max_speed_mps

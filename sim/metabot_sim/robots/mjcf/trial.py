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
    model = on_a_floor(child)
    data = standing(model, contract)
    for actuator, told in _full_speed(contract).items():
        data.ctrl[model.actuator(f"robot/{actuator}").id] = told
    for _ in range(round(_TIME_S / model.opt.timestep)):
        mujoco.mj_step(model, data)
        if data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number or not np.isfinite(data.qvel).all():
            raise ValueError("it flies off when it is told to drive; wanted: motors with a smaller kv, or a forcerange")
    speed, risen = _found(model, data, contract)
    told_mps = f"told to drive {contract.max_speed_mps:g} m/s it"
    if abs(risen) > 0.5 * contract.height_m + 0.02:
        raise ValueError(
            f"{told_mps} falls over or flies off ({risen:+.2f} m in height); wanted: a robot that stands on its wheels,"
            " with motors of less force (kv, forcerange), or a lower max_speed_mps"
        )
    if speed < _LEAST * contract.max_speed_mps:
        raise ValueError(
            f"its {'motors' if contract.planar else 'wheels'} are too weak, or slip: {told_mps} reaches {speed:.2f} m/s"
            f" in {_TIME_S:g} s; wanted: motors with more force (forcerange, kv, ctrlrange), or a lower max_speed_mps"
        )
    return speed / contract.max_speed_mps


def on_a_floor(child: mujoco.MjSpec) -> mujoco.MjModel:
    """A robot by itself on a floor, its names below ``robot/``."""
    scene = mujoco.MjSpec()
    scene.option.timestep = 1.0 / KINDS["mjcf"].simulation_hz
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    scene.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], friction=[1.0, 0.005, 0.0001])
    scene.attach(child.copy(), prefix="robot/", frame=scene.worldbody.add_frame())
    return scene.compile()


def standing(model: mujoco.MjModel, contract: Contract) -> mujoco.MjData:
    """That robot at rest, in its posture."""
    data = mujoco.MjData(model)
    for name, values in contract.posture.joints:
        first = int(model.joint(f"robot/{name}").qposadr[0])
        data.qpos[first : first + len(values)] = values
    for name, told in contract.posture.controls:
        data.ctrl[model.actuator(f"robot/{name}").id] = told
    return data


def _full_speed(contract: Contract) -> dict[str, float]:
    """What actuators are told for full speed straight on, by their names."""
    speed = contract.max_speed_mps
    if contract.planar is None:
        return {wheel.actuator: speed / wheel.radius_m * wheel.sign * wheel.gear for wheel in contract.wheels}
    along = np.array(contract.planar.axes)[0] * speed
    return dict(zip(contract.planar.actuators, along * contract.planar.gears, strict=True))


def _found(model: mujoco.MjModel, data: mujoco.MjData, contract: Contract) -> tuple[float, float]:
    """Its speed along x, in m/s, and by how much it has risen, in metres."""
    if contract.planar is None:
        root = model.joint(f"robot/{contract.root}")
        return float(data.qvel[root.dofadr[0]]), float(data.qpos[root.qposadr[0] + 2]) - contract.height_m
    dofs = [int(model.joint(f"robot/{name}").dofadr[0]) for name in contract.planar.joints]
    return float(np.array(contract.planar.axes)[0] @ data.qvel[dofs]), 0.0

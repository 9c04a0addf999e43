"""A robot driven alone for a moment: are its wheels strong enough, does it stand?"""

from __future__ import annotations

import mujoco
import numpy as np

from metabot.task import KINDS
from metabot_sim.robots.mjcf.contract import Contract, Planar

_TIME_S = 2.0
_LEAST = 0.4
"""Share of its full speed that a robot has to reach in that time."""


def reached(child: mujoco.MjSpec, contract: Contract) -> float:
    """Drive a robot straight on at full speed; a planar base aside, too, and round.

    Args:
        child: ready to be attached.
        contract: what was found about it.

    Returns:
        The share of that speed that it reaches.

    Raises:
        ValueError: if it does not get near its speed, or flies off; one line.
    """
    model = on_a_floor(child)
    if contract.planar is not None:
        return _glides(model, contract, contract.planar)
    told = {wheel.actuator: wheel.told(contract.max_speed_mps, 0.0) for wheel in contract.wheels}
    data = _driven(model, contract, told)
    root = model.joint(f"robot/{contract.root}")
    speed, risen = float(data.qvel[root.dofadr[0]]), float(data.qpos[root.qposadr[0] + 2]) - contract.height_m
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


def _glides(model: mujoco.MjModel, contract: Contract, planar: Planar) -> float:
    """The share of its full speed that a planar base reaches in the direction, or turn, in which it is the slowest."""
    dofs = [int(model.joint(f"robot/{name}").dofadr[0]) for name in planar.joints]
    axes, slowest = np.array(planar.axes), np.inf
    full = (contract.max_speed_mps, contract.max_speed_mps, contract.max_yaw_rate_radps)
    for way, (most, unit) in enumerate(zip(full, ("m/s along x", "m/s along y", "rad/s"), strict=True)):
        told = dict(zip(planar.actuators, axes[way] * most * planar.gears, strict=True))
        reached = float(axes[way] @ _driven(model, contract, told).qvel[dofs])
        if reached < _LEAST * most:
            raise ValueError(
                f"its motors are too weak: told to go {most:g} {unit} it reaches {reached:.2f} in {_TIME_S:g} s;"
                " wanted: motors with more force (forcerange, kv, ctrlrange), or lower limits in a description"
            )
        slowest = min(slowest, reached / most)
    return slowest


def _driven(model: mujoco.MjModel, contract: Contract, told: dict[str, float]) -> mujoco.MjData:
    """A robot that has been driven for a moment by actuators that are told something."""
    data = standing(model, contract)
    for actuator, value in told.items():
        data.ctrl[model.actuator(f"robot/{actuator}").id] = value
    for _ in range(round(_TIME_S / model.opt.timestep)):
        mujoco.mj_step(model, data)
        if data.warning[mujoco.mjtWarning.mjWARN_BADQACC].number or not np.isfinite(data.qvel).all():
            raise ValueError("it flies off when it is told to drive; wanted: motors with a smaller kv, or a forcerange")
    return data


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

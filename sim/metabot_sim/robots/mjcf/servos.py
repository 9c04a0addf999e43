"""Actuators of a robot's file: which drives which joint, and which are velocity servos."""

from __future__ import annotations

import mujoco
import numpy as np


def drivers(model: mujoco.MjModel) -> dict[int, list[int]]:
    """Actuators by the joint that each drives; joints that nothing drives are left out."""
    kinds = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
    found: dict[int, list[int]] = {}
    for each in range(model.nu):
        if int(model.actuator_trntype[each]) in kinds:
            found.setdefault(int(model.actuator_trnid[each, 0]), []).append(each)
    return found


def is_velocity_servo(model: mujoco.MjModel, actuator: int) -> bool:
    """Whether an actuator is told a speed."""
    gain, bias = model.actuator_gainprm[actuator], model.actuator_biasprm[actuator]
    return bool(gain[0] > 0.0 and bias[1] == 0.0 and np.isclose(bias[2], -gain[0]))


def fastest(model: mujoco.MjModel, actuator: int | None) -> float:
    """Largest speed of its joint, either way, that a velocity servo may be told; infinite where nothing limits it.

    Raises:
        ValueError: if it may go one way only; one line.
    """
    if actuator is None or not model.actuator_ctrllimited[actuator] or not is_velocity_servo(model, actuator):
        return np.inf
    low, high = model.actuator_ctrlrange[actuator]
    if not low < 0.0 < high:
        name = model.actuator(actuator).name
        raise ValueError(f"the ctrlrange of actuator '{name}' is {low:g} to {high:g}; wanted: below 0 to above it")
    return float(min(-low, high) / abs(model.actuator_gear[actuator, 0]))


def is_position_servo(model: mujoco.MjModel, actuator: int) -> bool:
    """Whether an actuator is told a position, in the units of its length."""
    gain, bias = float(model.actuator_gainprm[actuator, 0]), float(model.actuator_biasprm[actuator, 1])
    # An integrator's command is a speed.
    integrates = int(model.actuator_dyntype[actuator]) == int(mujoco.mjtDyn.mjDYN_INTEGRATOR)
    return bool(gain > 0.0 and np.isclose(bias, -gain) and not integrates)


def is_torque_motor(model: mujoco.MjModel, actuator: int) -> bool:
    """Whether an actuator's force does not depend on what it moves."""
    return int(model.actuator_biastype[actuator]) == int(mujoco.mjtBias.mjBIAS_NONE)


def strength(model: mujoco.MjModel, actuator: int) -> float:
    """Largest force or torque that an actuator puts on what it moves; infinite where nothing limits it."""
    limits = [np.inf]
    if model.actuator_forcelimited[actuator]:
        limits.append(float(np.abs(model.actuator_forcerange[actuator]).max()))
    if is_torque_motor(model, actuator) and model.actuator_ctrllimited[actuator]:
        most = float(np.abs(model.actuator_ctrlrange[actuator]).max())
        limits.append(abs(float(model.actuator_gainprm[actuator, 0])) * most)
    gear = abs(float(model.actuator_gear[actuator, 0]))
    return gear * min(limits) if gear else 0.0

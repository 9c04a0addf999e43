"""Position servos for joints that hold something up, where a file has motors, or nothing, to turn them."""

from __future__ import annotations

import mujoco
import numpy as np

from metabot_sim.robots.mjcf import servos
from metabot_sim.robots.mjcf.parts import Parts, fresh

_GIVES_RAD = 0.05
"""How far from its target a joint pushes with all of its force: what makers' servos of such arms do."""
_SAFE = 5.0
"""Times the torque that moves an arm stretched out, for joints of which nothing says how strong they are."""
_LEAST_NM = 2.0
"""Of such joints, too: one that turns a flange about its own axis holds up nothing."""


def fit(child: mujoco.MjSpec, model: mujoco.MjModel, joints: list[int]) -> bool:
    """Give joints that torque motors or velocity servos turn, or nothing, position servos as strong.

    Position servos stay as they are, and so does what is none of these; whoever reads the robot says what is
    wrong with it.

    Args:
        child: the robot alone; changed.
        model: compiled from it.
        joints: ids of the joints, such as those between an arm's base and its hand.

    Returns:
        Whether any was changed; the spec has to be compiled again then.

    Raises:
        ValueError: if an actuator gives no force; one line.
    """
    parts, drivers = Parts.of(child), servos.drivers(model)
    changed = False
    # A joint alone that nothing turns is no slip of a format without motors, as URDF is.
    bare = not any(number in drivers for number in joints)
    for number in joints:
        found = drivers.get(number, [])
        if len(found) > 1 or not (bare or (found and is_motor(model, found[0]))):
            continue
        joint = parts.joints[number]
        joint.name = joint.name or fresh(f"joint_{number}", child.joints)
        torque = _torque(model, number, found[0] if found else None)
        name = joint.name
        if found:
            name = parts.actuators[found[0]].name or name
            child.delete(parts.actuators[found[0]])
        name = fresh(name, child.actuators)
        stiffness = torque / _GIVES_RAD
        inertia = float(model.dof_M0[model.jnt_dofadr[number]])
        servo = child.add_actuator(name=name, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=joint.name)
        # Critically damped, where the rest of the arm does not move.
        servo.set_to_position(kp=stiffness, kv=2.0 * float(np.sqrt(stiffness * inertia)))
        servo.forcelimited, servo.forcerange = mujoco.mjtLimited.mjLIMITED_TRUE, [-torque, torque]
        ends = model.jnt_range[number] if model.jnt_limited[number] else np.array([-np.pi, np.pi])
        servo.ctrllimited, servo.ctrlrange = mujoco.mjtLimited.mjLIMITED_TRUE, ends
        changed = True
    return changed


def is_motor(model: mujoco.MjModel, actuator: int) -> bool:
    """Whether an actuator is a torque motor or a velocity servo: a position servo does what either does, and holds."""
    plain = int(model.actuator_dyntype[actuator]) == int(mujoco.mjtDyn.mjDYN_NONE)
    return plain and (servos.is_torque_motor(model, actuator) or servos.is_velocity_servo(model, actuator))


def _torque(model: mujoco.MjModel, joint: int, actuator: int | None) -> float:
    """How strong a joint is, in newton metres: as its actuator or the joint itself says."""
    torque = np.inf if actuator is None else servos.strength(model, actuator)
    if model.jnt_actfrclimited[joint]:
        torque = min(torque, float(np.abs(model.jnt_actfrcrange[joint]).max()))
    if torque <= 0.0:
        raise ValueError(f"the actuator of joint '{model.joint(joint).name}' gives no force; wanted: one that does")
    if np.isfinite(torque):
        return torque
    return max(_LEAST_NM, _SAFE * (_holds(model, joint) + _rubs(model, joint)))


def _rubs(model: mujoco.MjModel, joint: int) -> float:
    return float(model.dof_frictionloss[model.jnt_dofadr[joint]])


def _holds(model: mujoco.MjModel, joint: int) -> float:
    """Torque of the weight of all that a joint moves when that is stretched out level, in newton metres."""
    first = int(model.jnt_bodyid[joint])
    # Parts are nowhere farther away than the links between are long together.
    away = {first: 0.0}
    torque = 0.0
    for body in range(first, model.nbody):
        parent = int(model.body_parentid[body])
        if body != first and parent not in away:
            continue
        if body != first:
            away[body] = away[parent] + float(np.linalg.norm(model.body_pos[body]))
        torque += float(model.body_mass[body]) * (away[body] + float(np.linalg.norm(model.body_ipos[body]))) * 9.81
    return torque

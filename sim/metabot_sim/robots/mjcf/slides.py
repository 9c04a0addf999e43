"""Planar bases: robots whose files let them go on two slides and a hinge, and push them along."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from metabot_sim.robots.base import subtree
from metabot_sim.robots.mjcf import servos
from metabot_sim.robots.mjcf.contract import Planar
from metabot_sim.robots.mjcf.parts import fresh

_LEVEL = 0.999
"""Cosine of the angle to the vertical, or between two directions, at which they are the same."""
_CLEAR_M = 0.002
"""Height above the floor of the lowest part of what glides."""
_GRIP = 0.8
"""Share of its weight that a base can push with whose file does not say how strong its motors are."""
_EAGER = 30.0
"""Its servos' stiffness, in newtons for each kilogram and metre per second: it lags by a thirtieth of a second."""


@dataclass(frozen=True)
class Slides:
    """A planar base as it was found in a file.

    Attributes:
        joints: ids of the slides and the hinge.
        actuators: of each joint, the id of what drives it; None if nothing does.
        servos: of each, whether that is a velocity servo.
        body: id of the one that turns.
        anchor: (3,) a point of the axis that it turns about, in the file's frame.
        forward: (3,) level, where the robot looks in its file.
        lift_m: how much higher it has to be so that no part touches the floor.
        axes: (3, 3) directions of the joints when the robot looks along x, see `Planar`.
    """

    joints: tuple[int, ...]
    actuators: tuple[int | None, ...]
    servos: tuple[bool, ...]
    body: int
    anchor: np.ndarray
    forward: np.ndarray
    lift_m: float
    axes: np.ndarray

    def stand(self, place: np.ndarray) -> np.ndarray:
        """Where the body that holds all of it is, (3,), when it turns about the origin and looks along x.

        Args:
            place: (3,) of that body in the file.
        """
        x, y = place[:2] - self.anchor[:2]
        ahead_x, ahead_y = self.forward[:2]
        return np.array([ahead_x * x + ahead_y * y, ahead_x * y - ahead_y * x, place[2] + self.lift_m])


def find(model: mujoco.MjModel, data: mujoco.MjData, base: int, lowest_m: float, problems: list[str]) -> Slides | None:
    """Look for a planar base.

    Args:
        model: the robot alone.
        data: after `mj_forward`.
        base: id of the body that holds all of it.
        lowest_m: height of its lowest solid point.
        problems: what is wrong with the base, if there is one, is added here.

    Returns:
        The base; None where the robot does not hang on slides and a hinge.
    """
    joints, body = chain(model, base)
    kinds = [int(model.jnt_type[joint]) for joint in joints]
    slide, hinge = int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_HINGE)
    if sorted(kinds) != sorted([slide, slide, hinge]):
        return None
    axes = data.xaxis[joints]
    level = [abs(axis[2]) < np.sqrt(1.0 - _LEVEL**2) for axis in axes]
    turning = kinds.index(hinge)
    if level[turning] or not all(level[:turning] + level[turning + 1 :]):
        return None
    if turning != 2:
        problems.append(f"joint '{model.joint(joints[turning]).name}' turns it before its slides; wanted: slides first")
    if abs(float(axes[0] @ axes[1])) > np.sqrt(1.0 - _LEVEL**2):
        problems.append("the slides of its base are not at right angles; wanted: such that are")
    ahead = np.array(data.xmat[body].reshape(3, 3)[:, 0])
    ahead[2] = 0.0
    if np.linalg.norm(ahead) < 1.0 - _LEVEL:
        problems.append(f"the x axis of '{model.body(body).name}' points up or down; wanted: ahead")
        ahead = np.array([1.0, 0.0, 0.0])
    ahead /= np.linalg.norm(ahead)
    back = np.array([[ahead[0], ahead[1], 0.0], [-ahead[1], ahead[0], 0.0], [0.0, 0.0, 1.0]])
    drivers = servos.drivers(model)
    driven = [drivers.get(joint, []) for joint in joints]
    problems += [
        f"{len(found)} actuators drive '{model.joint(joint).name}'; wanted: one a joint"
        for joint, found in zip(joints, driven, strict=True)
        if len(found) > 1
    ]
    actuators = tuple(found[0] if found else None for found in driven)
    return Slides(
        joints=tuple(joints),
        actuators=actuators,
        servos=tuple(each is not None and servos.is_velocity_servo(model, each) for each in actuators),
        body=body,
        anchor=np.array(data.xanchor[joints[turning]]),
        forward=ahead,
        lift_m=max(0.0, _CLEAR_M - lowest_m),
        axes=(back @ axes.T),
    )


def speeds(model: mujoco.MjModel, found: Slides) -> tuple[float, float]:
    """Speed and yaw rate that its servos may be told; infinite where nothing limits them."""
    first, second, turning = (servos.fastest(model, each) for each in found.actuators)
    return min(first, second), turning


def motors(
    child: mujoco.MjSpec,
    joints: dict[int, mujoco.MjsJoint],
    actuators: dict[int, mujoco.MjsActuator],
    model: mujoco.MjModel,
    found: Slides,
) -> Planar:
    """Velocity servos for its joints: those of the file, and new ones where it has others or nothing.

    Args:
        child: the robot alone; changed.
        joints: of the spec, by their ids in the model.
        actuators: of the spec, by their ids in the model.
        model: compiled from it.
        found: its base.
    """
    mass = float(model.body_mass.sum())
    weights = (mass, mass, max(float(model.dof_M0[model.jnt_dofadr[found.joints[2]]]), 1e-3))
    # What holds a base on the floor acts as far from its axis as its mass is, on average.
    arms_m = (1.0, 1.0, float(np.sqrt(weights[2] / mass)))
    names, gears = [], []
    for number, servo, each, weight, arm_m in zip(
        found.joints, found.servos, found.actuators, weights, arms_m, strict=True
    ):
        joint = joints[number]
        joint.name = joint.name or fresh(f"slide_{number}", child.joints)
        joint.limited = mujoco.mjtLimited.mjLIMITED_FALSE
        joint.stiffness[:] = joint.damping[:] = 0.0
        # Positions are then how far it has gone from where its file has it.
        joint.ref = 0.0
        # A real base's drives overcome their own friction, and come to the speed that they are told.
        joint.frictionloss = 0.0
        if servo and each is not None:
            actuator = actuators[each]
            gears.append(float(actuator.gear[0]))
        else:
            force = servos.strength(model, each) if each is not None else np.inf
            force = min(force, _GRIP * mass * 9.81 * arm_m)
            if force <= 0.0:
                raise ValueError(f"the actuator of '{joint.name}' gives no force; wanted: one that does")
            if each is not None:
                child.delete(actuators[each])
            actuator = child.add_actuator(name=fresh(f"{joint.name}_speed", child.actuators))
            actuator.trntype, actuator.target = mujoco.mjtTrn.mjTRN_JOINT, joint.name
            actuator.set_to_velocity(kv=_EAGER * weight)
            actuator.forcelimited, actuator.forcerange = mujoco.mjtLimited.mjLIMITED_TRUE, [-force, force]
            gears.append(1.0)
        names.append((joint.name, actuator.name))
    return Planar(
        joints=tuple(joint for joint, _ in names),
        actuators=tuple(actuator for _, actuator in names),
        gears=tuple(gears),
        axes=tuple(tuple(map(float, row)) for row in found.axes),
    )


def chain(model: mujoco.MjModel, base: int) -> tuple[list[int], int]:
    """Joints that carry a robot, from the body that holds all of it on, and the last body that they move.

    They are that body's own; where these are fewer than three, and a single moving body hangs on it, that
    one's, too, and so on.
    """
    joints, body = list[int](), base
    while True:
        first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
        joints += range(first, first + count)
        if len(joints) >= 3 or not count:
            return joints, body
        below = [each for each in range(model.nbody) if model.body_parentid[each] == body and each != body]
        moving = [each for each in below if any(model.body_jntnum[part] for part in subtree(model, each))]
        if len(moving) != 1:
            return joints, body
        body = moving[0]

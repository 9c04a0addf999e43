"""How a robot that drives holds what else moves on it: an arm, a mast, a head."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import mujoco
import numpy as np


@dataclass(frozen=True)
class Posture:
    """What a file's first keyframe says of everything but base and wheels, by names.

    Attributes:
        joints: each with its positions, as many as it has.
        controls: actuators, each with what it is told.
    """

    joints: tuple[tuple[str, tuple[float, ...]], ...] = ()
    controls: tuple[tuple[str, float], ...] = ()


def keyframe(child: mujoco.MjSpec) -> tuple[np.ndarray, np.ndarray]:
    """Positions and controls of a file's first keyframe; empty where it has none, or it does not say them."""
    for key in child.keys:
        return np.array(key.qpos), np.array(key.ctrl)
    return np.zeros(0), np.zeros(0)


def take(model: mujoco.MjModel, data: mujoco.MjData, qpos: np.ndarray, base: Collection[int]) -> None:
    """Put the joints of a robot as a keyframe has them.

    Args:
        model: the robot alone.
        data: changed; afterwards as after `mj_forward`.
        qpos: of the keyframe; what does not fit the model is left out.
        base: ids of the joints that carry the robot, which stay as they are.
    """
    if len(qpos) == model.nq:
        for joint in set(range(model.njnt)) - set(base):
            places = _places(model, joint)
            data.qpos[places] = qpos[places]
    mujoco.mj_forward(model, data)


def read(
    model: mujoco.MjModel,
    joints: dict[int, mujoco.MjsJoint],
    actuators: dict[int, mujoco.MjsActuator],
    key: tuple[np.ndarray, np.ndarray],
    driving: tuple[Collection[int], Collection[int]],
) -> Posture:
    """Name what a keyframe says.

    Args:
        model: the robot alone.
        joints: of the spec, by their ids in the model; they get names.
        actuators: of the spec, by their ids in the model; they get names.
        key: positions and controls.
        driving: ids of joints and of actuators that drive the robot; they are left out.
    """
    qpos, controls = key
    held, told = [], []
    for number in sorted(set(joints) - set(driving[0])) if len(qpos) == model.nq else ():
        joint = joints[number]
        joint.name = joint.name or f"joint_{number}"
        held.append((str(joint.name), tuple(map(float, qpos[_places(model, number)]))))
    for number in sorted(set(actuators) - set(driving[1])) if len(controls) == model.nu else ():
        actuator = actuators[number]
        actuator.name = actuator.name or f"actuator_{number}"
        told.append((str(actuator.name), float(controls[number])))
    return Posture(tuple(held), tuple(told))


def _places(model: mujoco.MjModel, joint: int) -> np.ndarray:
    sizes = {int(mujoco.mjtJoint.mjJNT_FREE): 7, int(mujoco.mjtJoint.mjJNT_BALL): 4}
    return int(model.jnt_qposadr[joint]) + np.arange(sizes.get(int(model.jnt_type[joint]), 1))

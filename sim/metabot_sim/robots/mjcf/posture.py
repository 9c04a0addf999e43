"""How a robot that drives holds what else moves on it: an arm, a mast, a head."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from metabot_sim.robots.mjcf import holding, servos
from metabot_sim.robots.mjcf.parts import Parts, fresh


@dataclass(frozen=True)
class Posture:
    """Where everything but base and wheels is, and what keeps it there, by names.

    Attributes:
        joints: each with its positions, as many as it has.
        controls: actuators, each with what it is told.
    """

    joints: tuple[tuple[str, tuple[float, ...]], ...] = ()
    controls: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Key:
    """A file's first keyframe; empty where it has none, or does not say so much.

    Attributes:
        qpos: positions of all joints.
        controls: what actuators are told, by their names.
    """

    qpos: np.ndarray
    controls: Mapping[str, float]

    @classmethod
    def of(cls, child: mujoco.MjSpec) -> Key:
        """Read it; actuators without a name get one."""
        for number, actuator in enumerate(child.actuators):
            actuator.name = actuator.name or fresh(f"actuator_{number}", child.actuators)
        for key in child.keys:
            names, told = [each.name for each in child.actuators], list(map(float, key.ctrl))
            return cls(np.array(key.qpos), dict(zip(names, told, strict=False)) if len(told) == len(names) else {})
        return cls(np.zeros(0), {})

    def without(self, actuators: Collection[str]) -> Key:
        """The same for a robot of which some actuators have become others."""
        return replace(self, controls={name: told for name, told in self.controls.items() if name not in actuators})


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


def loose(model: mujoco.MjModel, driving: Collection[int]) -> list[int]:
    """Joints that would give way: motors turn them, or they have ends in a file without any actuators.

    What nothing turns in a file with actuators is meant to be free, as a caster is.

    Args:
        model: the robot alone.
        driving: ids of the joints that drive the robot.
    """
    drivers = servos.drivers(model)
    return [
        joint
        for joint in range(model.njnt)
        if joint not in driving
        and (
            any(holding.is_motor(model, each) for each in drivers.get(joint, ()))
            or (not model.nu and model.jnt_limited[joint])
        )
    ]


def read(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    parts: Parts,
    key: Key,
    driving: tuple[Collection[int], Collection[int]],
) -> Posture:
    """Name what holds the robot as it is: what its keyframe says, and for other servos where they are.

    Args:
        model: the robot alone.
        data: of the robot in its posture.
        parts: of its spec; joints get names.
        key: its keyframe.
        driving: ids of joints and of actuators that drive the robot; they are left out.
    """
    held, told = [], []
    for number in sorted(set(parts.joints) - set(driving[0])) if len(key.qpos) == model.nq else ():
        joint = parts.joints[number]
        joint.name = joint.name or fresh(f"joint_{number}", parts.joints.values())
        held.append((str(joint.name), tuple(map(float, data.qpos[_places(model, number)]))))
    for number in sorted(set(parts.actuators) - set(driving[1])):
        name = str(parts.actuators[number].name)
        if name in key.controls:
            told.append((name, key.controls[name]))
        elif servos.is_position_servo(model, number):
            told.append((name, float(data.actuator_length[number])))
    return Posture(tuple(held), tuple(told))


def _places(model: mujoco.MjModel, joint: int) -> np.ndarray:
    sizes = {int(mujoco.mjtJoint.mjJNT_FREE): 7, int(mujoco.mjtJoint.mjJNT_BALL): 4}
    return int(model.jnt_qposadr[joint]) + np.arange(sizes.get(int(model.jnt_type[joint]), 1))

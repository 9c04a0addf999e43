"""The contract of a user's own MJCF: what the file has to name, and what is read from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from metabot.task import KINDS

DEFAULT_MAX_SPEED_MPS = 1.0
DEFAULT_MAX_YAW_RATE_RADPS = 3.0

_SIDES = ("left", "right")
_LARGEST_GAP_M = 0.005
"""How far above or below the floor the lowest part of the robot may be in its file."""
_SHELL_M = 0.01
"""How much larger than the chassis the bumper is that a robot without one gets."""


@dataclass(frozen=True)
class Drive:
    """One driven wheel.

    Attributes:
        actuator: its name.
        radius_m: height of its axle above the floor.
        side_m: where it is across the robot, left positive.
        sign: +1 if a positive speed rolls forward.
    """

    actuator: str
    radius_m: float
    side_m: float
    sign: float


@dataclass(frozen=True)
class Contract:
    """What the simulator has to know of a robot beside its model.

    Attributes:
        height_m: height of the body ``base`` above the floor when the robot stands.
        max_speed_mps: forward speed at full command.
        max_yaw_rate_radps: yaw rate at full command.
        wheels: the driven wheels, in the order of their actuators.
    """

    height_m: float
    max_speed_mps: float
    max_yaw_rate_radps: float
    wheels: tuple[Drive, ...]


def load(path: str) -> tuple[mujoco.MjSpec, Contract]:
    """Read a robot's file and check it against the contract.

    Args:
        path: of the MJCF file.

    Returns:
        The robot, with a bumper if it had none, and what was read from it.

    Raises:
        ValueError: with the file, what is wrong in it and what is wanted; one line.
    """
    try:
        if not Path(path).is_file():
            raise ValueError("there is no such file; wanted: the path of an MJCF file")
        try:
            child = mujoco.MjSpec.from_file(path)
            _check_names(child)
            if not any(sensor.name == "bumper" for sensor in child.sensors):
                _add_bumper(child)
            model = child.compile()
        except ValueError as problem:
            raise ValueError(", ".join(line.strip() for line in str(problem).splitlines() if line.strip())) from None
        contract = _measure(model)
    except ValueError as problem:
        raise ValueError(f"mjcf {path}: {problem}") from None
    # A spec that has been compiled keeps its ids: the scene gets a fresh one.
    return child.copy(), contract


def _check_names(child: mujoco.MjSpec) -> None:
    base = child.body("base")
    if base is None or base.parent.name != "world":
        raise ValueError("no body 'base' in the worldbody; wanted: <body name=\"base\"> that holds all of the robot")
    if len(child.worldbody.bodies) != 1 or list(child.worldbody.geoms):
        raise ValueError("the worldbody holds more than the body 'base'; wanted: nothing but the robot, no floor")
    if [joint.type for joint in base.joints if joint.name == "root"] != [mujoco.mjtJoint.mjJNT_FREE]:
        raise ValueError("no free joint 'root' in the body 'base'; wanted: <freejoint name=\"root\"/>")
    if not any(geom.name == "chassis" for geom in base.geoms):
        raise ValueError("no geom 'chassis' in the body 'base'; wanted: <geom name=\"chassis\" .../>")
    for sensor in child.sensors:
        if sensor.name == "bumper" and sensor.type != mujoco.mjtSensor.mjSENS_TOUCH:
            raise ValueError("the sensor 'bumper' is no touch sensor; wanted: <touch name=\"bumper\" .../>")
    names = [actuator.name for actuator in child.actuators]
    for side in _SIDES:
        if not any(name.startswith(side) for name in names):
            raise ValueError(
                f"no actuator '{side}', actuators: {', '.join(names) or 'none'}; wanted: <velocity> actuators whose"
                " names begin with left and right"
            )


def _add_bumper(child: mujoco.MjSpec) -> None:
    """Give the robot a touch sensor around its chassis."""
    model = child.copy().compile()
    geom = model.geom("chassis")
    center, half = model.geom_aabb[geom.id, :3], model.geom_aabb[geom.id, 3:] + _SHELL_M
    base = child.body("base")
    position, rotation = np.zeros(3), np.zeros(4)
    mujoco.mju_rotVecQuat(position, center, geom.quat)
    rotation[:] = geom.quat
    site = base.add_site(name="bumper", type=mujoco.mjtGeom.mjGEOM_BOX, pos=geom.pos + position, quat=rotation)
    site.size, site.group = half, 4
    child.add_sensor(
        name="bumper", type=mujoco.mjtSensor.mjSENS_TOUCH, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="bumper"
    )


def _measure(model: mujoco.MjModel) -> Contract:
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    _check_extent(model, data)
    wheels = []
    for actuator in range(model.nu):
        name = model.actuator(actuator).name
        side = next((side for side in _SIDES if name.startswith(side)), None)
        if side is None:
            raise ValueError(f"actuator '{name}'; wanted: names that begin with left or right, and no others")
        wheels.append(_wheel(model, data, actuator, name, side))
    left = np.mean([wheel.side_m for wheel in wheels if wheel.actuator.startswith("left")])
    right = np.mean([wheel.side_m for wheel in wheels if wheel.actuator.startswith("right")])
    if left - right < 0.02:
        raise ValueError(f"the left wheels are {left - right:.3f} m left of the right ones; wanted: at least 0.02 m")
    speed = _numeric(model, "max_speed_mps", DEFAULT_MAX_SPEED_MPS)
    yaw_rate = _numeric(model, "max_yaw_rate_radps", DEFAULT_MAX_YAW_RATE_RADPS)
    for actuator, wheel in enumerate(wheels):
        if not model.actuator_ctrllimited[actuator]:
            continue
        wanted = (speed + abs(wheel.side_m) * yaw_rate) / wheel.radius_m
        low, high = model.actuator_ctrlrange[actuator]
        if min(-low, high) < wanted - 1e-6:
            raise ValueError(
                f"the ctrlrange of actuator '{wheel.actuator}' is {low:g} to {high:g} rad/s; wanted: at least"
                f" {wanted:.3g} either way for max_speed_mps {speed:g} and max_yaw_rate_radps {yaw_rate:g} together"
            )
    return Contract(float(model.body("base").pos[2]), speed, yaw_rate, tuple(wheels))


def _check_extent(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Check that the robot stands on the floor and is no wider than its kind may be."""
    solid = np.flatnonzero(model.geom_contype | model.geom_conaffinity)
    center, half = model.geom_aabb[solid, :3], model.geom_aabb[solid, 3:]
    rotation = data.geom_xmat[solid].reshape(-1, 3, 3)
    middle = data.geom_xpos[solid] + (rotation * center[:, None]).sum(-1)
    reach = (np.abs(rotation) * half[:, None]).sum(-1)
    lowest = float((middle - reach)[:, 2].min()) if len(solid) else np.inf
    if abs(lowest) > _LARGEST_GAP_M:
        raise ValueError(
            f"the lowest part that touches things is at z = {lowest:.3f} m; wanted: a robot that stands on the floor"
            " at z = 0 (mind the z of the body 'base')"
        )
    base = model.body("base").pos
    radius = float(np.hypot(*(np.abs(middle - base) + reach)[:, :2].T).max())
    # The corners of the boxes around the parts lie outside of the parts.
    allowed = KINDS["mjcf"].radius_m * np.sqrt(2.0)
    if radius > allowed:
        raise ValueError(
            f"its parts reach {radius:.2f} m from the origin of 'base'; wanted: at most"
            f" {allowed:.2f} m, corners included"
        )


def _wheel(model: mujoco.MjModel, data: mujoco.MjData, actuator: int, name: str, side: str) -> Drive:
    gain, bias = model.actuator_gainprm[actuator], model.actuator_biasprm[actuator]
    servo = (
        model.actuator_trntype[actuator] == int(mujoco.mjtTrn.mjTRN_JOINT) and gain[0] > 0.0 and bias[1] == 0.0
    ) and np.isclose(bias[2], -gain[0])
    if not servo:
        raise ValueError(f"actuator '{name}' is no velocity servo of a joint; wanted: <velocity name=\"{name}\" .../>")
    joint = int(model.actuator_trnid[actuator, 0])
    axis, anchor = data.xaxis[joint], data.xanchor[joint]
    if model.jnt_type[joint] != int(mujoco.mjtJoint.mjJNT_HINGE) or abs(axis[1]) < 0.99:
        raise ValueError(f"actuator '{name}' turns no wheel that rolls along x; wanted: a hinge joint with axis 0 1 0")
    if anchor[2] <= 0.0:
        raise ValueError(f"the axle of actuator '{name}' is at z = {anchor[2]:.3f} m; wanted: above the floor at z = 0")
    return Drive(name, float(anchor[2]), float(anchor[1]), float(np.sign(axis[1])))


def _numeric(model: mujoco.MjModel, name: str, otherwise: float) -> float:
    for index in range(model.nnumeric):
        if model.numeric(index).name == name:
            value = float(model.numeric(index).data[0])
            if not 0.0 < value <= 20.0:
                raise ValueError(f"numeric '{name}' is {value:g}; wanted: above 0, at most 20")
            return value
    return otherwise

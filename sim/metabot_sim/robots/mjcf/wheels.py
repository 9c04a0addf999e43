"""Finding the wheels of a robot: which joints roll it, and on which side."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import mujoco
import numpy as np

from metabot_sim.robots.base import subtree
from metabot_sim.robots.mjcf import servos, shapes
from metabot_sim.robots.mjcf.description import Description

_NEAR_FLOOR_M = 0.006
"""A wheel whose lowest point is higher above that of the robot hangs in the air."""
_LEAST_TRACK_M = 0.02
_LEVEL = 0.99
"""Cosine of the angle between axles that lie side by side, at least."""
_TILT = 0.11
"""Sine of the slope of an axle that is level, at most."""
_WORDS = {"left": r"(?:^|[^a-z])(left|l)(?:[^a-z]|$)|left", "right": r"(?:^|[^a-z])(right|r)(?:[^a-z]|$)|right"}


@dataclass(frozen=True)
class Wheel:
    """A wheel that rolls the robot.

    Attributes:
        joint: id.
        actuator: id of what turns it; None if nothing does.
        radius_m: height of its axle above its lowest point.
        side_m: place across the robot from the base's origin, left positive.
        sign: +1 if a positive speed of the joint rolls forward.
    """

    joint: int
    actuator: int | None
    radius_m: float
    side_m: float
    sign: float


@dataclass
class Found:
    """What was found out about a robot's wheels.

    Attributes:
        wheels: the driven ones.
        forward: (3,) horizontal, where the robot looks in its file.
        problems: what is missing, each a clause for the user.
    """

    wheels: list[Wheel] = field(default_factory=list)
    forward: np.ndarray = field(default_factory=lambda: np.array([1.0, 0.0, 0.0]))
    problems: list[str] = field(default_factory=list)


def find(model: mujoco.MjModel, data: mujoco.MjData, base: int, said: Description) -> Found:
    """Look for the wheels of a robot that stands as its file has it.

    Args:
        model: the robot alone.
        data: after `mj_forward`.
        base: id of the body that holds all of it.
        said: what its user says.
    """
    found = Found()
    floor = shapes.lowest(model, data, shapes.solid(model))
    rolling = [joint for joint in range(model.njnt) if _rolls(model, data, joint, floor)]
    turned = servos.drivers(model)
    # Of two on one joint the second: that they are two is said below.
    drivers = {joint: found[-1] for joint, found in turned.items()}
    named = {**dict.fromkeys(said.left, "left"), **dict.fromkeys(said.right, "right")}
    if named:
        known = {model.joint(joint).name: joint for joint in range(model.njnt)}
        for name in named:
            if name not in known:
                found.problems.append(f"no joint '{name}' of its description; joints: {_listed(known)}")
            elif known[name] not in rolling:
                found.problems.append(f"joint '{name}' of its description turns no wheel that touches the floor")
        chosen = [known[name] for name in named if known.get(name) in rolling]
    else:
        driven = [joint for joint in rolling if joint in drivers]
        # A file without motors, as URDF is: all wheels get one.
        chosen = driven or (rolling if not model.nu else [])
    if not chosen:
        found.problems = found.problems or [_why_none(model, rolling)]
        return found
    for joint in chosen:
        if len(turned.get(joint, ())) > 1:
            found.problems.append(
                f"{len(turned[joint])} actuators turn '{model.joint(joint).name}'; wanted: one a wheel"
            )
    sides = [named.get(model.joint(joint).name) or _side(model, joint, drivers.get(joint)) for joint in chosen]
    axle = _axle(model, data, base, chosen, sides)
    found.forward = np.array([axle[1], -axle[0], 0.0])
    for joint, side in zip(chosen, sides, strict=True):
        name = model.joint(joint).name or f"number {joint}"
        if abs(float(data.xaxis[joint] @ axle)) < _LEVEL:
            found.problems.append(f"wheel '{name}' does not roll where the others do; wanted: axles side by side")
            continue
        low = shapes.lowest(model, data, _geoms_of(model, int(model.jnt_bodyid[joint])))
        if low - floor > _NEAR_FLOOR_M:
            found.problems.append(f"wheel '{name}' hangs {low - floor:.3f} m above the floor that other parts stand on")
        across = float((data.xanchor[joint] - data.xpos[base]) @ axle)
        wheel = Wheel(
            joint,
            drivers.get(joint),
            float(data.xanchor[joint][2] - low),
            across,
            float(np.sign(data.xaxis[joint] @ axle)),
        )
        found.wheels.append(wheel)
        if side is not None and named and (across > 0.0) != (side == "left") and len(set(sides)) < 2:
            found.problems.append(f"wheel '{name}' is said to be on the {side}; wanted: wheels on both sides")
    places = [wheel.side_m for wheel in found.wheels]
    if places and max(places) - min(places) < _LEAST_TRACK_M:
        found.problems.append(
            f"its wheels are {max(places) - min(places):.3f} m apart across; wanted: left and right ones at least"
            f" {_LEAST_TRACK_M} m apart"
        )
    return found


def _rolls(model: mujoco.MjModel, data: mujoco.MjData, joint: int, floor: float) -> bool:
    """Whether a joint turns something about a level axle that lies above its lowest point."""
    if model.jnt_type[joint] != int(mujoco.mjtJoint.mjJNT_HINGE) or abs(data.xaxis[joint][2]) > _TILT:
        return False
    geoms = _geoms_of(model, int(model.jnt_bodyid[joint]))
    if not len(geoms):
        return False
    low = shapes.lowest(model, data, geoms)
    height = float(data.xanchor[joint][2]) - low
    # Round about its axle: as far down as forward.
    ahead = np.cross(data.xaxis[joint], [0.0, 0.0, 1.0])
    ahead /= np.linalg.norm(ahead)
    reaches = [
        max(shapes.support(model, data, int(geom), way) for geom in geoms) - float(data.xanchor[joint] @ way)
        for way in (ahead, -ahead)
    ]
    round_ = height > 0.0 and all(abs(each - height) < 0.15 * height for each in reaches)
    return round_ and low - floor < 0.05


def _geoms_of(model: mujoco.MjModel, body: int) -> np.ndarray:
    """Solid geoms of a body and all below it."""
    solid = shapes.solid(model)
    return solid[np.isin(model.geom_bodyid[solid], subtree(model, body))]


def _side(model: mujoco.MjModel, joint: int, actuator: int | None) -> str | None:
    """What names say: of the joint, its body, its actuator."""
    names = [model.joint(joint).name, model.body(int(model.jnt_bodyid[joint])).name]
    names += [model.actuator(actuator).name] if actuator is not None else []
    for side, pattern in _WORDS.items():
        other = _WORDS["right" if side == "left" else "left"]
        if any(re.search(pattern, name.lower()) and not re.search(other, name.lower()) for name in names):
            return side
    return None


def _axle(
    model: mujoco.MjModel, data: mujoco.MjData, base: int, joints: list[int], sides: list[str | None]
) -> np.ndarray:
    """The direction to the robot's left, (3,) and level: as names say, else by the base's own x axis."""
    axle: np.ndarray = np.array(data.xaxis[joints[0]])
    axle[2] = 0.0
    axle /= np.linalg.norm(axle)
    anchors = {side: [data.xanchor[j] for j, s in zip(joints, sides, strict=True) if s == side] for side in _WORDS}
    if all(anchors.values()):
        across = np.mean(anchors["left"], axis=0) - np.mean(anchors["right"], axis=0)
        return axle if across @ axle >= 0.0 else -axle
    ahead = data.xmat[base].reshape(3, 3)[:, 0]
    return axle if np.cross(axle, [0.0, 0.0, 1.0]) @ ahead >= 0.0 else -axle


def _why_none(model: mujoco.MjModel, rolling: list[int]) -> str:
    joints = [j for j in range(model.njnt) if model.jnt_type[j] == int(mujoco.mjtJoint.mjJNT_HINGE)]
    if rolling:
        names = ", ".join(model.joint(joint).name or "?" for joint in rolling)
        return f"no motor turns a wheel ({names} could roll); wanted: <velocity> or <motor> actuators of wheels"
    free = any(model.jnt_type[j] == int(mujoco.mjtJoint.mjJNT_FREE) for j in range(model.njnt))
    if len(joints) >= 4 and free:
        return f"has legs, or something else with {len(joints)} joints and no wheels; metabot drives wheels and arms"
    if len(joints) >= 4:
        return f"stands still and has {len(joints)} joints; it drives nowhere; arms play the families of arms"
    return "no wheels; wanted: hinge joints with level axles, round parts that touch the floor"


def _listed(names: dict[str, int]) -> str:
    return ", ".join(name for name in names if name) or "none has a name"

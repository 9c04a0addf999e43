"""A user's robot made ready for a scene: `load`. The file itself stays as it is."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import mujoco
import numpy as np

from metabot_sim.robots.mjcf import holding, posture, servos, shapes, slides
from metabot_sim.robots.mjcf.contract import Contract, Drive
from metabot_sim.robots.mjcf.description import Description, beside
from metabot_sim.robots.mjcf.parts import Parts
from metabot_sim.robots.mjcf.trial import reached
from metabot_sim.robots.mjcf.turning import check_turning
from metabot_sim.robots.mjcf.wheels import Found, Wheel, find

USUAL_SPEED_MPS = 1.0
USUAL_YAW_RATE_RADPS = 3.0
_LARGEST = 20.0
LARGEST_M = 1.5
"""The radius of the largest robot that there is a floor for."""
_ROUNDED = 1.1
_SHELL_M = 0.01
"""How much larger than its parts the bumper is that a robot without one gets."""
_CLEAR_M = 0.005
"""Height above the floor at which that bumper begins."""
_CASTER_M = 0.006
"""Height above the lowest point below which a part stands on the floor."""
_GRIP = 0.8
"""Share of its weight that a robot whose file has no motors can push with."""


def load(path: str) -> tuple[mujoco.MjSpec, Contract]:
    """Read a robot's file and find out what drives it.

    What a scene has itself (options, floors, lights, cameras, keyframes) is left out, masses are those of the file
    compiled by itself, wheels turn without ends or springs, whatever is solid touches everything.

    Args:
        path: of the MJCF or URDF file.

    Returns:
        The robot alone, with a bumper and motors if it had none, and what was found.

    Raises:
        ValueError: with the file, all that is wrong with it and what is wanted; one line.
    """
    return read_once(path, _loaded)


Read = TypeVar("Read")


def read_once(
    path: str, read: Callable[[str, tuple[int, ...]], tuple[mujoco.MjSpec, Read]]
) -> tuple[mujoco.MjSpec, Read]:
    """A robot's file as somebody reads it, who is asked again only when it or its description has changed.

    Args:
        path: of the file.
        read: given the whole path and when both were changed last; remembers what it gave.

    Raises:
        ValueError: with the file, and what is wrong with it; one line.
    """
    try:
        where = Path(path)
        if not where.is_file():
            raise ValueError("there is no such file; wanted: the path of an MJCF or URDF file")
        parts = included(where)
        # Whoever reads it looks at all of them.
        stamps = tuple(os.stat(each).st_mtime_ns if each.exists() else 0 for each in (where, beside(where), *parts))
        try:
            spec, found = read(str(where.resolve()), stamps)
        except (ValueError, mujoco.FatalError) as problem:
            raise ValueError(", ".join(line.strip() for line in str(problem).splitlines() if line.strip())) from None
    except ValueError as problem:
        raise ValueError(f"mjcf {path}: {problem}") from None
    # Whoever attaches a spec changes it.
    return spec.copy(), found


@lru_cache(maxsize=32)
def _loaded(path: str, stamps: tuple[int, ...]) -> tuple[mujoco.MjSpec, Contract]:
    said, text = Description.of(Path(path)), Path(path).read_text(errors="replace")
    with warnings.catch_warnings():
        # What MuJoCo finds old-fashioned in a maker's file is none of the user's business here.
        warnings.simplefilter("ignore")
        refuse_nans(Path(path))
        child = mujoco.MjSpec.from_file(path)
        key = posture.Key.of(child)
        root = alone(child, said)
        contract = _read(child, root, said, key, _is_urdf(text))
        contract = replace(contract, reached=reached(child, contract))
        check_turning(child, contract)
    return child, contract


def _is_urdf(text: str) -> bool:
    """Whether a file's first element is that of a URDF."""
    first = re.search(r"<([a-zA-Z][\w:.-]*)", text)
    return first is not None and first[1] == "robot"


def included(path: Path) -> list[Path]:
    """The files that a robot's file includes, and those that they do, where there are such files.

    MuJoCo looks for all of them from the folder of the first.
    """
    found: list[Path] = []
    waiting = [path]
    while waiting:
        each = waiting.pop()
        for name in _names_in(str(each), os.stat(each).st_mtime_ns):
            part = path.parent / name
            if part not in found and part != path and part.is_file():
                found.append(part)
                waiting.append(part)
    return found


@lru_cache(maxsize=256)
def _names_in(path: str, stamp: int) -> list[str]:
    """Names of files that a file includes, read again only when it has changed."""
    text = Path(path).read_text(errors="replace")
    return re.findall(r"<include\s[^>]*?\bfile\s*=\s*[\"']([^\"']+)[\"']", text)


def refuse_nans(path: Path) -> None:
    """Refuse a file that has a NaN, or includes one that has; see `refuse_nan`."""
    for part in (path, *included(path)):
        refuse_nan(part.read_text(errors="replace"))


def refuse_nan(text: str) -> None:
    """MuJoCo takes a NaN for "not given", so that a broken mass becomes another one in silence."""
    if "nan" not in text.lower():
        return
    broken = re.search(r"([\w:]+)\s*=\s*([\"'])(?:(?!\2).)*(?<![\w.\-])nan(?![\w.\-])(?:(?!\2).)*\2", text, re.I | re.S)
    if broken is not None:
        raise ValueError(f"{broken[0]}: not a number; wanted: a number")


def alone(child: mujoco.MjSpec, said: Description) -> mujoco.MjsBody:
    """Leave out what belongs to a scene; the body that holds all of the robot."""
    world = child.worldbody
    for part in [*world.lights, *world.cameras, *child.keys]:
        child.delete(part)
    for texture in [each for each in child.textures if each.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX]:
        child.delete(texture)
    # The scene's own hold; what a file has set would be kept out of it with a warning each time.
    forget_options(child)
    child.compiler.fusestatic = 0
    child.compiler.discardvisual = 0
    tops = list(world.bodies)
    if said.base is not None:
        tops = [body for body in tops if body.name == said.base]
        if not tops:
            raise ValueError(
                f"no body '{said.base}' of its description in the worldbody; bodies: {_names(world.bodies)}"
            )
    moving = [body for body in tops if body.find_all("joint")]
    if len(moving) != 1:
        what = f"{len(moving)} moving bodies in the worldbody ({_names(moving)})" if moving else "nothing in it moves"
        raise ValueError(
            f"{what}; wanted: one body that holds all of the robot, or its name as base in its description"
        )
    for body in world.bodies:
        if body.name != moving[0].name or not body.find_all("joint"):
            child.delete(body)
    for geom in world.geoms:
        child.delete(geom)
    return moving[0]


def forget_options(child: mujoco.MjSpec) -> None:
    """Leave to the scene what is one for all in it: options, the looks of its pictures, sizes of memory."""
    plain = mujoco.MjSpec()
    child.option, child.visual, child.stat = plain.option, plain.visual, plain.stat
    for part in dir(child.authored):
        if not part.startswith("_"):
            setattr(child.authored, part, 0)
    for size in ("memory", "njmax", "nconmax", "nemax", "nstack", "nkey", "nuserdata"):
        setattr(child, size, getattr(plain, size))
    for part in ("actuator", "body", "cam", "geom", "jnt", "sensor", "site", "tendon"):
        setattr(child, f"nuser_{part}", getattr(plain, f"nuser_{part}"))


def _names(bodies: list[mujoco.MjsBody]) -> str:
    return ", ".join(body.name or "without a name" for body in bodies) or "none"


def _read(
    child: mujoco.MjSpec,
    root: mujoco.MjsBody,
    said: Description,
    key: posture.Key,
    urdf: bool,
) -> Contract:
    """Find out what drives the robot, and make the spec ready to be attached; all that is wrong is said at once."""
    root.name = root.name or "base"
    problems: list[str] = []
    model = child.compile()
    parts = Parts.of(child)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    base = model.body(root.name).id
    carrying = slides.chain(model, base)[0]
    posture.take(model, data, key.qpos, carrying)
    solid = shapes.solid(model)
    if not len(solid):
        raise ValueError("nothing in it touches things; wanted: a chassis with a solid geom, on wheels or slides")
    planar = slides.find(model, data, base, shapes.lowest(model, data, solid), problems)
    found = Found() if planar else find(model, data, base, said)
    problems += found.problems
    problems += _held(model, base, found.wheels)
    free = "" if planar else _free_joint(child, root, problems)
    radius = shapes.reach(model, data, solid, planar.anchor if planar else data.xpos[base])
    if radius > LARGEST_M:
        problems.append(f"its parts reach {radius:.2f} m from '{root.name}'; wanted: at most {LARGEST_M:g} m")
    if not problems:
        speed, yaw_rate = _limits(model, _fastest(model, found.wheels, planar), said, problems)
    if problems:
        raise ValueError("; ".join(problems))
    driving, drivers = {*carrying, *(wheel.joint for wheel in found.wheels)}, servos.drivers(model)
    loose = posture.loose(model, driving)
    if holding.fit(child, model, loose):
        changed = {parts.actuators[each].name for joint in loose for each in drivers.get(joint, ())}
        return _read(child, root, said, key.without(changed), urdf)
    held = posture.read(
        model, data, parts, key, (driving, {each for joint in driving for each in drivers.get(joint, ())})
    )
    drives = _motors(child, parts, model, found.wheels, speed, yaw_rate)
    carried = slides.motors(child, parts.joints, parts.actuators, model, planar) if planar else None
    bake(child, parts, model)
    _meet_everything(child, parts, model)
    if urdf:
        _ease_casters(parts, model, data, found.wheels)
    attitude = _attitude(data.xquat[base], planar.forward if planar else found.forward)
    lifted = planar.lift_m if planar else -shapes.lowest(model, data, solid)
    height = float(data.xpos[planar.body if planar else base][2]) + lifted
    root.pos, root.quat = [0.0, 0.0, height], attitude
    if planar:
        root.pos = planar.stand(data.xpos[base])
    # Euler angles of the file would win over a quaternion.
    root.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
    chassis = _chassis(parts, model, said)
    if not any(sensor.name == "bumper" and sensor.type == mujoco.mjtSensor.mjSENS_TOUCH for sensor in child.sensors):
        _add_bumper(child, parts, model, data, lifted, found.wheels)
    return Contract(
        base=root.name,
        root=free,
        chassis=chassis,
        height_m=height,
        attitude=tuple(map(float, attitude)),  # type: ignore[arg-type]
        max_speed_mps=speed,
        max_yaw_rate_radps=yaw_rate,
        radius_m=radius,
        wheels=tuple(drives),
        planar=carried,
        posture=held,
    )


def _attitude(quaternion: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """The base's attitude when the robot looks along x instead of where its file has it look, (4,)."""
    half = -0.5 * float(np.arctan2(forward[1], forward[0]))
    result = np.zeros(4)
    mujoco.mju_mulQuat(result, np.array([np.cos(half), 0.0, 0.0, np.sin(half)]), quaternion)
    return result


def _free_joint(child: mujoco.MjSpec, root: mujoco.MjsBody, problems: list[str]) -> str:
    """Name of the joint that lets the robot go where it drives; it gets one if it has none."""
    joints = list(root.joints)
    if not joints:
        root.add_freejoint(name="root")
        return "root"
    if len(joints) == 1 and joints[0].type == mujoco.mjtJoint.mjJNT_FREE:
        free = joints[0]
        free.name = free.name or "root"
        # Nothing in the air holds a robot back.
        free.damping[:] = 0.0
        free.armature = free.frictionloss = 0.0
        return str(free.name)
    kinds = ", ".join(str(joint.type).rsplit("JNT_", 1)[-1].lower() for joint in joints)
    problems.append(
        f"its base '{root.name}' hangs on joints ({kinds}); wanted: a free joint, none, or two level slides and an"
        " upright hinge that carry it"
    )
    return ""


def _held(model: mujoco.MjModel, base: int, wheels: list[Wheel]) -> list[str]:
    """What keeps the robot, or its wheels, from moving as they are told."""
    problems = []
    turned = {wheel.joint for wheel in wheels}
    for each in range(model.neq):
        kind = mujoco.mjtEq(int(model.eq_type[each]))
        first, second = int(model.eq_obj1id[each]), int(model.eq_obj2id[each])
        if model.eq_objtype[each] == mujoco.mjtObj.mjOBJ_SITE:
            first, second = (int(model.site_bodyid[site]) for site in (first, second))
        if kind == mujoco.mjtEq.mjEQ_JOINT and turned & {first, second}:
            names = [model.joint(joint).name for joint in (first, second) if joint >= 0]
            problems.append(f"an equality ties {' to '.join(names)}; wanted: wheels that turn by themselves")
        if kind in (mujoco.mjtEq.mjEQ_WELD, mujoco.mjtEq.mjEQ_CONNECT) and 0 in (first, second):
            other = model.body(max(first, second)).name
            problems.append(f"an equality holds '{other}' fast in the world; wanted: a robot that can go")
    return problems


def _fastest(model: mujoco.MjModel, wheels: list[Wheel], planar: slides.Slides | None) -> tuple[float, float]:
    """Speed and yaw rate that its motors may be told; infinite where nothing limits them."""
    if planar:
        return slides.speeds(model, planar)
    speed = min(servos.fastest(model, wheel.actuator) * wheel.radius_m for wheel in wheels)
    return speed, speed / max(abs(wheel.side_m) for wheel in wheels)


def _limits(
    model: mujoco.MjModel, fastest: tuple[float, float], said: Description, problems: list[str]
) -> tuple[float, float]:
    """Speed and yaw rate at full command: as described, as the file says, as its motors may, or usual ones."""
    named = {name: _numeric(model, name, problems) for name in ("max_speed_mps", "max_yaw_rate_radps")}
    speed = said.max_speed_mps or named["max_speed_mps"] or min(fastest[0], USUAL_SPEED_MPS)
    yaw_rate = said.max_yaw_rate_radps or named["max_yaw_rate_radps"] or min(fastest[1], USUAL_YAW_RATE_RADPS)
    if speed > fastest[0] * (1.0 + 1e-6):
        problems.append(
            f"the ctrlrange of its actuators allows {fastest[0]:.3g} m/s; wanted: at least max_speed_mps {speed:g}"
        )
    # Makers round what their robots reach.
    if yaw_rate > fastest[1] * _ROUNDED:
        problems.append(
            f"the ctrlrange of its actuators allows {fastest[1]:.3g} rad/s; wanted: at least max_yaw_rate_radps"
            f" {yaw_rate:g}"
        )
    return float(speed), float(yaw_rate)


def _numeric(model: mujoco.MjModel, name: str, problems: list[str]) -> float | None:
    for index in range(model.nnumeric):
        if model.numeric(index).name == name:
            value = float(model.numeric(index).data[0])
            if not 0.0 < value <= _LARGEST:
                problems.append(f"numeric '{name}' is {value:g}; wanted: above 0, at most {_LARGEST:g}")
                return None
            return value
    return None


def _motors(
    child: mujoco.MjSpec, parts: Parts, model: mujoco.MjModel, wheels: list[Wheel], speed: float, yaw_rate: float
) -> list[Drive]:
    """Velocity servos for all driven wheels: those of the file, and new ones where it has torques or nothing."""
    drives = []
    weight = float(model.body_mass.sum()) * 9.81
    for wheel in wheels:
        joint = parts.joints[wheel.joint]
        joint.name = joint.name or f"wheel_{wheel.joint}"
        # Ends and springs are what converters write into files; a wheel has none.
        joint.limited = mujoco.mjtLimited.mjLIMITED_FALSE
        joint.stiffness[:] = 0.0
        rate = (speed + abs(wheel.side_m) * yaw_rate) / wheel.radius_m
        gear = 1.0
        if wheel.actuator is not None and servos.is_velocity_servo(model, wheel.actuator):
            actuator = parts.actuators[wheel.actuator]
            gear = float(actuator.gear[0])
        else:
            torque = _GRIP * weight * wheel.radius_m / len(wheels)
            if wheel.actuator is not None:
                torque = _torque(model, wheel.actuator, joint.name)
                child.delete(parts.actuators[wheel.actuator])
                actuator = child.add_actuator(name=f"{joint.name}_speed")
            else:
                actuator = child.add_actuator(name=joint.name)
            actuator.trntype, actuator.target = mujoco.mjtTrn.mjTRN_JOINT, joint.name
            actuator.set_to_velocity(kv=torque / (0.1 * rate))
            actuator.forcelimited, actuator.forcerange = mujoco.mjtLimited.mjLIMITED_TRUE, [-torque, torque]
        actuator.name = actuator.name or joint.name
        drives.append(Drive(actuator.name, wheel.radius_m, wheel.side_m, wheel.sign, gear))
    return drives


def _torque(model: mujoco.MjModel, actuator: int, name: str) -> float:
    """Largest torque of a motor."""
    gain, gear = float(model.actuator_gainprm[actuator, 0]), abs(float(model.actuator_gear[actuator, 0]))
    if model.actuator_biastype[actuator] != int(mujoco.mjtBias.mjBIAS_NONE):
        raise ValueError(f"the actuator of '{name}' is a position servo, or another one; wanted: <velocity> or <motor>")
    if not model.actuator_ctrllimited[actuator]:
        raise ValueError(f"the motor of '{name}' has no ctrlrange; wanted: one, it limits the torque")
    return gain * gear * float(np.abs(model.actuator_ctrlrange[actuator]).max())


def bake(child: mujoco.MjSpec, parts: Parts, model: mujoco.MjModel) -> None:
    """Give every body the mass that it has when the file is compiled by itself: a scene scales no robot's masses."""
    for number, body in parts.bodies.items():
        mass = float(model.body_mass[number])
        if mass > 0.0:
            body.explicitinertial = 1
            body.mass, body.ipos, body.iquat = mass, model.body_ipos[number], model.body_iquat[number]
            body.inertia, body.fullinertia = model.body_inertia[number], [np.nan, 0, 0, 0, 0, 0]
            body.ialt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
    child.compiler.settotalmass = -1.0


def _meet_everything(child: mujoco.MjSpec, parts: Parts, model: mujoco.MjModel) -> None:
    """Let the robot touch floor, walls and others, whatever layers its file has put it on.

    Parts of its own that did not touch each other do not now.
    """
    solid = shapes.solid(model)
    kinds, meets = model.geom_contype[solid], model.geom_conaffinity[solid]
    if ((kinds | meets) & 1).all():
        return
    owners = model.geom_bodyid[solid]
    bodies = sorted(set(owners.tolist()))
    for number, first in enumerate(bodies):
        for second in bodies[number + 1 :]:
            one, two = owners == first, owners == second
            touch = (kinds[one, None] & meets[two]) | (kinds[two] & meets[one, None])
            if not touch.any():
                for body in (first, second):
                    parts.bodies[body].name = parts.bodies[body].name or f"part_{body}"
                child.add_exclude(bodyname1=parts.bodies[first].name, bodyname2=parts.bodies[second].name)
    for geom in solid:
        parts.geoms[int(geom)].contype = parts.geoms[int(geom)].conaffinity = 1


def _ease_casters(parts: Parts, model: mujoco.MjModel, data: mujoco.MjData, wheels: list[Wheel]) -> None:
    """Let fixed parts that touch the floor slide: a URDF cannot say that they are casters."""
    turning = {int(model.jnt_bodyid[wheel.joint]) for wheel in wheels}
    solid = shapes.solid(model)
    floor = shapes.lowest(model, data, solid)
    for geom in solid:
        fixed = int(model.geom_bodyid[geom]) not in turning
        if fixed and shapes.lowest(model, data, np.array([geom])) - floor < _CASTER_M:
            parts.geoms[int(geom)].condim, parts.geoms[int(geom)].priority = 1, 1


def _chassis(parts: Parts, model: mujoco.MjModel, said: Description) -> str:
    """Name of the geom that takes the robot's colour: as described, ``chassis``, or the largest one that is seen."""
    if said.chassis is not None and not any(geom.name == said.chassis for geom in parts.geoms.values()):
        raise ValueError(f"no geom '{said.chassis}' of its description")
    for name in (said.chassis, "chassis"):
        if name and any(geom.name == name for geom in parts.geoms.values()):
            return name
    # Groups above 2 are hidden by viewers.
    seen = np.flatnonzero(model.geom_group <= 2)
    sizes = model.geom_aabb[:, 3:].prod(axis=1)
    largest = parts.geoms[int(seen[sizes[seen].argmax()] if len(seen) else sizes.argmax())]
    largest.name = largest.name or "chassis"
    return str(largest.name)


def _add_bumper(
    child: mujoco.MjSpec, parts: Parts, model: mujoco.MjModel, data: mujoco.MjData, lifted: float, wheels: list[Wheel]
) -> None:
    """Give the robot a touch sensor around the heaviest body that touches things and is no wheel."""
    turning = {int(model.jnt_bodyid[wheel.joint]) for wheel in wheels}
    solid = [int(geom) for geom in shapes.solid(model) if int(model.geom_bodyid[geom]) not in turning]
    if not solid:
        raise ValueError("nothing but its wheels touches things; wanted: a chassis with a solid geom")
    owners = {int(model.geom_bodyid[geom]) for geom in solid}
    body = max(owners, key=lambda each: float(model.body_mass[each]))
    mine = [geom for geom in solid if int(model.geom_bodyid[geom]) == body]
    turn = data.xmat[body].reshape(3, 3)
    ways = np.concatenate([np.eye(3), -np.eye(3)])
    far = np.array([max(shapes.support(model, data, geom, way) for geom in mine) for way in ways])
    high, low = far[:3] + _SHELL_M, -far[3:] - _SHELL_M
    # The floor is no contact that a bumper feels; the robot will stand higher or lower than in its file.
    low[2] = max(low[2], _CLEAR_M - lifted)
    center, half = (high + low) / 2, np.maximum((high - low) / 2, 1e-3)
    site = parts.bodies[body].add_site(name="bumper", type=mujoco.mjtGeom.mjGEOM_BOX)
    site.pos = turn.T @ (center - data.xpos[body])
    upright = np.zeros(4)
    mujoco.mju_negQuat(upright, data.xquat[body])
    site.quat, site.size, site.group = upright, half, 4
    child.add_sensor(
        name="bumper", type=mujoco.mjtSensor.mjSENS_TOUCH, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="bumper"
    )

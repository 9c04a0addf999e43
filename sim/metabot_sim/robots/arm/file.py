"""A user's arm made ready for a scene: `load`. The file itself stays as it is."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import mujoco
import numpy as np

from metabot.task import RobotSpec
from metabot.task.kinds import OWN_ARM_HZ
from metabot_sim.robots.arm import HOME_M, own_layer, postures, tool
from metabot_sim.robots.arm.trial import check_strength
from metabot_sim.robots.base import robot_prefix, spawn_frame, subtree
from metabot_sim.robots.mjcf import holding, prepare, servos, shapes
from metabot_sim.robots.mjcf.description import Description
from metabot_sim.robots.mjcf.parts import Parts, fresh

TIP, PAYLOAD, PADS = "metabot_tip", "metabot_payload", ("metabot_pad_1", "metabot_pad_2")
"""What every arm gets: a site between its fingertips, a body that carries payloads, touch sensors of its fingers."""
TABLE = 17
"""Openings for which a gripper's command is known."""
_LEAST_GRIP_N, _HELD_M = 10.0, 0.04
"""The least force on a thing of that width: the heaviest and smoothest that tasks have are held, and not crushed."""
_LEAST_OPENING_M = 0.055
"""The widest thing that tasks have, and some room."""
_DEPTH_M = 0.01
"""From the ends of the fingers to the point between them that is sent to places."""
_PLACES_M = ((0.27, 0.0, 0.02), (0.5, 0.0, 0.02), (0.4, 0.25, 0.02), (0.4, -0.25, 0.02), (0.45, 0.0, 0.25))
"""Where tasks have things: ahead, to the left, above the floor."""


@dataclass(frozen=True)
class ArmFile:
    """What a file has, by the names it gives, and what was measured of it; without a gripper the rest of it is empty.

    Attributes:
        base: its root body.
        joints: from the base to the hand.
        drives: their position servos, in the same order.
        gripper: all further joints.
        grip: the actuator of the gripper.
        finger_geoms: what grips.
        tip: site between the fingertips; z away from what is grasped, fingers close along y; its velocity's sensor.
        payload: the body that carries payloads.
        pads: two sites at the fingertips, and the touch sensors there.
        home: joint positions with the fingertips at `start_m`, the hand down, radians.
        start_m: where tasks begin, in the base's frame; `metabot_sim.robots.arm.HOME_M` but for some without a gripper.
        rest: positions of the gripper's joints, half open.
        controls: (TABLE,) commands of the gripper for openings at equal distances from shut to `widest_m`.
        widest_m: between the fingers.
        shut_m: between the pads when the fingers touch.
        shuts: sign of the gripper's force when it shuts.
    """

    base: str
    joints: tuple[str, ...]
    drives: tuple[str, ...]
    gripper: tuple[str, ...]
    grip: str
    finger_geoms: tuple[str, ...]
    tip: str = TIP
    payload: str = PAYLOAD
    pads: tuple[str, ...] = PADS
    home: tuple[float, ...] = ()
    start_m: postures.Point = HOME_M
    rest: tuple[float, ...] = ()
    controls: tuple[float, ...] = ()
    widest_m: float = 0.0
    shut_m: float = 0.0
    shuts: float = -1.0


def load(path: str) -> tuple[mujoco.MjSpec, ArmFile]:
    """Read an arm's file and find out what moves it and what grips, or where its tool ends.

    Args:
        path: of the MJCF or URDF file.

    Returns:
        The arm alone, with touch sensors at its fingertips if it has any, and what was found.

    Raises:
        ValueError: with the file, what is wrong with it and what is wanted; one line.
    """
    return prepare.read_once(path, _loaded)


def out_of_reach(path: str, points: tuple[postures.Point, ...]) -> postures.Point | None:
    """The first of some places to which an arm does not come from where it begins; see `postures.missed`.

    Args:
        path: of the arm's file.
        points: in its base's frame.

    Raises:
        ValueError: as `load` does.
    """
    return prepare.read_once(path, lambda where, stamps: (mujoco.MjSpec(), _unreached(where, stamps, points)))[1]


@lru_cache(maxsize=32)
def _unreached(path: str, stamps: tuple[int, ...], points: tuple[postures.Point, ...]) -> postures.Point | None:
    child, found = _loaded(path, stamps)
    model = child.copy().compile()
    start = _still(model)
    for name, position in zip((*found.joints, *found.gripper), (*found.home, *found.rest), strict=True):
        start.qpos[model.joint(name).qposadr[0]] = position
    return postures.missed(model, found, found.start_m, start.qpos, 0.0, points)


def attach(scene: mujoco.MjSpec, robot: RobotSpec, index: int) -> None:
    """Add a user's arm to a scene; see `RobotGroup.attach`."""
    assert robot.mjcf is not None
    child, _ = load(robot.mjcf)
    own_layer(child, index)
    scene.attach(child, prefix=robot_prefix(robot.name), frame=spawn_frame(scene, robot))


@lru_cache(maxsize=32)
def _loaded(path: str, stamps: tuple[int, ...]) -> tuple[mujoco.MjSpec, ArmFile]:
    said = Description.of(Path(path))
    with warnings.catch_warnings():
        # What MuJoCo finds old-fashioned in a maker's file is none of the user's business here.
        warnings.simplefilter("ignore")
        prepare.refuse_nans(Path(path))
        child = mujoco.MjSpec.from_file(path)
        guesses = [np.array(key.qpos) for key in child.keys if len(key.qpos)]
        root = prepare.alone(child, said)
        root.name = root.name or "base"
        found = _read(child, root.name, said, guesses)
        check_strength(child, found)
        return child, found


def _read(child: mujoco.MjSpec, base: str, said: Description, guesses: list[np.ndarray]) -> ArmFile:
    """Find out what moves the arm, and make the spec ready to be attached."""
    model = child.compile()
    parts = Parts.of(child)
    hand, joints = _chain(model, model.body(base).id, said)
    if holding.fit(child, model, joints):
        model = child.compile()
        parts = Parts.of(child)
    drives = [_servo(model, joint) for joint in joints]
    if not _moves_beyond(model, hand):
        return _with_tool(child, model, base, said, hand, (joints, drives), guesses)
    grip = _grip(model, said, hand, drives)
    gripper = [joint for joint in range(model.njnt) if joint not in joints]
    _name(parts, range(model.njnt), [*drives, grip])
    fingers, turn, end = _fingers(model, _still(model), said, hand, joints[-1])
    geoms = [_solid(model, finger) for finger in fingers]
    for number in (*geoms[0], *geoms[1]):
        parts.geoms[number].name = parts.geoms[number].name or f"finger_{number}"
    tip = _settle(child, parts, model, hand, (joints, drives))
    for name, finger, mine in zip(PADS, fingers, geoms, strict=True):
        _add_pad(child, parts.bodies[finger], name, model, finger, mine)
    found = ArmFile(
        base=base,
        joints=tuple(parts.joints[number].name for number in joints),
        drives=tuple(parts.actuators[number].name for number in drives),
        gripper=tuple(parts.joints[number].name for number in gripper),
        grip=parts.actuators[grip].name,
        finger_geoms=tuple(parts.geoms[number].name for number in (*geoms[0], *geoms[1])),
    )
    hand_name = parts.bodies[hand].name = parts.bodies[hand].name or "hand"
    bodies = [parts.bodies[finger].name or f"finger_{finger}" for finger in fingers]
    for finger, name in zip(fingers, bodies, strict=True):
        parts.bodies[finger].name = name
    if said.tool is not None:
        raise ValueError(f"its description names a tool, but it has a gripper; wanted: no tool beside '{found.grip}'")
    return _measured(
        child, found, tip, hand_name, bodies, turn, end, [each for each in guesses if len(each) == model.nq]
    )


def _with_tool(
    child: mujoco.MjSpec,
    model: mujoco.MjModel,
    base: str,
    said: Description,
    hand: int,
    moved: tuple[list[int], list[int]],
    guesses: list[np.ndarray],
) -> ArmFile:
    """An arm without a gripper, made ready; `moved` are its joints and their servos."""
    joints, drives = moved
    last = model.body(hand).name
    for field in ("hand", "fingers", "gripper"):
        if getattr(said, field) is not None:
            raise ValueError(
                f"its description names a {field}, but nothing moves beyond '{last}'; wanted: a gripper that moves, or"
                " tool alone"
            )
    others = [model.actuator(each).name for each in range(model.nu) if each not in drives]
    if others:
        raise ValueError(
            f"{len(others)} actuators besides those of its joints ({', '.join(others)}), but nothing moves beyond"
            f" '{last}'; wanted: none, or a hand with two fingers"
        )
    point, turn = tool.find(model, _still(model), said, hand, joints[-1])
    parts = Parts.of(child)
    _name(parts, joints, drives)
    tip = _settle(child, parts, model, hand, moved)
    tip.pos, tip.quat = point, _quaternion(turn)
    found = ArmFile(
        base=base,
        joints=tuple(parts.joints[number].name for number in joints),
        drives=tuple(parts.actuators[number].name for number in drives),
        gripper=(),
        grip="",
        finger_geoms=(),
        pads=(),
    )
    made = child.compile()
    starts = [each for each in guesses if len(each) == made.nq] or [_still(made).qpos.copy()]
    place, home, yaw = _home(made, found, starts)
    cos, sin = np.cos(yaw), np.sin(yaw)
    tip.quat = _quaternion(turn @ np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]))
    prepare.forget_options(child)
    at = [int(made.joint(name).qposadr[0]) for name in found.joints]
    return replace(found, home=tuple(home[at].tolist()), start_m=place)


def _home(model: mujoco.MjModel, found: ArmFile, starts: list[np.ndarray]) -> tuple[postures.Point, np.ndarray, float]:
    """Where a tool begins, positions of all joints there and its yaw, so that it comes to all points of tasks."""
    beyond: postures.Point | None = None
    for place in (HOME_M, tool.ABOVE_M):
        # A tool has no sides: whichever way round is the easiest is straight ahead.
        ways = [
            (*way, float(yaw))
            for yaw in np.arange(4) * np.pi / 2
            for way in postures.reached(model, found, place, starts, postures.HOMES, float(yaw))
        ]
        for _, home, yaw in sorted(ways, key=lambda way: way[0]):
            point = postures.missed(model, found, place, home, yaw, tool.CORNERS_M)
            if point is None:
                return place, home, yaw
            beyond = beyond or point
    if beyond is None:
        raise ValueError(
            f"its tool cannot point down at {postures.said(HOME_M)} nor at {postures.said(tool.ABOVE_M)} from its base;"
            " wanted: at one of them, where tasks begin"
        )
    raise ValueError(
        f"its tool cannot point down at {postures.said(beyond)} from its base; wanted: there, where tasks have points"
    )


def _name(parts: Parts, joints: Iterable[int], actuators: Iterable[int]) -> None:
    """Give those a name that have none."""
    for what, numbers in (("joints", joints), ("actuators", actuators)):
        for number in numbers:
            part = getattr(parts, what)[number]
            part.name = part.name or fresh(f"{what[:-1]}_{number}", getattr(parts, what).values())


def _settle(
    child: mujoco.MjSpec, parts: Parts, model: mujoco.MjModel, hand: int, moved: tuple[list[int], list[int]]
) -> mujoco.MjsSite:
    """Balance an arm's weight, steady its servos and let it carry payloads; the site of its tip, still to be placed."""
    prepare.bake(child, parts, model)
    for body in parts.bodies.values():
        # What makers' controllers do.
        body.gravcomp = 1.0
    for joint, drive in zip(*moved, strict=True):
        _steady(model, parts.joints[joint], joint, drive)
    _add_payload(parts.bodies[hand])
    tip = parts.bodies[hand].add_site(name=TIP, size=[0.004, 0.0, 0.0], group=4)
    child.add_sensor(name=TIP, type=mujoco.mjtSensor.mjSENS_FRAMELINVEL, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=TIP)
    return tip


def _still(model: mujoco.MjModel, qpos: np.ndarray | None = None) -> mujoco.MjData:
    data = mujoco.MjData(model)
    if qpos is not None:
        data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    return data


def _chain(model: mujoco.MjModel, base: int, said: Description) -> tuple[int, list[int]]:
    """The body that holds the fingers, or the last that moves, and the joints from the base to it."""
    moving = {body for body in range(model.nbody) if model.body_jntnum[body]}
    body, joints = base, list[int]()
    while True:
        first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
        joints += range(first, first + count)
        below = [each for each in range(model.nbody) if model.body_parentid[each] == body and each != body]
        branches = [each for each in below if moving & set(subtree(model, each))]
        name = model.body(body).name
        if (said.hand is not None and name == said.hand) or len(branches) != 1:
            break
        body = branches[0]
    for joint in joints:
        if model.jnt_type[joint] != int(mujoco.mjtJoint.mjJNT_HINGE):
            kind = str(mujoco.mjtJoint(int(model.jnt_type[joint]))).rsplit("JNT_", 1)[-1].lower()
            raise ValueError(f"joint '{model.joint(joint).name}' is a {kind} one; wanted: hinges from base to hand")
    if len(joints) < 6:
        raise ValueError(
            f"{len(joints)} joints from '{model.body(base).name}' to '{name}'"
            + (f", on which {len(branches)} parts move" if len(branches) > 1 else "")
            + "; wanted: at least 6, of one arm, for a hand that points down wherever it is"
        )
    return body, joints


def _moves_beyond(model: mujoco.MjModel, hand: int) -> bool:
    return any(model.body_jntnum[each] for each in subtree(model, hand) if each != hand)


def _servo(model: mujoco.MjModel, joint: int) -> int:
    """The position servo of a joint."""
    turning = [
        each
        for each in range(model.nu)
        if model.actuator_trntype[each] == int(mujoco.mjtTrn.mjTRN_JOINT) and model.actuator_trnid[each, 0] == joint
    ]
    name = model.joint(joint).name
    if len(turning) != 1:
        raise ValueError(f"{len(turning)} actuators turn joint '{name}'; wanted: one, a position servo")
    (found,) = turning
    if not (servos.is_position_servo(model, found) and model.actuator_gear[found, 0] == 1.0):
        raise ValueError(
            f"the actuator of joint '{name}' is no position servo in radians; wanted: <position> without gear"
        )
    return found


def _steady(model: mujoco.MjModel, part: mujoco.MjsJoint, joint: int, drive: int) -> None:
    """Give a light joint as much rotor as keeps its servo from chattering.

    A servo at the end of its force is not damped: in one step of physics it would turn a light hand so fast that its
    damping asks for all of the force in the other direction in the next. Real ones have geared rotors, which most
    files leave out.
    """
    damping = -float(model.actuator_biasprm[drive, 2])
    dof = int(model.jnt_dofadr[joint])
    least = damping / OWN_ARM_HZ
    if model.actuator_forcelimited[drive] and float(model.dof_M0[dof]) < least:
        part.armature = float(model.dof_armature[dof]) + least - float(model.dof_M0[dof])


def _grip(model: mujoco.MjModel, said: Description, hand: int, drives: list[int]) -> int:
    """The actuator that opens and shuts the gripper."""
    others = [each for each in range(model.nu) if each not in drives]
    if said.gripper is not None:
        others = [each for each in others if model.actuator(each).name == said.gripper]
    names = ", ".join(model.actuator(each).name for each in others) or "none"
    if len(others) != 1:
        raise ValueError(
            f"{len(others)} actuators besides those of its joints ({names}); wanted: one that opens and shuts the"
            " gripper, or its name as gripper in a description"
        )
    if not model.actuator_ctrllimited[others[0]]:
        raise ValueError(f"the gripper's actuator '{names}' has no ctrlrange; wanted: one, from shut to open")
    return others[0]


def _solid(model: mujoco.MjModel, body: int) -> list[int]:
    return [int(geom) for geom in shapes.solid(model) if model.geom_bodyid[geom] == body]


def _fingers(
    model: mujoco.MjModel, data: mujoco.MjData, said: Description, hand: int, last: int
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """The two fingertips' bodies, and the axes of a hand that points down, as columns in the hand's frame.

    Returns:
        Bodies, the one on the negative side of the closing axis first; (3, 3); what grasps are approached along,
        (3,) in the hand's frame.
    """
    tree = [each for each in subtree(model, hand) if each != hand and _solid(model, each)]
    if said.fingers is not None:
        known = {model.body(each).name: each for each in tree}
        for name in said.fingers:
            if name not in known:
                raise ValueError(f"no solid body '{name}' of its description in its hand; bodies: {', '.join(known)}")
        tree = [known[name] for name in said.fingers]
    if len(tree) < 2:
        raise ValueError(
            "fewer than two solid bodies in its hand; wanted: two fingers, or their names in a description"
        )
    ahead = (
        data.xaxis[last] if data.xaxis[last] @ _middle(model, data, tree, data.xpos[hand]) > 0 else -data.xaxis[last]
    )
    ends = {each: max(shapes.support(model, data, geom, ahead) for geom in _solid(model, each)) for each in tree}
    first, second = sorted(tree, key=lambda each: ends[each])[-2:]
    across = _middle(model, data, [second], np.zeros(3)) - _middle(model, data, [first], np.zeros(3))
    across -= (across @ ahead) * ahead
    if abs(ends[first] - ends[second]) > 0.01 or np.linalg.norm(across) < 0.005:
        names = [model.body(each).name for each in (first, second)]
        raise ValueError(f"'{names[0]}' and '{names[1]}' are no pair of fingers; wanted: their names in a description")
    y, z = across / np.linalg.norm(across), -ahead
    world = np.stack([np.cross(y, z), y, z], axis=1)
    into = data.xmat[hand].reshape(3, 3).T
    return [first, second], into @ world, into @ ahead


def _middle(model: mujoco.MjModel, data: mujoco.MjData, bodies: list[int], origin: np.ndarray) -> np.ndarray:
    places = [data.geom_xpos[geom] for body in bodies for geom in _solid(model, body)]
    return np.mean(places, axis=0) - origin


def _quaternion(turn: np.ndarray) -> np.ndarray:
    found = np.zeros(4)
    mujoco.mju_mat2Quat(found, np.ascontiguousarray(turn).reshape(9))
    return found


def _add_payload(hand: mujoco.MjsBody) -> None:
    payload = hand.add_body(name=PAYLOAD)
    payload.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.01, 0, 0], mass=0.001, contype=0, conaffinity=0, group=4
    )


def _add_pad(
    child: mujoco.MjSpec,
    finger: mujoco.MjsBody,
    name: str,
    model: mujoco.MjModel,
    body: int,
    geoms: list[int],
) -> None:
    """A touch sensor around a finger."""
    data = _still(model)
    own = data.xmat[body].reshape(3, 3)
    ways = np.concatenate([np.eye(3), -np.eye(3)])
    far = np.array([max(shapes.support(model, data, geom, own @ way) for geom in geoms) for way in ways])
    far -= np.concatenate([own.T @ data.xpos[body], -own.T @ data.xpos[body]])
    high, low = far[:3] + 0.003, -far[3:] - 0.003
    finger.add_site(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, pos=(high + low) / 2, size=(high - low) / 2, group=4)
    child.add_sensor(name=name, type=mujoco.mjtSensor.mjSENS_TOUCH, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=name)


def _measured(
    child: mujoco.MjSpec,
    found: ArmFile,
    tip: mujoco.MjsSite,
    hand: str,
    fingers: list[str],
    turn: np.ndarray,
    end: np.ndarray,
    guesses: list[np.ndarray],
) -> ArmFile:
    """Try the gripper, put the tip between its fingers, and bring it to where tasks have things."""
    child.option.timestep = 1.0 / OWN_ARM_HZ
    child.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    model = child.compile()
    low, high = model.actuator(found.grip).ctrlrange
    commands = np.linspace(low, high, TABLE)
    data = _still(model, guesses[0] if guesses else None)
    for drive, joint in zip(found.drives, found.joints, strict=True):
        data.ctrl[model.actuator(drive).id] = data.qpos[model.joint(joint).qposadr[0]]
    start = data.qpos.copy()
    gaps, inner, poses = [], [], []
    for command in commands:
        data.qpos[:], data.qvel[:] = start, 0.0
        data.ctrl[model.actuator(found.grip).id] = command
        mujoco.mj_step(model, data, nstep=2 * OWN_ARM_HZ)
        across = data.xmat[model.body(hand).id].reshape(3, 3) @ turn[:, 1]
        one, two = (data.site(name).xpos for name in found.pads)
        gaps.append(float(abs((two - one) @ across)))
        surfaces = [
            max(shapes.support(model, data, geom, way) for geom in _solid(model, model.body(name).id))
            for name, way in zip(fingers, (across, -across), strict=True)
        ]
        inner.append(-(surfaces[1] + surfaces[0]))
        poses.append(data.qpos.copy())
    shut = int(np.argmin(gaps))
    shut_m = gaps[shut] - max(0.0, inner[shut])
    openings = np.array(gaps) - shut_m
    widest = float(openings.max())
    if widest < _LEAST_OPENING_M or not np.isfinite(openings).all():
        raise ValueError(
            f"its fingers open to {widest:.3f} m; wanted: at least {_LEAST_OPENING_M} m for what tasks have"
        )
    order = np.argsort(openings)
    controls = np.interp(np.linspace(0.0, widest, TABLE), openings[order], commands[order])
    half = poses[int(np.abs(openings - 0.04).argmin())]
    data = _still(model, half)
    body = model.body(hand).id
    axes = data.xmat[body].reshape(3, 3) @ turn
    ahead = data.xmat[body].reshape(3, 3) @ end
    geoms = [_solid(model, model.body(name).id) for name in fingers]
    far = max(shapes.support(model, data, geom, ahead) for geom in (*geoms[0], *geoms[1])) - _DEPTH_M
    sides = [
        max(shapes.support(model, data, geom, way) for geom in mine)
        for mine, way in zip(geoms, (axes[:, 1], -axes[:, 1]), strict=True)
    ]
    middle = np.mean([data.geom_xpos[geom] for geom in (*geoms[0], *geoms[1])], axis=0)
    place = far * ahead + 0.5 * (sides[0] - sides[1]) * axes[:, 1] + (middle @ axes[:, 0]) * axes[:, 0]
    tip.pos = data.xmat[body].reshape(3, 3).T @ (place - data.xpos[body])
    tip.quat = _quaternion(turn)
    model = child.compile()
    # Fingers have no front and back: of both ways round the easier one is straight ahead.
    ways = {yaw: postures.reached(model, found, HOME_M, [half, *guesses], postures.HOMES, yaw) for yaw in (0.0, np.pi)}
    homes = sorted(ways[0.0] + ways[np.pi], key=lambda way: way[0])
    if homes and any(homes[0] is way for way in ways[np.pi]):
        tip.quat = _quaternion(turn @ np.diag([-1.0, -1.0, 1.0]))
        model = child.compile()
    if not homes:
        raise ValueError(
            f"its hand cannot point down at {postures.said(HOME_M)} from its base; wanted: there, where tasks begin"
        )
    home = homes[0][1]
    for point in _PLACES_M:
        if not postures.reached(model, found, point, [home, *guesses], 1):
            raise ValueError(
                f"its hand cannot point down at {postures.said(point)} from its base; wanted: there, where tasks have"
                " things"
            )
    shutting = float(commands[shut])
    pressing = _pressing(model, found, poses, openings, shutting)
    if 0.0 < pressing < _LEAST_GRIP_N:
        _strengthen(child, found, 1.05 * _LEAST_GRIP_N / pressing)
        pressing = _pressing(child.compile(), found, poses, openings, shutting)
    if not pressing >= _LEAST_GRIP_N:
        raise ValueError(
            f"its fingers press a thing of {1e3 * _HELD_M:g} mm by {pressing:.1f} N; wanted: at least"
            f" {_LEAST_GRIP_N:g} N, for what tasks have"
        )
    prepare.forget_options(child)
    at = [int(model.joint(name).qposadr[0]) for name in found.joints]
    rest = [float(half[int(model.joint(name).qposadr[0])]) for name in found.gripper]
    gain = float(model.actuator_gainprm[model.actuator(found.grip).id, 0])
    return replace(
        found,
        home=tuple(home[at].tolist()),
        rest=tuple(rest),
        controls=tuple(controls.tolist()),
        widest_m=widest,
        shut_m=shut_m,
        shuts=float(np.sign((shutting - commands[int(np.argmax(gaps))]) * gain)),
    )


def _pressing(
    model: mujoco.MjModel, found: ArmFile, poses: list[np.ndarray], openings: np.ndarray, shutting: float
) -> float:
    """How hard the fingers press what is `_HELD_M` wide, in newtons: the work of the gripper on the way there."""
    order = np.argsort(openings)
    wide, narrow = (
        np.array([np.interp(_HELD_M + side, openings[order], part) for part in np.array(poses)[order].T])
        for side in (0.005, -0.005)
    )
    data = _still(model, (wide + narrow) / 2)
    grip = model.actuator(found.grip)
    data.ctrl[grip.id] = shutting
    if grip.dyntype[0] in (int(mujoco.mjtDyn.mjDYN_FILTER), int(mujoco.mjtDyn.mjDYN_FILTEREXACT)):
        data.act[grip.actadr[0]] = shutting  # as it will be once the filter has followed
    mujoco.mj_forward(model, data)
    way = np.zeros(model.nv)
    mujoco.mj_differentiatePos(model, way, 0.01, wide, narrow)
    return float(data.qfrc_actuator @ way)


def _strengthen(child: mujoco.MjSpec, found: ArmFile, times: float) -> None:
    """Make a gripper stronger: published models have some that let slip what the real one holds."""
    grip = child.actuator(found.grip)
    gain, bias, ends = np.array(grip.gainprm), np.array(grip.biasprm), np.array(grip.forcerange)
    gain[:3] *= times
    bias[:3] *= times
    grip.gainprm, grip.biasprm, grip.forcerange = gain, bias, ends * times
    for part in (*(child.joint(name) for name in found.gripper), *child.tendons):
        part.actfrcrange = np.array(part.actfrcrange) * times

"""Units, scales and frames of what robots observe and command: `robot_interface`.

The names stand where the numbers are made, in `Rules.observe_task` and `RobotGroup.proprio`; what they mean in
metres and seconds stands here, so that whoever runs an exported policy elsewhere can fill them in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from metabot.task import RobotInterface, Term
from metabot_sim.env import FleetEnv
from metabot_sim.families import drive_escort, grasping
from metabot_sim.robots import diffdrive, fetch
from metabot_sim.robots.arm import MAX_OPENING_M, STEP_M, STEP_RAD
from metabot_sim.robots.base import RobotGroup
from metabot_sim.robots.car import CarGroup

_Meaning = tuple[str, float, str]
"""Unit, scale and frame."""

_FAR = diffdrive.GOAL_SCALE_M
_NEAR = grasping.POSITION_SCALE_M
_DRIVING: tuple[tuple[str, _Meaning], ...] = (
    (r"(goal|way|start|pad|leader|box|zone)_(forward|ahead|left)", ("m", _FAR, "base")),
    (r"(neighbour|rival|mate)_\d+_(ahead|left)", ("m", _FAR, "base")),
    (r"(rival_)?(token|base)_(ahead|left)", ("m", _FAR, "base")),
    (r"goal_distance", ("m", _FAR, "")),
    (r"goal_bearing", ("rad", math.pi, "base")),
    (r"(goal|pad|leader|box|heading)_(cos|sin)(_2yaw)?", ("1", 1.0, "base")),
    (r"seen_(ahead|left)", ("m", _FAR, "leader")),
    (r"leader_speed", ("m/s", drive_escort._SPEED_MPS[1], "")),
    (r"slot_(ahead|left)", ("m", 1.0, "base")),
    (r"(slot_velocity|rival_speed)_(ahead|left)", ("m/s", 1.0, "base")),
    (r"(x|y)", ("m", _FAR, "map")),
    (r"clock_\d|time_left|pads_left|(own|best_others)_points|role|carrying|mate_carries|token_stolen", ("1", 1.0, "")),
)
_GRASPING: tuple[tuple[str, _Meaning], ...] = (
    (r"(target|bin|object|other|post|end|place|car|stop)(_\d+)?(_place)?_[xyz]", ("m", _NEAR, "tips")),
    (r"neighbour_\d+_[xyz]", ("m", _NEAR, "tips")),
    (r".*(cos|sin)(_\dyaw)?", ("1", 1.0, "tips")),
    (r"tilt|has_gripper", ("1", 1.0, "")),
    (
        r".*_is_\w+|.*held|held_by_other|object_\d+_there|picks|aboard|loads|drives|unloads|.*_count",
        ("1", 1.0, ""),
    ),
)
_FETCHING: tuple[tuple[str, _Meaning], ...] = (
    (r"goal_(ahead|left|up)", ("m", 0.2, "base")),
    (r"object_(ahead|left|up)", ("m", 0.2, "tips")),
    (r"object_velocity_(ahead|left|up)", ("m/s", 1.0, "base")),
)
_OWN: dict[str, tuple[tuple[str, _Meaning], ...]] = {
    "arm": (
        (r"tip_[xyz]", ("m", 0.5, "base")),
        (r"yaw_(cos|sin)", ("1", 1.0, "base")),
        (r"opening", ("m", MAX_OPENING_M, "")),
        (r"pressed", ("1", 1.0, "")),
        (r"tip_velocity_[xyz]", ("m/s", 1.0, "base")),
        (r"d[xyz]", ("m", STEP_M, "base")),
        (r"dyaw", ("rad", STEP_RAD, "base")),
        (r"grip", ("m", MAX_OPENING_M / 2, "")),
    ),
    "fetch": (
        (r"grip_[xyz]", ("m", 0.2, "base")),
        (r"opening", ("m", 2.0 * fetch.FINGER_M, "")),
        (r"grip_velocity_[xyz]", ("m/s", 1.0, "base")),
        (r"d[xyz]", ("m", fetch.STEP_M, "base")),
        (r"grip", ("m", fetch.FINGER_M, "")),
    ),
}
_TASKS = {"arm": _GRASPING, "fetch": _FETCHING, "part": ()}
"""By a kind of robot that takes part; all others drive. Nobody builds animals: what they see has no units."""


def robot_interface(env: FleetEnv, robot: int = 0) -> RobotInterface:
    """What one robot of an environment observes and commands.

    Args:
        env: where it acts.
        robot: its number.
    """
    group = env.world.group_of(robot)
    spec, size = env.spec.robots[robot], env.observation_sizes[robot]
    names = env.observation_names[robot][:size]
    task = len(names) - len(group.proprio_names)
    observation = [_task_term(env, robot, name) for name in names[:task]]
    observation += _own_terms(group, spec.kind, group.proprio_names, robot)
    action = _own_terms(group, spec.kind, group.action_names, robot)
    return RobotInterface(spec.kind, tuple(observation), tuple(action), env.spec.control_hz)


def _task_term(env: FleetEnv, robot: int, name: str) -> Term:
    half = np.array([env.spec.world.length_m, env.spec.world.width_m]) / 2
    # Places in a field are shares of it, whatever its size.
    if env.family.name == "drive-pursuit" and (found := re.fullmatch(r"(centre|wall)_(ahead|left|x|y)", name)):
        side = half[int(found[2] in ("left", "y"))]
        return Term(name, "m", float(side), frame="base" if found[1] == "centre" else "map")
    if env.family.name == "drive-capture" and name == "depth":
        return Term(name, "m", float(half[0]), frame="map")
    if env.family.name == "drive-odometry" and name.startswith("goal_"):
        # As the pad lies from where the robot began, along where it looks now.
        unit, scale, _ = _meaning(_DRIVING, name)
        return Term(name, unit, scale, frame="start")
    kinds = {robot.kind for robot in env.spec.robots}
    table = next((table for kind, table in _TASKS.items() if kind in kinds), _DRIVING)
    unit, scale, frame = _meaning(table, name)
    if frame == "tips" and isinstance(env.world.group_of(robot), CarGroup):
        frame = "base"  # a car among arms has no fingertips to see from
    return Term(name, unit, scale, frame=frame)


def _own_terms(group: RobotGroup, kind: str, names: tuple[str, ...], robot: int) -> Iterator[Term]:
    for name in names:
        if isinstance(group, CarGroup):
            speed, rate = map(float, group.limits[list(group.indices).index(robot)])
            unit, scale = ("m/s", speed) if name in ("forward", "forward_speed") else ("rad/s", rate)
            yield Term(name, unit, scale, frame="base")
        else:
            unit, scale, frame = _meaning(_OWN.get(kind, ()), name)
            yield Term(name, unit, scale, _offset(kind, name), frame)


def _offset(kind: str, name: str) -> float:
    if kind == "arm" and name == "grip":
        return MAX_OPENING_M / 2
    if kind == "fetch" and re.fullmatch(r"grip_[xyz]", name):
        return fetch.HOME_M["xyz".index(name[-1])]
    return 0.0


def _meaning(table: tuple[tuple[str, _Meaning], ...], name: str) -> _Meaning:
    """What a name means; no unit where the table does not know it."""
    return next((meaning for pattern, meaning in table if re.fullmatch(pattern, name)), ("", 1.0, ""))

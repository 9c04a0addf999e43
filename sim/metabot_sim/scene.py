"""Composing a MuJoCo scene from a task: floor, walls, pads and every robot with its prefix."""

from __future__ import annotations

from itertools import combinations

import mujoco
import numpy as np

from metabot.task import TaskSpec
from metabot.task.rate import SIMULATION_HZ
from metabot_sim.robots import diffdrive

TIMESTEP_S = 1.0 / SIMULATION_HZ

COLORS: dict[str, tuple[float, float, float, float]] = {
    "red": (0.84, 0.18, 0.18, 1.0),
    "green": (0.18, 0.62, 0.28, 1.0),
    "blue": (0.16, 0.40, 0.82, 1.0),
    "yellow": (0.93, 0.77, 0.14, 1.0),
    "orange": (0.95, 0.52, 0.12, 1.0),
    "purple": (0.53, 0.28, 0.72, 1.0),
}

_WALL_HEIGHT_M = 0.15
_WALL_THICKNESS_M = 0.05


def robot_prefix(name: str) -> str:
    """Prefix of every MJCF name that belongs to a robot."""
    return f"{name}/"


def contact_sensor(a: str, b: str) -> str:
    """Name of the sensor that counts contacts between two robots."""
    return f"contact:{a}:{b}"


def compose(spec: TaskSpec, *, walls: bool = True) -> mujoco.MjModel:
    """Compile the scene of a task.

    Each robot's bodies are named ``<robot>/<body>``; the sensor ``contact:<a>:<b>`` counts
    contacts between two robots (contacts themselves cannot be bound in a batch).

    Args:
        spec: the task.
        walls: whether the arena's walls are there; a digital twin goes without.
    """
    scene = mujoco.MjSpec()
    scene.modelname = spec.family
    scene.option.timestep = TIMESTEP_S
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    scene.visual.global_.offwidth, scene.visual.global_.offheight = 1280, 960
    scene.visual.headlight.ambient = [0.45, 0.45, 0.45]
    scene.visual.headlight.diffuse = [0.45, 0.45, 0.45]
    _add_floor(scene, spec)
    if walls:
        _add_walls(scene, spec)
    for pad in spec.pads:
        scene.worldbody.add_geom(
            name=f"pad:{pad.color}",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[spec.success.radius_m, 0.002, 0.0],
            pos=[pad.x, pad.y, 0.002],
            rgba=list(COLORS[pad.color]),
            contype=0,
            conaffinity=0,
        )
    template = mujoco.MjSpec.from_file(str(diffdrive.MJCF))
    for robot in spec.robots:
        child = template.copy()
        child.geom("chassis").rgba = COLORS[robot.goal]
        yaw = robot.spawn.yaw
        frame = scene.worldbody.add_frame(
            pos=[robot.spawn.x, robot.spawn.y, 0.0],
            quat=[np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)],
        )
        frame.attach_body(child.body("base"), robot_prefix(robot.name), "")
    for a, b in combinations([robot.name for robot in spec.robots], 2):
        scene.add_sensor(
            name=contact_sensor(a, b),
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_XBODY,
            objname=f"{robot_prefix(a)}base",
            reftype=mujoco.mjtObj.mjOBJ_XBODY,
            refname=f"{robot_prefix(b)}base",
            intprm=[1, 0, 1],
        )
    return scene.compile()


def _add_floor(scene: mujoco.MjSpec, spec: TaskSpec) -> None:
    scene.add_texture(
        name="floor",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        width=256,
        height=256,
        rgb1=[0.91, 0.92, 0.93],
        rgb2=[0.86, 0.87, 0.89],
    )
    material = scene.add_material(name="floor", texrepeat=[1, 1], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "floor"
    scene.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[spec.world.length_m / 2, spec.world.width_m / 2, 0.1],
        material="floor",
        friction=[1.0, 0.005, 0.0001],
    )
    scene.worldbody.add_light(pos=[0, 0, 4], dir=[0, 0, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
    reach = max(spec.world.length_m, spec.world.width_m)
    scene.worldbody.add_camera(name="overview", pos=[0, -0.55 * reach, 1.05 * reach], xyaxes=[1, 0, 0, 0, 0.89, 0.46])


def _add_walls(scene: mujoco.MjSpec, spec: TaskSpec) -> None:
    half_x, half_y = spec.world.length_m / 2, spec.world.width_m / 2
    thick, height = _WALL_THICKNESS_M / 2, _WALL_HEIGHT_M / 2
    for name, pos, size in (
        ("north", (0, half_y + thick), (half_x + 2 * thick, thick)),
        ("south", (0, -half_y - thick), (half_x + 2 * thick, thick)),
        ("east", (half_x + thick, 0), (thick, half_y)),
        ("west", (-half_x - thick, 0), (thick, half_y)),
    ):
        scene.worldbody.add_geom(
            name=f"wall:{name}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[*pos, height],
            size=[*size, height],
            rgba=[0.55, 0.58, 0.62, 1.0],
        )

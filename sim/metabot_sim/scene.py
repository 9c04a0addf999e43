"""Composing a MuJoCo scene from a task: floor, walls, pads and every robot with its prefix."""

from __future__ import annotations

import mujoco
import numpy as np

from metabot.task import KINDS, ObjectSpec, TaskSpec
from metabot_sim.colors import COLORS
from metabot_sim.robots.base import VIEW
from metabot_sim.robots.registry import ROBOTS

PAD_HEIGHT_M = 0.002
"""Height of a pad's centre above the floor it lies on."""
_WALL_HEIGHT_M = 0.15
_WALL_THICKNESS_M = 0.05


def object_height(thing: ObjectSpec) -> float:
    """Height of an object's centre in metres when it lies on the floor."""
    return thing.size_m / 2


def compose(spec: TaskSpec, *, walls: bool = True, simulation_hz: int | None = None) -> mujoco.MjModel:
    """Compile the scene of a task.

    Each robot's parts are named ``<robot>/<part>``, pads ``pad:<color>`` (they are drawn only,
    and may be moved), objects ``object:<name>``.

    Args:
        spec: the task.
        walls: whether the arena's walls are there; a digital twin goes without.
        simulation_hz: physics steps per second; by default as many as the most demanding robot needs.

    Raises:
        ValueError: if a robot's model cannot be built; the line names the robot.
    """
    scene = mujoco.MjSpec()
    scene.modelname = spec.family
    scene.option.timestep = 1.0 / (simulation_hz or spec.simulation_hz)
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    if any(KINDS[robot.kind].reach_m for robot in spec.robots):
        # What is held between two fingers must not creep out of them.
        scene.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        scene.option.impratio = 10.0
        _ease(scene, spec)
    elif spec.objects:
        # With pyramids a box that is pushed veers off towards their edges.
        scene.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    scene.visual.global_.offwidth, scene.visual.global_.offheight = 1280, 960
    # Together with the light below: a pale floor that is still darker than white.
    scene.visual.headlight.ambient = [0.42, 0.42, 0.42]
    scene.visual.headlight.diffuse = [0.12, 0.12, 0.12]
    scene.visual.headlight.specular = [0.0, 0.0, 0.0]
    _add_floor(scene, spec)
    if walls:
        _add_walls(scene, spec)
    for pad in spec.pads:
        body = scene.worldbody.add_body(name=f"pad:{pad.color}", pos=[pad.x, pad.y, PAD_HEIGHT_M + pad.z], mocap=True)
        body.add_geom(
            name=f"pad:{pad.color}",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=[spec.success.radius_m, 0.002, 0.0],
            rgba=list(COLORS[pad.color]),
            contype=0,
            conaffinity=0,
        )
        if pad.solid and pad.z > 0.0:
            body.add_geom(
                name=f"post:{pad.color}",
                type=mujoco.mjtGeom.mjGEOM_CYLINDER,
                size=[spec.success.radius_m, pad.z / 2, 0.0],
                pos=[0.0, 0.0, -pad.z / 2],
                rgba=[0.55, 0.58, 0.62, 1.0],
            )
    for index, robot in enumerate(spec.robots):
        try:
            ROBOTS[robot.kind].attach(scene, robot, spec, index)
        except (ValueError, KeyError, OSError) as problem:
            raise ValueError(f"robots.{robot.name}: {str(problem).splitlines()[0]}") from None
    arms = any(KINDS[robot.kind].reach_m for robot in spec.robots)
    for thing in spec.objects:
        add_object(scene, thing, slides=not arms)
    return scene.compile()


def _ease(scene: mujoco.MjSpec, spec: TaskSpec) -> None:
    """Spare scenes with arms what does not change where hands and objects go."""
    kinds = {robot.kind for robot in spec.robots}
    if "arm" in kinds:
        # What lies still until a hand comes needs no contacts solved; an arm never sleeps.
        scene.option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
    if kinds == {"arm"} and not any(robot.mjcf for robot in spec.robots):
        # Its servos' damping is far from stiff at this rate: taken explicitly it is cheaper and nearer to small steps.
        scene.option.integrator = mujoco.mjtIntegrator.mjINT_EULER


def add_object(scene: mujoco.MjSpec, thing: ObjectSpec, *, slides: bool = False) -> None:
    """Add a free body ``object:<name>`` lying on the floor.

    Args:
        scene: to add it to.
        thing: which object.
        slides: its own friction holds against everything it touches, also where the other is rougher.
    """
    half = thing.size_m / 2
    kind, size = {
        "box": (mujoco.mjtGeom.mjGEOM_BOX, [half, half, half]),
        "cylinder": (mujoco.mjtGeom.mjGEOM_CYLINDER, [half, half, 0.0]),
        "ball": (mujoco.mjtGeom.mjGEOM_SPHERE, [half, 0.0, 0.0]),
        "bar": (mujoco.mjtGeom.mjGEOM_BOX, [thing.length_m / 2, half, half]),
    }[thing.shape]
    name = f"object:{thing.name}"
    yaw = thing.pose.yaw
    body = scene.worldbody.add_body(
        name=name,
        pos=[thing.pose.x, thing.pose.y, object_height(thing)],
        quat=[np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)],
    )
    body.add_freejoint(name=name)
    rolls = thing.shape in ("ball", "cylinder")
    body.add_geom(
        name=name,
        type=kind,
        size=size,
        mass=thing.mass_kg,
        rgba=list(COLORS[thing.color]),
        # Without rolling friction a ball, or a cylinder that fell over, never lies still.
        condim=6 if rolls else 4,
        friction=[thing.friction, 0.01, 0.002 if rolls else 0.0001],
        priority=1 if slides else 0,
    )


def _add_floor(scene: mujoco.MjSpec, spec: TaskSpec) -> None:
    scene.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        width=64,
        height=384,
        rgb1=[0.87, 0.90, 0.94],
        rgb2=[0.66, 0.71, 0.77],
    )
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
    scene.worldbody.add_light(
        pos=[0, 0, 4],
        dir=[0.24, 0.28, -0.93],
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        diffuse=[0.45, 0.45, 0.45],
        specular=[0.05, 0.05, 0.05],
    )
    reach = max(spec.world.length_m, spec.world.width_m)
    scene.worldbody.add_camera(name=VIEW, pos=[0, -0.62 * reach, 1.05 * reach], xyaxes=[1, 0, 0, 0, 0.89, 0.46])


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

"""Parts of one body, each a robot of its own: what MaMuJoCo makes of Gymnasium's animals."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.episodes import DRIVE_GAIN
from metabot_sim.robots.base import VIEW, RobotGroup, as_slice, rectangular, robot_prefix
from metabot_sim.robots.part.animals import ANIMALS, Animal

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

BODY = "body"
"""Its parts are named ``body/<part>`` in the scene."""
_VELOCITY_SCALE = 10.0


class Part(RobotGroup):
    """Robots that share a body; each commands the motors of its own joints.

    The hidden drive gain multiplies a part's commands; damping and link mass are those of its joints
    and limbs, a payload is on the first of these.
    """

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`; a part has no base of its own, so that nothing of it is found from there."""
        self.world, self.robots, self.indices = world, robots, indices
        self.select = as_slice(indices)
        animal = _animal(world.spec)
        self.body = animal.body
        model = world.model
        joints = np.array([[model.joint(robot_prefix(BODY) + name).id for name in part] for part in animal.parts])
        motors = {int(joint): motor for motor, joint in enumerate(model.actuator_trnid[:, 0])}
        self.actuators = np.array([[motors[joint] for joint in part] for part in joints])
        self.dofs = model.jnt_dofadr[joints]
        self._qpos = model.jnt_qposadr[joints]
        self.bodies = model.jnt_bodyid[joints]
        self.payload_bodies = self.bodies[:, 0]
        self.grip_geoms = rectangular([[] for _ in robots])
        self.grip_actuators = np.zeros((len(robots), 0), dtype=np.int64)
        roots = [model.joint(robot_prefix(BODY) + name) for name in animal.body.root]
        self._root_pos = np.concatenate([joint.qposadr[0] + np.arange(joint.qpos0.size) for joint in roots])
        self._root_vel = np.flatnonzero(np.isin(model.dof_jntid, [joint.id for joint in roots]))
        self._places, self._frames = world.batch.bind("xpos"), world.batch.bind("xmat")
        self._torso = model.body(robot_prefix(BODY) + "torso").id
        self._start = _start(model, animal)
        numbers = range(1, joints.shape[1] + 1)
        self.action_names = tuple(f"motor_{k}" for k in numbers)  # type: ignore[misc]
        self.proprio_names = (  # type: ignore[misc]
            *(f"joint_{k}" for k in numbers),
            *(f"joint_velocity_{k}" for k in numbers),
        )

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`; the first part brings the body."""
        if index == 0:
            child = mujoco.MjSpec.from_file(str(package_file(_animal(spec).body.file)))
            scene.nuser_geom = max(scene.nuser_geom, child.nuser_geom)
            _set_mass(child)
            child.option.integrator = scene.option.integrator
            # What the body moves in, and how high above its own floor it does, are the file's.
            scene.option.density, scene.option.viscosity = child.option.density, child.option.viscosity
            above = scene.worldbody.add_frame(pos=-child.geom("floor").pos)
            above.attach_body(child.body("torso"), robot_prefix(BODY), "")
            _follow(scene, _animal(spec).body.camera_m)

    def place(self, ids: np.ndarray) -> None:
        """See `RobotGroup.place`: all joints of a part start turned by the yaw of its spawn."""
        yaw = self.world.episodes.spawns[ids[:, None], self.indices, 2]
        self.world.qpos[ids] = self._start
        self.world.qpos[ids[:, None, None], self._qpos] += yaw[..., None]

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Torques as shares of the motors' largest."""
        self.world.ctrl[:, self.actuators] = dynamics[..., DRIVE_GAIN, None] * actions

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`."""
        positions, velocities = self.joints()
        return np.concatenate([positions, velocities / _VELOCITY_SCALE], axis=-1)

    def joints(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, r, a) turns of the joints in radians, and their rates."""
        return self.world.qpos[:, self._qpos], self.world.qvel[:, self.dofs]

    def positions(self) -> np.ndarray:
        """See `RobotGroup.positions`: where the torso is, for all parts."""
        return np.repeat(self._places[:, self._torso, None], len(self.indices), axis=1)

    def torso(self) -> np.ndarray:
        """(n, len(body.senses)): positions of the root's joints relative to their start, and their rates."""
        return np.concatenate([self.world.qpos[:, self._root_pos], self.world.qvel[:, self._root_vel]], axis=-1)

    def headings(self) -> np.ndarray:
        """(n,): yaw of the torso in radians, 0 towards the goal."""
        frame = self._frames[:, self._torso]
        return np.arctan2(frame[:, 3], frame[:, 0])


def _start(model: mujoco.MjModel, animal: Animal) -> np.ndarray:
    """Joint positions at the start, (nq,): the file's ``init_qpos``, or those that its bodies are drawn at."""
    start = model.qpos0.copy()
    for numeric in mujoco.MjSpec.from_file(str(package_file(animal.body.file))).numerics:
        if numeric.name == "init_qpos":
            first = int(model.joint(robot_prefix(BODY) + animal.body.root[0]).qposadr[0])
            start[first : first + len(numeric.data)] = numeric.data
    return start


def _follow(scene: mujoco.MjSpec, from_m: tuple[float, float, float]) -> None:
    """Let the scene's camera go along with the body: of a whole course it would see next to nothing."""
    scene.delete(scene.camera(VIEW))
    _, back, up = from_m
    scene.body(robot_prefix(BODY) + "torso").add_camera(
        name=VIEW, mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM, pos=from_m, xyaxes=[1, 0, 0, 0, up, -back]
    )


def _set_mass(child: mujoco.MjSpec) -> None:
    """Write the total mass, which the file asks its compiler for, into the geoms: attaching loses it."""
    total = child.compiler.settotalmass
    if total > 0.0:
        child.compiler.settotalmass = -1.0
        factor = total / child.copy().compile().body_subtreemass[0]
        for geom in child.geoms:
            geom.density *= factor


def package_file(name: str) -> Path:
    """A model of the installed Gymnasium.

    Raises:
        ValueError: if it is missing; one line.
    """
    found = find_spec("gymnasium")
    path = Path(str(found.origin if found else "")).parent / "envs" / "mujoco" / "assets" / name
    if not path.is_file():
        raise ValueError(f"kind: part needs {path}, which the installed gymnasium lacks")
    return path


def _animal(spec: TaskSpec) -> Animal:
    if spec.family not in ANIMALS:
        raise ValueError(f"kind: part cannot play {spec.family}; allowed: {', '.join(ANIMALS)}")
    animal = ANIMALS[spec.family]
    if len(spec.robots) != len(animal.parts):
        raise ValueError(f"kind: {len(spec.robots)} parts; {spec.family} has {len(animal.parts)}")
    return animal

"""Parts of one body, each a robot of its own: what MaMuJoCo makes of Gymnasium's animals."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.episodes import DRIVE_GAIN
from metabot_sim.robots.base import RobotGroup, as_slice, rectangular, robot_prefix

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

BODY = "body"
"""Its parts are named ``body/<part>`` in the scene."""
_VELOCITY_SCALE = 10.0


@dataclass(frozen=True)
class Animal:
    """A body and who moves which of its joints.

    Attributes:
        file: in Gymnasium's assets.
        parts: joints of each robot, in the order of MaMuJoCo.
    """

    file: str
    parts: tuple[tuple[str, ...], ...]


_BACK, _FRONT = ("bthigh", "bshin", "bfoot"), ("fthigh", "fshin", "ffoot")
ANIMALS = {
    "gymnasium:mamujoco/HalfCheetah-2x3-v1": Animal("half_cheetah.xml", (_BACK, _FRONT)),
    "gymnasium:mamujoco/HalfCheetah-6x1-v1": Animal("half_cheetah.xml", tuple((name,) for name in _BACK + _FRONT)),
}
"""By the name of the family they are moved in (Peng et al. 2021, "FACMAC", appendix)."""


class Part(RobotGroup):
    """Robots that share a body; each commands the motors of its own joints.

    The hidden drive gain multiplies a part's commands; damping and link mass are those of its joints
    and limbs.
    """

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`; a part has no base of its own, so that nothing of it is found from there."""
        self.world, self.robots, self.indices = world, robots, indices
        self.select = as_slice(indices)
        animal = _animal(world.spec)
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
        self._root = model.body(robot_prefix(BODY) + "torso").id
        roots = [model.joint(robot_prefix(BODY) + name) for name in ("rootx", "rootz", "rooty")]
        self._root_pos = np.array([int(joint.qposadr[0]) for joint in roots])
        self._root_vel = np.array([int(joint.dofadr[0]) for joint in roots])
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
            child = mujoco.MjSpec.from_file(str(package_file(_animal(spec).file)))
            scene.nuser_geom = max(scene.nuser_geom, child.nuser_geom)
            _set_mass(child)
            scene.worldbody.add_frame().attach_body(child.body("torso"), robot_prefix(BODY), "")

    def place(self, ids: np.ndarray) -> None:
        """See `RobotGroup.place`: all joints of a part start turned by the yaw of its spawn."""
        yaw = self.world.episodes.spawns[ids[:, None], self.indices, 2]
        self.world.qpos[ids[:, None, None], self._qpos] = yaw[..., None]

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Torques as shares of the motors' largest."""
        self.world.ctrl[:, self.actuators] = dynamics[..., DRIVE_GAIN, None] * actions

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`."""
        positions, velocities = self.world.qpos[:, self._qpos], self.world.qvel[:, self.dofs]
        return np.concatenate([positions, velocities / _VELOCITY_SCALE], axis=-1)

    def positions(self) -> np.ndarray:
        """See `RobotGroup.positions`: where the torso is, for all parts."""
        place = np.zeros((self.world.num_sims, len(self.indices), 3))
        place[..., 0], place[..., 2] = (self.world.qpos[:, self._root_pos[k], None] for k in (0, 1))
        return place

    def torso(self) -> np.ndarray:
        """(n, 6): x, height and pitch of the torso relative to its start, and their rates."""
        return np.concatenate([self.world.qpos[:, self._root_pos], self.world.qvel[:, self._root_vel]], axis=-1)


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

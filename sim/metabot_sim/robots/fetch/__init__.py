"""The Fetch arm of gymnasium-robotics: its model and meshes are read from the installed package."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.episodes import DRIVE_GAIN, STEER_BIAS
from metabot_sim.robots.base import RobotGroup, robot_prefix

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

STEP_M = 0.05
"""How far ahead of the hand a full command puts the point that the hand is pulled to."""
HOME_M = (0.65, 0.0, 0.15)
"""Where the fingertips start, in the base's frame above the table."""
TABLE_M = 0.4
"""Height of the table's top: the scene's floor is the table, the robot stands as far below it."""
FINGER_M = 0.05
"""How far a finger opens."""

_BASE, _HAND, _MOCAP, _GRIP = "robot0:base_link", "robot0:gripper_link", "robot0:mocap", "robot0:grip"
_FINGERS = ("robot0:l_gripper_finger_joint", "robot0:r_gripper_finger_joint")
_DOWN = np.array([1.0, 0.0, 1.0, 0.0])
"""The hand's quaternion when it points down (not normalised, as the package adds it)."""
_HARMLESS = ("base", "torso", "head", "estop", "laser", "bellows")
"""Bodies that reach below the table's top, which is everywhere here, or never touch anything."""
_UNSEEN = 4
_TABLE_FRICTION = 0.01
_SETTLE_STEPS = 1500


class Fetch(RobotGroup):
    """Fetch arms whose hand points down and is pulled along by a mocap body, as in gymnasium-robotics.

    A command is a step of the hand in the base's frame (x ahead, y left, z up) and a change of
    the fingers. Every control step the pulling point is put `STEP_M` times the command away from
    where the hand is.
    """

    action_names = ("dx", "dy", "dz", "grip")
    proprio_names = ("grip_x", "grip_y", "grip_z", "opening", "grip_velocity_x", "grip_velocity_y", "grip_velocity_z")

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        super().__init__(world, robots, indices)
        model = world.model
        prefixes = [robot_prefix(robot.name) for robot in robots]
        self._mocap = np.array([int(model.body(prefix + _MOCAP).mocapid[0]) for prefix in prefixes])
        self._mocap_pos, self._mocap_quat = world.batch.bind("mocap_pos"), world.batch.bind("mocap_quat")

        def sensor(name: str, size: int) -> np.ndarray:
            return np.array([int(model.sensor(prefix + name).adr[0]) for prefix in prefixes])[:, None] + np.arange(size)

        self._hand_pos, self._hand_quat = sensor("hand_pos", 3), sensor("hand_quat", 4)
        self._grip_pos, self._grip_vel = sensor("grip_pos", 3), sensor("grip_vel", 3)
        fingers = [[model.joint(prefix + name) for name in _FINGERS] for prefix in prefixes]
        self._finger_pos = np.array([[int(joint.qposadr[0]) for joint in pair] for pair in fingers])
        joints = [[j for j in range(model.njnt) if model.jnt_bodyid[j] in tree] for tree in self.bodies]
        self._qpos = model.jnt_qposadr[np.array(joints)]
        self._home, hand = _home()
        self._home_hand = np.array(hand)
        self._payload(model, prefixes)
        spawns = np.array([(robot.spawn.x, robot.spawn.y, robot.spawn.yaw) for robot in robots])
        self._base, yaw = spawns[:, :2], spawns[:, 2]
        self._cos, self._sin = np.cos(yaw), np.sin(yaw)
        half_cos, half_sin = np.cos(yaw / 2), np.sin(yaw / 2)
        # The base's yaw times the hand's attitude.
        self._down = np.stack([half_cos, -half_sin, half_cos, half_sin], axis=-1)
        self._closed = False

    def _payload(self, model: mujoco.MjModel, prefixes: list[str]) -> None:
        self.payload_bodies = np.array([model.body(prefix + _HAND).id for prefix in prefixes])

    @classmethod
    def base_body(cls, robot: RobotSpec) -> str:
        """See `RobotGroup.base_body`."""
        return _BASE

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`."""
        # The table is smooth: what slides on it does so by its own friction, while fingers grip with theirs.
        scene.geom("floor").friction[0] = _TABLE_FRICTION
        _attach(scene, robot_prefix(robot.name), robot.spawn.x, robot.spawn.y, robot.spawn.yaw)

    def hold_closed(self) -> None:
        """Ignore the last command and keep the fingers closed, as tasks without grasping want it."""
        self._closed = True

    def place(self, ids: np.ndarray) -> None:
        """See `RobotGroup.place`."""
        self.world.qpos[ids[:, None, None], self._qpos] = self._home
        hand = np.empty((len(self.indices), 3))
        hand[:, :2] = self._base + self._turned(self._home_hand[None, :2], 1.0)
        hand[:, 2] = self._home_hand[2]
        self._mocap_pos[ids[:, None], self._mocap] = hand
        self._mocap_quat[ids[:, None], self._mocap] = self._down

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Pull the hand; the translation is scaled by the drive gain and turned by the steer bias."""
        gain, bias = dynamics[..., DRIVE_GAIN, None], dynamics[..., STEER_BIAS]
        step = STEP_M * gain * actions[..., :3]
        cos, sin = np.cos(bias), np.sin(bias)
        x, y = cos * step[..., 0] - sin * step[..., 1], sin * step[..., 0] + cos * step[..., 1]
        sensed = self.world.sensordata
        target = sensed[:, self._hand_pos]
        target[..., 0] += self._cos * x - self._sin * y
        target[..., 1] += self._sin * x + self._cos * y
        target[..., 2] += step[..., 2]
        self._mocap_pos[:, self._mocap] = target
        quat = sensed[:, self._hand_quat] + self._down
        self._mocap_quat[:, self._mocap] = quat / np.sqrt(np.square(quat).sum(-1, keepdims=True))
        if self._closed:
            self.world.ctrl[:, self.actuators] = 0.0
        else:
            fingers = self.world.qpos[:, self._finger_pos]
            self.world.ctrl[:, self.actuators] = np.clip(fingers + actions[..., 3:4], 0.0, 0.2)

    def opening(self) -> np.ndarray:
        """(n, r): how far the fingers are open, in metres between them."""
        return self.world.qpos[:, self._finger_pos].sum(axis=-1)

    def velocities(self) -> np.ndarray:
        """(n, r, 3): of the fingertips in the world's frame, in m/s."""
        return self.world.sensordata[:, self._grip_vel]

    def into_base_frame(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors of the world in the frames of the bases, (n, r, 3)."""
        result = vectors.copy()
        result[..., :2] = self._turned(vectors[..., :2], -1.0)
        return result

    def _turned(self, vectors: np.ndarray, sense: float) -> np.ndarray:
        sin = sense * self._sin
        return np.stack(
            [
                self._cos * vectors[..., 0] - sin * vectors[..., 1],
                sin * vectors[..., 0] + self._cos * vectors[..., 1],
            ],
            axis=-1,
        )

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`."""
        seen = np.empty((self.world.num_sims, len(self.indices), 7))
        offset = self.positions()
        offset[..., :2] -= self._base
        seen[..., :3] = (self.into_base_frame(offset) - np.array(HOME_M)) / 0.2
        seen[..., 3] = self.opening() / (2.0 * FINGER_M)
        seen[..., 4:] = self.into_base_frame(self.velocities())
        return seen

    def positions(self) -> np.ndarray:
        """See `RobotGroup.positions`."""
        return self.world.sensordata[:, self._grip_pos]


def package_file(name: str) -> Path:
    """A file of the Fetch tasks of the installed gymnasium-robotics.

    Raises:
        ValueError: if the package or the file is missing; one line.
    """
    found = find_spec("gymnasium_robotics")
    if found is None or found.origin is None:
        raise ValueError("kind: fetch needs the package gymnasium-robotics, which is not installed")
    path = Path(found.origin).parent / "envs" / "assets" / "fetch" / name
    if not path.is_file():
        raise ValueError(f"kind: fetch needs {path}, which the installed gymnasium-robotics lacks")
    return path


def _attach(scene: mujoco.MjSpec, prefix: str, x: float, y: float, yaw: float) -> None:
    child = mujoco.MjSpec.from_file(str(package_file("pick_and_place.xml")))
    # The scene has its own; another one would be left out with a warning each time.
    child.option.timestep = scene.option.timestep
    base = child.body(_BASE)
    base.pos = [0.0, 0.0, 0.0]
    for geom in child.geoms:
        if geom.name and geom.name.removeprefix("robot0:").startswith(_HARMLESS):
            geom.contype = geom.conaffinity = 0
    for geom in child.body(_MOCAP).geoms:
        geom.group = _UNSEEN
    for texture in list(child.textures):
        if texture.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX:
            child.delete(texture)
    for name, kind, of, part in (
        ("hand_pos", mujoco.mjtSensor.mjSENS_FRAMEPOS, mujoco.mjtObj.mjOBJ_XBODY, _HAND),
        ("hand_quat", mujoco.mjtSensor.mjSENS_FRAMEQUAT, mujoco.mjtObj.mjOBJ_XBODY, _HAND),
        ("grip_pos", mujoco.mjtSensor.mjSENS_FRAMEPOS, mujoco.mjtObj.mjOBJ_SITE, _GRIP),
        ("grip_vel", mujoco.mjtSensor.mjSENS_FRAMELINVEL, mujoco.mjtObj.mjOBJ_SITE, _GRIP),
    ):
        child.add_sensor(name=name, type=kind, objtype=of, objname=part)
    for weld in child.equalities:
        # What the package writes into the compiled model: the hand is where the mocap body is.
        weld.data[:7] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    frame = scene.worldbody.add_frame(pos=[x, y, -TABLE_M], quat=[np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)])
    frame.attach_body(child.body(_MOCAP), prefix, "")
    frame.attach_body(base, prefix, "")


@cache
def _home() -> tuple[np.ndarray, tuple[float, float, float]]:
    """Joint positions, and the hand's place in the base's frame, with the fingertips at `HOME_M`."""
    scene = mujoco.MjSpec()
    scene.option.timestep = 0.002
    _attach(scene, "fetch/", 0.0, 0.0, 0.0)
    model = scene.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    hand, grip = model.body("fetch/" + _HAND).id, model.site("fetch/" + _GRIP).id
    # Pointing down, the fingertips are as far below the hand as they are ahead of it in its own frame.
    target = np.array([HOME_M[0], HOME_M[1], HOME_M[2] + float(model.site_pos[grip, 0])])
    data.mocap_quat[0] = _DOWN / np.linalg.norm(_DOWN)
    start = data.xpos[hand].copy()
    for step in range(_SETTLE_STEPS):
        data.mocap_pos[0] = start + (target - start) * min(1.0, 2.0 * step / _SETTLE_STEPS)
        mujoco.mj_step(model, data)
    mujoco.mj_forward(model, data)
    x, y, z = (float(value) for value in data.xpos[hand])
    return data.qpos.copy(), (x, y, z)

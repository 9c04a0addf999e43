"""Arms with grippers from users' files: an arm of theirs does what metabot's own does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task import RobotSpec
from metabot_sim.robots.arm import DAMPING, FINGERS, HOME_M, JOINTS, MAX_OPENING_M, PRESSED_N, Arm, kinematics
from metabot_sim.robots.arm.file import TABLE, ArmFile, load
from metabot_sim.robots.base import rectangular, robot_prefix

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

_SIX = 6
_BACK = 0.1
"""Share of the way home that joints to spare turn in a control step."""
METABOTS = ArmFile(
    base="base",
    joints=JOINTS,
    drives=JOINTS,
    gripper=FINGERS,
    grip="grip",
    finger_geoms=FINGERS,
    tip="tip",
    payload="payload",
    pads=FINGERS,
    home=tuple(kinematics.hand_down(*HOME_M, yaw=0.0).tolist()),
    rest=(MAX_OPENING_M / 4,) * 2,
    controls=tuple(np.linspace(0.0, MAX_OPENING_M / 2, TABLE).tolist()),
    widest_m=MAX_OPENING_M,
    shut_m=0.01,
    shuts=-1.0,
)
"""metabot's own arm, where it stands in one world with others."""


class OwnArms(Arm):
    """Arms of which at least one comes from a user's file; they may have different numbers of joints."""

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        self._files = [_file_of(robot) for robot in robots]
        super().__init__(world, robots, indices)

    @classmethod
    def base_body(cls, robot: RobotSpec) -> str:
        """See `RobotGroup.base_body`: as the file calls it."""
        return _file_of(robot).base

    def _find(self, model: mujoco.MjModel) -> None:
        """See `Arm`; arms of fewer joints repeat their first one, which then moves nothing."""
        files = self._files
        named = [(robot_prefix(robot.name), file) for robot, file in zip(self.robots, files, strict=True)]

        def ids(kind: str, part: str) -> list[list[int]]:
            find = getattr(model, kind)
            return [[find(prefix + name).id for name in getattr(file, part)] for prefix, file in named]

        def one(kind: str, part: str) -> np.ndarray:
            return np.array([getattr(model, kind)(prefix + getattr(file, part)).id for prefix, file in named])

        joints, gripper = ids("joint", "joints"), ids("joint", "gripper")
        longest = max(map(len, joints))
        self._spare = np.array([[number >= len(row) for number in range(longest)] for row in joints])
        self._joints, self._drives = rectangular(joints), rectangular(ids("actuator", "drives"))
        self._joint_pos, self._joint_vel = model.jnt_qposadr[self._joints], model.jnt_dofadr[self._joints]
        self._home = np.array([[*file.home, *file.home[:1] * (longest - len(file.home))] for file in files])
        everything = [[*arm, *hand] for arm, hand in zip(joints, gripper, strict=True)]
        self._all_pos = [model.jnt_qposadr[row] for row in everything]
        self._all_vel = [model.jnt_dofadr[row] for row in everything]
        self._starts = [np.array([*file.home, *file.rest]) for file in files]
        self.joint_names = [(*file.joints, *file.gripper) for file in files]
        self.fingers = [len(file.gripper) for file in files]
        self._tips, self._grip = one("site", "tip"), one("actuator", "grip")
        self._velocity = model.sensor_adr[one("sensor", "tip")][:, None] + np.arange(3)
        self._pads = model.sensor_adr[np.array(ids("sensor", "pads"))]
        self._marks = np.array(ids("site", "pads"))
        self.payload_bodies = one("body", "payload")
        self.grip_geoms = rectangular(ids("geom", "finger_geoms"))
        self.grip_actuators = self._grip[:, None]
        self._controls = np.array([file.controls for file in files])
        self._widest, self._shut_m, self._shuts = (
            np.array([getattr(file, part) for file in files]) for part in ("widest_m", "shut_m", "shuts")
        )

    def place(self, ids: np.ndarray) -> None:
        """See `Arm.place`."""
        for places, start in zip(self._all_pos, self._starts, strict=True):
            self.world.qpos[ids[:, None], places] = start
        self.world.ctrl[ids[:, None, None], self._drives] = self._home
        self.world.ctrl[ids[:, None], self._grip] = self._gripped(np.full((1, len(self.robots)), MAX_OPENING_M / 2))
        self._set_point[ids] = HOME_M
        self._set_yaw[ids] = 0.0

    def jacobian(self) -> np.ndarray:
        """See `Arm.jacobian`; (n, r, 6, joints of the longest arm)."""
        found = super().jacobian()
        return np.where(self._spare[:, None], 0.0, found) if self._spare.any() else found

    def _turned(self, error: np.ndarray) -> np.ndarray:
        """See `Arm`; what a joint at its end cannot do others do, and joints to spare turn back to where home is."""
        jacobian, now = self.jacobian(), self.world.qpos[:, self._joint_pos]
        change = kinematics.least_squares(jacobian, error, DAMPING)
        if jacobian.shape[-1] > _SIX:
            back = np.where(self._spare, 0.0, _BACK * (self._home - now))
            change = change + back - kinematics.least_squares(jacobian, _moved(jacobian, back), DAMPING)
        over = (now + change < self._low) | (now + change > self._high)
        if over.any():
            held = np.where(over, np.clip(now + change, self._low, self._high) - now, 0.0)
            free = np.where(over[..., None, :], 0.0, jacobian)
            left = error - _moved(jacobian, held)
            change = np.where(over, held, kinematics.least_squares(free, left, DAMPING))
        # A joint that stands for one that is not there does what it does itself.
        return np.where(self._spare, change[..., :1], change)

    def _gripped(self, openings: np.ndarray) -> np.ndarray:
        """See `Arm`: between what was measured when the file was read."""
        last = self._controls.shape[1] - 1
        place = np.clip(openings / self._widest, 0.0, 1.0) * last
        below = np.minimum(place.astype(np.int64), last - 1)
        rows = np.arange(len(self._controls))
        low, high = self._controls[rows, below], self._controls[rows, below + 1]
        return low + (place - below) * (high - low)

    def openings(self) -> np.ndarray:
        """See `Arm.openings`."""
        apart = np.diff(self._site_pos[:, self._marks], axis=2)[:, :, 0]
        return np.abs((apart * self._frames()[..., 1]).sum(-1)) - self._shut_m

    def pressed(self) -> np.ndarray:
        """See `Arm.pressed`."""
        if self._told_pressed is not None:
            return self._told_pressed
        felt = self.world.sensordata[:, self._pads].max(axis=-1) > PRESSED_N
        return felt & (self._forces[:, self._grip] * self._shuts > PRESSED_N)


def _moved(jacobian: np.ndarray, change: np.ndarray) -> np.ndarray:
    return np.asarray(np.matmul(jacobian, change[..., None])[..., 0])


def _file_of(robot: RobotSpec) -> ArmFile:
    return METABOTS if robot.mjcf is None else load(robot.mjcf)[1]

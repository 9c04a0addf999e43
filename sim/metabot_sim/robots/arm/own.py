"""Arms from users' files, with grippers and without: an arm of theirs does what metabot's own does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from metabot.task import RobotSpec
from metabot_sim.robots.arm import DAMPING, FINGERS, HOME_M, JOINTS, MAX_OPENING_M, PRESSED_N, Arm, kinematics
from metabot_sim.robots.arm.file import TABLE, ArmFile, load
from metabot_sim.robots.base import RobotGroup, rectangular, robot_prefix

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

    def _ids(self, model: mujoco.MjModel, kind: str, part: str) -> list[list[int]]:
        """Of each arm the numbers of some parts, by the name of the field that lists them."""
        find, named = getattr(model, kind), zip(self.robots, self._files, strict=True)
        return [[find(robot_prefix(robot.name) + name).id for name in getattr(file, part)] for robot, file in named]

    def _one(self, model: mujoco.MjModel, kind: str, part: str) -> np.ndarray:
        """Of each arm the number of one part, (r,)."""
        find, named = getattr(model, kind), zip(self.robots, self._files, strict=True)
        return np.array([find(robot_prefix(robot.name) + getattr(file, part)).id for robot, file in named])

    def _find(self, model: mujoco.MjModel) -> None:
        """See `Arm`; arms of fewer joints repeat their first one, which then moves nothing."""
        files = self._files
        joints, gripper = self._ids(model, "joint", "joints"), self._ids(model, "joint", "gripper")
        longest = max(map(len, joints))
        self._spare = np.array([[number >= len(row) for number in range(longest)] for row in joints])
        self._joints, self._drives = rectangular(joints), rectangular(self._ids(model, "actuator", "drives"))
        self._joint_pos, self._joint_vel = model.jnt_qposadr[self._joints], model.jnt_dofadr[self._joints]
        self._home = np.array([[*file.home, *file.home[:1] * (longest - len(file.home))] for file in files])
        everything = [[*arm, *hand] for arm, hand in zip(joints, gripper, strict=True)]
        self._all_pos = [model.jnt_qposadr[row] for row in everything]
        self._all_vel = [model.jnt_dofadr[row] for row in everything]
        self._starts = [np.array([*file.home, *file.rest]) for file in files]
        self.joint_names = [(*file.joints, *file.gripper) for file in files]
        self.fingers = [len(file.gripper) for file in files]
        self._tips = self._one(model, "site", "tip")
        self._velocity = model.sensor_adr[self._one(model, "sensor", "tip")][:, None] + np.arange(3)
        self.payload_bodies = self._one(model, "body", "payload")
        self._start_m = np.array([file.start_m for file in files])
        self._find_grippers(model)

    def _find_grippers(self, model: mujoco.MjModel) -> None:
        """Look up what grips."""
        files = self._files
        self._grip = self._one(model, "actuator", "grip")
        self._pads = model.sensor_adr[np.array(self._ids(model, "sensor", "pads"))]
        self._marks = np.array(self._ids(model, "site", "pads"))
        self.grip_geoms = rectangular(self._ids(model, "geom", "finger_geoms"))
        self.grip_actuators = self._grip[:, None]
        self._controls = np.array([file.controls for file in files])
        self._widest, self._shut_m, self._shuts = (
            np.array([getattr(file, part) for file in files]) for part in ("widest_m", "shut_m", "shuts")
        )

    def _ends(self, model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
        """See `Arm`; servos that are told anything go to the ends of their joints, if these have any."""
        low, high = super()._ends(model)
        told = model.actuator_ctrllimited[self._drives].astype(bool)
        stops = model.jnt_limited[self._joints].astype(bool)
        first, last = np.moveaxis(model.jnt_range[self._joints], -1, 0)
        return (
            np.where(told, low, np.where(stops, first, -np.inf)),
            np.where(told, high, np.where(stops, last, np.inf)),
        )

    def place(self, ids: np.ndarray) -> None:
        """See `Arm.place`."""
        for places, start in zip(self._all_pos, self._starts, strict=True):
            self.world.qpos[ids[:, None], places] = start
        self.world.ctrl[ids[:, None, None], self._drives] = self._home
        self._half_open(ids)
        self._set_point[ids] = self._start_m
        self._set_yaw[ids] = 0.0

    def _half_open(self, ids: np.ndarray) -> None:
        self.world.ctrl[ids[:, None], self._grip] = self._gripped(np.full((1, len(self.robots)), MAX_OPENING_M / 2))

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


class BareArms(OwnArms):
    """Arms without a gripper: nothing opens and nothing is felt, so that nobody commands or observes it."""

    action_names = OwnArms.action_names[:4]
    proprio_names = tuple(name for name in OwnArms.proprio_names if name not in ("opening", "pressed"))

    def _find_grippers(self, model: mujoco.MjModel) -> None:
        """See `OwnArms`: there are none."""

    def _half_open(self, ids: np.ndarray) -> None:
        """See `OwnArms`."""

    def _grasp(self, actions: np.ndarray) -> None:
        """See `Arm`."""

    def _feel(self, seen: np.ndarray) -> None:
        """See `Arm`."""

    def openings(self) -> np.ndarray:
        """There are none.

        Raises:
            NotImplementedError: whoever asks is told.
        """
        raise NotImplementedError("an arm without a gripper opens nothing")

    def pressed(self) -> np.ndarray:
        """See `Arm.pressed`: nowhere."""
        return np.zeros((self.world.num_sims, len(self.robots)), dtype=bool)


def has_gripper(robot: RobotSpec) -> bool:
    """Whether an arm can grasp.

    Raises:
        ValueError: if its file cannot be read; one line.
    """
    return robot.mjcf is None or bool(load(robot.mjcf)[1].grip)


def arms_of(world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> list[RobotGroup]:
    """Arms as groups: first those with a gripper, then those without; see `RobotGroup.of`."""
    grips = np.array([has_gripper(robot) for robot in robots])
    groups = []
    for mine, bare in ((grips, False), (~grips, True)):
        found = [robot for robot, wanted in zip(robots, mine, strict=True) if wanted]
        if found:
            kind = BareArms if bare else OwnArms if any(robot.mjcf for robot in found) else Arm
            groups.append(kind(world, found, indices[mine]))
    return list[RobotGroup](groups)


def _moved(jacobian: np.ndarray, change: np.ndarray) -> np.ndarray:
    return np.asarray(np.matmul(jacobian, change[..., None])[..., 0])


def _file_of(robot: RobotSpec) -> ArmFile:
    return METABOTS if robot.mjcf is None else load(robot.mjcf)[1]

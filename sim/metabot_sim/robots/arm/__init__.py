"""The six-joint arm with a parallel gripper: its geometry, its commands, what it senses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec
from metabot_sim.episodes import DRIVE_GAIN, FRAME_PITCH, FRAME_ROLL, STEER_BIAS, STEER_GAIN
from metabot_sim.frames import wrap
from metabot_sim.robots.arm import kinematics
from metabot_sim.robots.base import RobotGroup, robot_prefix, spawn_frame
from metabot_sim.robots.car import team_color

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

MJCF = Path(__file__).with_name("arm.xml")

JOINTS = ("waist", "shoulder", "elbow", "forearm_roll", "wrist", "tool")
FINGERS = ("finger_left", "finger_right")
STEP_M = 0.03
"""How far a full translation command moves the set point of a healthy arm in one control step."""
STEP_RAD = 0.15
"""How far a full rotation command turns it."""
LEASH_M, LEASH_RAD = 0.06, 0.35
"""How far the set point may run ahead of the hand."""
REACH_M = (0.20, 0.64)
"""Horizontal distance of the fingertips from the base's axis that a set point may have."""
HEIGHT_M = (0.012, 0.34)
"""Height of the fingertips above the floor that a set point may have."""
BEARING_RAD = 2.7
"""The fingertips stay within this angle of straight ahead: the waist does not go round."""
MAX_OPENING_M = 0.08
HOME_M = (0.30, 0.0, 0.24)
"""Fingertips at the start, in the base's frame."""
GRASP_DEPTH_M = (-0.025, 0.045)
"""What is held has its centre at most so far below and above the fingertips' centre."""
PRESSED_N = 0.3
"""Force from which on a pad feels something."""
_ALL_BITS = (1 << 17) - 1
DAMPING = 0.03
"""Of least squares over joints."""
_MAX_TURN_RAD = 0.6


class Arm(RobotGroup):
    """Arms that stand on the floor and grasp from above.

    A command moves a set point: the fingertips' place in the base's frame (x ahead, y left,
    z up) and the hand's yaw. The hand points down. Joint targets follow by damped least squares.
    """

    action_names: ClassVar[tuple[str, ...]] = ("dx", "dy", "dz", "dyaw", "grip")
    proprio_names: ClassVar[tuple[str, ...]] = (
        "tip_x",
        "tip_y",
        "tip_z",
        "yaw_cos",
        "yaw_sin",
        "opening",
        "pressed",
        "tip_velocity_x",
        "tip_velocity_y",
        "tip_velocity_z",
    )

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """See `RobotGroup`."""
        super().__init__(world, robots, indices)
        model = world.model
        self._find(model)
        self._low, self._high = self._ends(model)
        bind = world.batch.bind
        self._axes, self._anchors = bind("xaxis"), bind("xanchor")
        self._forces = bind("actuator_force")
        self._site_pos, self._site_mat = bind("site_xpos"), bind("site_xmat")
        self.bases = np.array([(robot.spawn.x, robot.spawn.y, robot.spawn.yaw) for robot in robots])
        """(r, 3) x, y in metres and yaw in radians of the bases; they stand still."""
        self._cos, self._sin = np.cos(self.bases[:, 2]), np.sin(self.bases[:, 2])
        shape = (world.num_sims, len(robots))
        self._set_point = np.tile(np.array(HOME_M), (*shape, 1))
        self._set_yaw = np.zeros(shape)
        self._told_pressed: np.ndarray | None = None

    @classmethod
    def of(cls, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> list[RobotGroup]:
        """See `RobotGroup.of`: arms of users' files act in a class of their own, those without a gripper in another."""
        from metabot_sim.robots.arm.own import arms_of

        return arms_of(world, robots, indices)

    def _find(self, model: mujoco.MjModel) -> None:
        """Look up the parts."""
        robots = self.robots

        def ids(kind: str, *names: str) -> np.ndarray:
            find = getattr(model, kind)
            return np.array([[find(robot_prefix(robot.name) + name).id for name in names] for robot in robots])

        self._joints, fingers = ids("joint", *JOINTS), ids("joint", *FINGERS)
        self._joint_pos, self._finger_pos = model.jnt_qposadr[self._joints], model.jnt_qposadr[fingers]
        self._joint_vel = model.jnt_dofadr[self._joints]
        self._tips = ids("site", "tip")[:, 0]
        self._pads = model.sensor_adr[ids("sensor", *FINGERS)]
        self._velocity = model.sensor_adr[ids("sensor", "tip")] + np.arange(3)
        self._drives, self._grip = self.actuators[:, :6], self.actuators[:, 6]
        self.payload_bodies = ids("body", "payload")[:, 0]
        self.grip_geoms = ids("geom", *FINGERS)
        self.grip_actuators = self._grip[:, None]
        self._home = kinematics.hand_down(*HOME_M, yaw=0.0)
        self._start_m = np.array(HOME_M)
        self._all_pos = list(np.concatenate([self._joint_pos, self._finger_pos], axis=1))
        self._all_vel = list(np.concatenate([self._joint_vel, model.jnt_dofadr[fingers]], axis=1))
        self.joint_names: list[tuple[str, ...]] = [(*JOINTS, *FINGERS)] * len(robots)
        """Of each arm, in the order of `put` and `joint_states`; its fingers come last."""
        self.fingers = [len(FINGERS)] * len(robots)
        """How many joints each arm's gripper has."""

    def _ends(self, model: mujoco.MjModel) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest positions that the servos are told, (r, joints) both."""
        low, high = np.moveaxis(model.actuator_ctrlrange[self._drives], -1, 0)
        return low, high

    def joint_states(self, robot: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions and velocities of one arm's joints, (n, k) both; radians or metres, and the same a second.

        Args:
            robot: its number among these.
        """
        return self.world.qpos[:, self._all_pos[robot]], self.world.qvel[:, self._all_vel[robot]]

    def put(self, robot: int, positions: np.ndarray, velocities: np.ndarray, pressed: bool) -> None:
        """Put an arm of the first simulation somewhere, and say what its fingers feel.

        Args:
            robot: its number among these.
            positions: (k,) in the order of its `joint_names`.
            velocities: (k,) of the same.
            pressed: see `Arm.pressed`; from now on nothing else says it.
        """
        world = self.world
        world.qpos[0, self._all_pos[robot]], world.qvel[0, self._all_vel[robot]] = positions, velocities
        if self._told_pressed is None:
            self._told_pressed = np.zeros((world.num_sims, len(self.robots)), dtype=bool)
        self._told_pressed[0, robot] = pressed

    @classmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """See `RobotGroup.attach`."""
        if robot.mjcf is not None:
            from metabot_sim.robots.arm.file import attach

            return attach(scene, robot, index)
        child = mujoco.MjSpec.from_file(str(MJCF))
        own_layer(child, index)
        for name in ("shoulder", "forearm_roll"):
            child.geom(name).rgba = team_color(robot, spec)
        frame = spawn_frame(scene, robot)
        frame.attach_body(child.body("base"), robot_prefix(robot.name), "")

    def place(self, ids: np.ndarray) -> None:
        """Fold the arms of the given simulations to their home pose, half open."""
        rows = ids[:, None, None]
        self.world.qpos[rows, self._joint_pos] = self._home
        self.world.qpos[rows, self._finger_pos] = MAX_OPENING_M / 4
        self.world.ctrl[rows, self._drives] = self._home
        self.world.ctrl[ids[:, None], self._grip] = MAX_OPENING_M / 4
        self._set_point[ids] = self._start_m
        self._set_yaw[ids] = 0.0

    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Move the set points and aim the joints at them; grip is the wanted opening, -1 shut, 1 wide."""
        tip, frame = self.positions(), self._frames()
        local = self.to_base(tip)
        yaw = np.arctan2(frame[..., 1, 0], frame[..., 0, 0]) - self.bases[:, 2]
        gain, bias = STEP_M * dynamics[..., DRIVE_GAIN], dynamics[..., STEER_BIAS]
        cos, sin = gain * np.cos(bias), gain * np.sin(bias)
        point = self._set_point
        dx, dy, dz = kinematics.tilt(actions[..., :3], dynamics[..., FRAME_ROLL], dynamics[..., FRAME_PITCH])
        point[..., 0] += cos * dx - sin * dy
        point[..., 1] += sin * dx + cos * dy
        point[..., 2] += gain * dz
        ahead = point - local
        length = np.sqrt(np.square(ahead).sum(-1))
        point[...] = local + ahead * np.minimum(1.0, LEASH_M / np.maximum(length, 1e-9))[..., None]
        _confine(point)
        turn = self._set_yaw + STEP_RAD * dynamics[..., STEER_GAIN] * actions[..., 3] - yaw
        turn = np.clip(wrap(turn), -LEASH_RAD, LEASH_RAD)
        self._set_yaw = yaw + turn
        error = np.concatenate(
            [self.from_base(point - local), kinematics.turn_to(frame, self._set_yaw + self.bases[:, 2])], axis=-1
        )
        change = self._turned(error)
        largest = np.abs(change).max(axis=-1, keepdims=True)
        change *= np.minimum(1.0, _MAX_TURN_RAD / np.maximum(largest, 1e-9))
        target = self.world.qpos[:, self._joint_pos] + change
        self.world.ctrl[:, self._drives] = np.clip(target, self._low, self._high)
        self._grasp(actions)

    def _grasp(self, actions: np.ndarray) -> None:
        """Tell the grippers what is wanted of them."""
        self.world.ctrl[:, self._grip] = self._gripped((1.0 + actions[..., 4]) * (MAX_OPENING_M / 2))

    def _turned(self, error: np.ndarray) -> np.ndarray:
        """How far joints have to turn to undo errors of hands, (n, r, joints), from (n, r, 6) metres and radians."""
        return kinematics.least_squares(self.jacobian(), error, DAMPING)

    def _gripped(self, openings: np.ndarray) -> np.ndarray:
        """What grippers are told for openings in metres, (n, r) both."""
        return openings / 2

    def jacobian(self) -> np.ndarray:
        """(n, r, 6, 6): velocity of the fingertips and the hand's angular velocity, world frame, by joint rates."""
        return kinematics.jacobian(self._axes[:, self._joints], self._anchors[:, self._joints], self.positions())

    def proprio(self) -> np.ndarray:
        """See `RobotGroup.proprio`: lengths in 0.5 m, speeds in m/s, in the base's frame."""
        tip = self.to_base(self.positions())
        frame = self._frames()
        cos, sin = frame[..., 0, 0], frame[..., 1, 0]
        seen = np.empty((*tip.shape[:2], len(self.proprio_names)))
        seen[..., :3] = tip / 0.5
        seen[..., 3] = cos * self._cos + sin * self._sin
        seen[..., 4] = sin * self._cos - cos * self._sin
        self._feel(seen)
        seen[..., -3:] = self.turn_to_base(self.world.sensordata[:, self._velocity])
        return seen

    def _feel(self, seen: np.ndarray) -> None:
        """Fill in what the grippers sense."""
        seen[..., 5] = self.openings() / MAX_OPENING_M
        seen[..., 6] = self.pressed()

    def positions(self) -> np.ndarray:
        """(n, r, 3) the point between the fingertips in metres, 1 cm above their ends."""
        return self._site_pos[:, self._tips]

    def yaws(self) -> np.ndarray:
        """(n, r) the hand's yaw in the world in radians; at 0 the fingers close along y."""
        frame = self._site_mat[:, self._tips]
        return np.arctan2(frame[..., 3], frame[..., 0])

    def set_points(self) -> np.ndarray:
        """(n, r, 3) where the fingertips are being sent, in each arm's base frame, in metres."""
        return self._set_point

    def set_yaws(self) -> np.ndarray:
        """(n, r) the yaw the hand is being turned to, in the world, in radians."""
        return self._set_yaw + self.bases[:, 2]

    def openings(self) -> np.ndarray:
        """(n, r) metres between the finger pads."""
        return self.world.qpos[:, self._finger_pos].sum(axis=-1)

    def pressed(self) -> np.ndarray:
        """(n, r) bool: whether the gripper squeezes something: it is being shut and a pad feels it."""
        if self._told_pressed is not None:
            return self._told_pressed
        # One pad is enough: in a jerk of the hand the other one may lose touch for an instant.
        felt = self.world.sensordata[:, self._pads].max(axis=-1) > PRESSED_N
        return felt & (self._forces[:, self._grip] < -PRESSED_N)

    def between_fingers(self, points: np.ndarray) -> np.ndarray:
        """Whether points lie between the fingers, (n, r, k) bool.

        Args:
            points: (n, r, k, 3) in metres, k for each arm.
        """
        offset = points - self.positions()[:, :, None]
        inside = (self._frames()[:, :, None] * offset[..., None]).sum(axis=-2)
        half = self.openings()[..., None] / 2
        return (
            (np.abs(inside[..., 0]) < 0.02)
            & (np.abs(inside[..., 1]) < half)
            & (inside[..., 2] > GRASP_DEPTH_M[0])
            & (inside[..., 2] < GRASP_DEPTH_M[1])
        )

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Whether things with these centres are held: between fingers that press, (n, r, k) bool.

        Args:
            points: (n, r, k, 3) in metres, k for each arm.
        """
        return self.between_fingers(points) & self.pressed()[..., None]

    def to_base(self, points: np.ndarray) -> np.ndarray:
        """Points of the world in each arm's base frame; (n, r, 3) or (n, r, k, 3)."""
        shift = np.zeros((len(self.bases), 3))
        shift[:, :2] = self.bases[:, :2]
        return self.turn_to_base(points - (shift if points.ndim == 3 else shift[:, None]))

    def turn_to_base(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors of the world in each arm's base frame; (n, r, 3) or (n, r, k, 3)."""
        return _turn(vectors, self._cos, -self._sin)

    def from_base(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors of each arm's base frame in the world; (n, r, 3) or (n, r, k, 3)."""
        return _turn(vectors, self._cos, self._sin)

    def _frames(self) -> np.ndarray:
        flat = self._site_mat[:, self._tips]
        return flat.reshape(*flat.shape[:2], 3, 3)


def own_layer(child: mujoco.MjSpec, index: int) -> None:
    """Let the solid parts of an arm touch all but each other.

    Args:
        child: the arm alone.
        index: its position among all robots.
    """
    own = 1 << (1 + index)
    for geom in child.geoms:
        if geom.contype or geom.conaffinity:
            # Bit 0 is what all else has: the floor, objects, cars.
            geom.contype, geom.conaffinity = own, _ALL_BITS & ~own


def _turn(vectors: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    if vectors.ndim == 4:
        cos, sin = cos[:, None], sin[:, None]
    turned = np.empty_like(vectors)
    turned[..., 0] = cos * vectors[..., 0] - sin * vectors[..., 1]
    turned[..., 1] = sin * vectors[..., 0] + cos * vectors[..., 1]
    turned[..., 2] = vectors[..., 2]
    return turned


def _confine(point: np.ndarray) -> None:
    """Keep set points, (..., 3) in the base's frame, within the workspace, in place."""
    radius = np.hypot(point[..., 0], point[..., 1])
    bearing = np.arctan2(point[..., 1], point[..., 0])
    out = (radius < REACH_M[0]) | (radius > REACH_M[1]) | (np.abs(bearing) > BEARING_RAD)
    if out.any():
        radius, bearing = np.clip(radius[out], *REACH_M), np.clip(bearing[out], -BEARING_RAD, BEARING_RAD)
        # Only those: to polar coordinates and back is not the identity to the last bit.
        point[out, 0], point[out, 1] = radius * np.cos(bearing), radius * np.sin(bearing)
    np.clip(point[..., 2], *HEIGHT_M, out=point[..., 2])

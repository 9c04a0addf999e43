"""What the simulator asks of a robot: `RobotGroup`, all robots of one kind in a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import mujoco
import numpy as np

from metabot.task import RobotSpec, TaskSpec

if TYPE_CHECKING:
    from metabot_sim.batch import BatchedWorld

VIEW = "overview"
"""The scene's camera: it sees all of the arena, or goes along where that would show too little."""


def robot_prefix(name: str) -> str:
    """Prefix of every MJCF name that belongs to a robot."""
    return f"{name}/"


def spawn_frame(scene: mujoco.MjSpec, robot: RobotSpec) -> mujoco.MjsFrame:
    """A new frame of a scene where a robot stands at first, looking along x."""
    half = robot.spawn.yaw / 2
    return scene.worldbody.add_frame(
        pos=[robot.spawn.x, robot.spawn.y, 0.0], quat=[np.cos(half), 0.0, 0.0, np.sin(half)]
    )


@dataclass(frozen=True)
class Tyres:
    """Actuators whose force is friction on the floor: a heavier robot grips better.

    Attributes:
        actuators: (r, k) ids.
        grip: (k,) largest force of each on a floor of nominal friction under the robot's nominal weight.
        motor: (k,) largest force that its motor gives, however good the grip.
    """

    actuators: np.ndarray
    grip: np.ndarray
    motor: np.ndarray


class RobotGroup(ABC):
    """Robots of one kind and interface in a batch of simulations, as arrays over (simulation, robot).

    A kind of robot is one subclass in a folder of its own, beside its MJCF file; what the
    file has to name stands in the subclass. Nothing in here may loop over simulations, and
    after the constructor nothing may loop over robots.

    Attributes:
        indices: (r,) positions of these robots among all robots of the scene.
        select: the same, a slice where they are consecutive: numpy then reads without copying.
        actuators: (r, u) ids of the actuators that commands drive.
        dofs: (r, v) degrees of freedom.
        bodies: (r, b) body ids, the base first.
        payload_bodies: (r,) the body a payload hangs on.
        grip_geoms: (r, g) geoms whose friction the `friction` dynamics scales.
        grip_actuators: (r, k) actuators whose force the `gripper` dynamics scales.
        tyres: where the robot's own weight and the `friction` dynamics limit actuators.
    """

    action_names: ClassVar[tuple[str, ...]]
    """Meaning of each command, all in [-1, 1]."""
    proprio_names: ClassVar[tuple[str, ...]]
    """Meaning of each number a robot senses about itself."""
    tyres: Tyres | None = None

    def __init__(self, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> None:
        """Find the robots' parts in the compiled model.

        Args:
            world: whose arrays are read and written.
            robots: the specs of these robots.
            indices: (r,) their positions among all robots.
        """
        self.world = world
        self.robots = robots
        self.indices = indices
        self.select = as_slice(indices)
        model = world.model
        roots = [model.body(robot_prefix(robot.name) + self.base_body(robot)).id for robot in robots]
        bodies = [subtree(model, root) for root in roots]
        self.bodies = rectangular(bodies)
        self.dofs = rectangular([[d for d in range(model.nv) if model.dof_bodyid[d] in tree] for tree in bodies])
        self.actuators = rectangular([[a for a in range(model.nu) if _moved_body(model, a) in tree] for tree in bodies])
        self.payload_bodies = self.bodies[:, 0]
        self.grip_geoms = np.zeros((len(robots), 0), dtype=np.int64)
        self.grip_actuators = np.zeros((len(robots), 0), dtype=np.int64)

    @classmethod
    def of(cls, world: BatchedWorld, robots: list[RobotSpec], indices: np.ndarray) -> list[RobotGroup]:
        """These robots as groups, one for each interface that they have; arguments as for the constructor."""
        return [cls(world, robots, indices)]

    @property
    def reaches(self) -> np.ndarray:
        """(r,) how far parts of the robots reach from their bases, in metres."""
        return np.array([robot.footprint_m for robot in self.robots])

    @classmethod
    def slowness(cls, robot: RobotSpec) -> float:
        """How many times as long a robot takes as one that tasks are made for."""
        return 1.0

    @classmethod
    def has_wheels(cls, robot: RobotSpec) -> bool:
        """Whether it rolls on wheels that can be weak, swapped or smooth."""
        return False

    @classmethod
    def base_body(cls, robot: RobotSpec) -> str:
        """Name of the robot's root body in its MJCF."""
        return "base"

    @classmethod
    @abstractmethod
    def attach(cls, scene: mujoco.MjSpec, robot: RobotSpec, spec: TaskSpec, index: int) -> None:
        """Add one robot to a scene under its prefix, at its spawn.

        Args:
            scene: the scene to add to.
            robot: which robot.
            spec: the whole task.
            index: the robot's position among all robots.
        """

    @abstractmethod
    def place(self, ids: np.ndarray) -> None:
        """Put the robots of the given simulations at the spawns of `world.episodes`, at rest."""

    @abstractmethod
    def command(self, actions: np.ndarray, dynamics: np.ndarray) -> None:
        """Turn commands into actuator targets under hidden dynamics.

        Args:
            actions: (n, r, len(action_names)), finite and clipped to [-1, 1].
            dynamics: (n, r, D), see `metabot_sim.episodes.ROBOT_DYNAMICS`.
        """

    @abstractmethod
    def proprio(self) -> np.ndarray:
        """What the robots sense about themselves, (n, r, len(proprio_names)), each of order one."""

    @abstractmethod
    def positions(self) -> np.ndarray:
        """(n, r, 3) where the robots do their work, in metres: a car's base, an arm's fingertips."""


def as_slice(indices: np.ndarray) -> slice | np.ndarray:
    """Consecutive numbers as a slice, others as they are."""
    first, count = int(indices[0]), len(indices)
    return slice(first, first + count) if np.array_equal(indices, first + np.arange(count)) else indices


def grid_view(array: np.ndarray, columns: np.ndarray) -> np.ndarray | None:
    """``array[:, columns]`` as a view, where the columns lie at regular distances; else None.

    Args:
        array: (n, k), live.
        columns: (r, c) whole numbers.
    """
    rows, width = columns.shape
    if not columns.size:
        return None
    down = int(columns[1, 0] - columns[0, 0]) if rows > 1 else 0
    across = int(columns[0, 1] - columns[0, 0]) if width > 1 else 0
    first = int(columns[0, 0])
    if not np.array_equal(columns, first + down * np.arange(rows)[:, None] + across * np.arange(width)):
        return None
    step = array.strides[1]
    return np.lib.stride_tricks.as_strided(
        array[:, first:], (len(array), rows, width), (array.strides[0], down * step, across * step)
    )


def rectangular(rows: list[list[int]]) -> np.ndarray:
    """Lists of ids as one array; where robots differ in size the short ones repeat their first id."""
    longest = max(len(row) for row in rows)
    return np.array([row + row[:1] * (longest - len(row)) for row in rows], dtype=np.int64)


def _moved_body(model: mujoco.MjModel, actuator: int) -> int:
    """The body that an actuator moves: by a joint, a site, a tendon (the first body on its way) or itself."""
    kind, target = mujoco.mjtTrn(int(model.actuator_trntype[actuator])), int(model.actuator_trnid[actuator, 0])
    if kind == mujoco.mjtTrn.mjTRN_TENDON:
        first = int(model.tendon_adr[target])
        along, target = mujoco.mjtWrap(int(model.wrap_type[first])), int(model.wrap_objid[first])
        return int((model.jnt_bodyid if along == mujoco.mjtWrap.mjWRAP_JOINT else model.site_bodyid)[target])
    if kind in (mujoco.mjtTrn.mjTRN_JOINT, mujoco.mjtTrn.mjTRN_JOINTINPARENT):
        return int(model.jnt_bodyid[target])
    if kind in (mujoco.mjtTrn.mjTRN_SITE, mujoco.mjtTrn.mjTRN_SLIDERCRANK):
        return int(model.site_bodyid[target])
    return target if kind == mujoco.mjtTrn.mjTRN_BODY else -1


def subtree(model: mujoco.MjModel, root: int) -> list[int]:
    """A body and all below it, by their ids."""
    tree = [root]
    for body in range(root + 1, model.nbody):
        if int(model.body_parentid[body]) in tree:
            tree.append(body)
    return tree

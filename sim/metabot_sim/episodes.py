"""`EpisodeBatch`: everything that differs between the simulations of one scene, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from metabot.task import OBJECT_DYNAMICS, WHOLE_DYNAMICS, RobotDynamics, TaskSpec
from metabot_sim.frames import wrap

ROBOT_DYNAMICS = tuple(RobotDynamics.model_fields)
"""Columns of `EpisodeBatch.robot_dynamics`."""

DRIVE_GAIN, STEER_GAIN, STEER_BIAS, PAYLOAD, FRICTION, LINK_MASS, DAMPING, GRIPPER, DELAY, NOISE, DEAD = range(11)
WHEEL_LEFT, WHEEL_RIGHT, WHEELS_SWAPPED, HEADING_OFFSET, ODOMETRY_SCALE, ODOMETRY_DRIFT = range(11, 17)
FRAME_ROLL, FRAME_PITCH, EYE_YAW, EYE_X, EYE_Y = range(17, 22)
"""Column numbers."""

NO_PAD = -1


@dataclass
class EpisodeBatch:
    """Start, goals and hidden dynamics of n episodes in scenes of R robots, Z pads and K objects.

    Attributes:
        spawns: (n, R, 3) x, y in metres and yaw in radians.
        pads: (n, Z, 2) centres of the pads in metres.
        targets: (n, R) which pad, or in families of objects which object, a robot is after; -1 none.
        objects: (n, K, 3) x, y, yaw at the start.
        object_targets: (n, K) pad each object belongs on; -1 none.
        robot_dynamics: (n, R, D), see `ROBOT_DYNAMICS`.
        object_dynamics: (n, K, 3), see `OBJECT_DYNAMICS`.
        pad_heights: (n, Z) of the pads above the floor in metres; 0 but for goals in the air.
    """

    spawns: np.ndarray
    pads: np.ndarray
    targets: np.ndarray
    objects: np.ndarray
    object_targets: np.ndarray
    robot_dynamics: np.ndarray
    object_dynamics: np.ndarray
    pad_heights: np.ndarray

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.spawns)

    @classmethod
    def of(cls, spec: TaskSpec, num: int) -> EpisodeBatch:
        """`num` times exactly what a specification says."""
        colors = [pad.color for pad in spec.pads]

        def rows(values: Sequence[object], *shape: int, dtype: type = np.float64) -> np.ndarray:
            array: np.ndarray = np.asarray(values, dtype=dtype).reshape(*shape)
            return np.broadcast_to(array, (num, *array.shape)).copy()

        robots, things = len(spec.robots), len(spec.objects)
        return cls(
            spawns=rows([(r.spawn.x, r.spawn.y, r.spawn.yaw) for r in spec.robots], robots, 3),
            pads=rows([(pad.x, pad.y) for pad in spec.pads], len(colors), 2),
            targets=rows([colors.index(r.goal) if r.goal else NO_PAD for r in spec.robots], robots, dtype=np.int64),
            objects=rows([(o.pose.x, o.pose.y, o.pose.yaw) for o in spec.objects], things, 3),
            object_targets=rows(
                [colors.index(o.goal) if o.goal else NO_PAD for o in spec.objects], things, dtype=np.int64
            ),
            robot_dynamics=rows([r.dynamics.as_tuple() for r in spec.robots], robots, len(ROBOT_DYNAMICS)),
            object_dynamics=rows([(o.mass_kg, 1.0, o.friction) for o in spec.objects], things, len(OBJECT_DYNAMICS)),
            pad_heights=rows([pad.z for pad in spec.pads], len(colors)),
        )

    def take(self, rows: np.ndarray) -> EpisodeBatch:
        """A copy of some of the episodes."""
        return EpisodeBatch(*(getattr(self, field.name)[rows] for field in fields(self)))

    def put(self, rows: np.ndarray, other: EpisodeBatch) -> None:
        """Overwrite some of the episodes, in place."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)

    def spec(self, template: TaskSpec, row: int) -> TaskSpec:
        """One episode written out as a specification.

        Args:
            template: the scene that the episodes belong to.
            row: which episode.
        """
        colors = [pad.color for pad in template.pads]

        def color(index: int) -> str | None:
            return colors[index] if 0 <= index < len(colors) else None

        def pose(values: np.ndarray) -> dict[str, float]:
            yaw = float(wrap(values[2]))
            return {"x": float(values[0]), "y": float(values[1]), "yaw": yaw}

        robots = [
            {
                **robot.model_dump(),
                "spawn": pose(self.spawns[row, i]),
                "goal": color(int(self.targets[row, i])) if robot.goal else None,
                "dynamics": named_dynamics(self.robot_dynamics[row, i]),
            }
            for i, robot in enumerate(template.robots)
        ]
        objects = [
            {
                **thing.model_dump(),
                "pose": pose(self.objects[row, k]),
                "goal": color(int(self.object_targets[row, k])),
                "mass_kg": float(self.object_dynamics[row, k, 0]),
                "size_m": thing.size_m * float(self.object_dynamics[row, k, 1]),
                "friction": float(self.object_dynamics[row, k, 2]),
            }
            for k, thing in enumerate(template.objects)
        ]
        pads = [
            {
                **pad.model_dump(),
                "x": float(self.pads[row, z, 0]),
                "y": float(self.pads[row, z, 1]),
                "z": float(self.pad_heights[row, z]),
            }
            for z, pad in enumerate(template.pads)
        ]
        return TaskSpec.parse({**template.model_dump(), "robots": robots, "objects": objects, "pads": pads})


def named_dynamics(values: np.ndarray) -> dict[str, float | int]:
    """A row of `EpisodeBatch.robot_dynamics`, (D,), by the names of the fields of `RobotDynamics`."""
    return {
        name: int(value) if name in WHOLE_DYNAMICS else float(value)
        for name, value in zip(ROBOT_DYNAMICS, values, strict=True)
    }

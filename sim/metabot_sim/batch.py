"""`BatchedWorld`: many simulations of one scene, all robots of each, as arrays."""

from __future__ import annotations

from itertools import combinations

import mujoco
import numpy as np
from mujoco.batch import Batch

from metabot.task import TaskSpec
from metabot_sim.robots import diffdrive
from metabot_sim.scene import TIMESTEP_S, compose, contact_sensor, robot_prefix


class BatchedWorld:
    """`num_sims` copies of a task's scene stepped together on `threads` threads.

    Every array has the simulations first and the robots second. Results do not depend on
    `threads`. Not for use from several Python threads at once.

    Attributes:
        model: the compiled scene.
        dynamics: (num_sims, robots, 3) hidden dynamics; write to change them between steps.
        goals: (num_sims, robots, 2) goal positions in metres; writable as well.
    """

    def __init__(self, spec: TaskSpec, num_sims: int = 1, *, threads: int = 1, walls: bool = True) -> None:
        """Compile the scene and allocate the simulations.

        Args:
            spec: the task; its control rate has to divide the simulation rate of 100 Hz.
            num_sims: number of simulations.
            threads: threads that step them.
            walls: whether the arena's walls are there.

        Raises:
            ValueError: if a control period is no whole number of simulation steps.
        """
        substeps = 1.0 / (spec.control_hz * TIMESTEP_S)
        if abs(substeps - round(substeps)) > 1e-9 or substeps < 1:
            raise ValueError(
                f"control_hz: {spec.control_hz} does not divide the simulation rate of {1 / TIMESTEP_S:.0f} Hz"
            )
        self.spec = spec
        self.num_sims = num_sims
        self.substeps = round(substeps)
        self.model = compose(spec, walls=walls)
        self._batch = Batch(self.model, num_sims, threads, persistent=True)
        self._qpos, self._qvel, self._ctrl = (self._batch.bind(name) for name in ("qpos", "qvel", "ctrl"))
        names = [robot.name for robot in spec.robots]
        roots = [self.model.joint(f"{robot_prefix(name)}root") for name in names]
        self._pos_index = np.array([joint.qposadr[0] for joint in roots])
        self._vel_index = np.array([joint.dofadr[0] for joint in roots])
        self._ctrl_index = np.array(
            [[self.model.actuator(robot_prefix(name) + wheel).id for wheel in diffdrive.ACTUATORS] for name in names]
        )
        self._sensors = self._batch.bind("sensordata") if len(names) > 1 else None
        pairs = list(combinations(range(len(names)), 2))
        self._pairs = np.zeros((len(pairs), len(names)), dtype=np.float64)
        """(pairs, robots): which robots a contact sensor speaks of."""
        for row, pair in enumerate(pairs):
            self._pairs[row, list(pair)] = 1.0
        self._pair_address = np.array(
            [self.model.sensor(contact_sensor(names[a], names[b])).adr[0] for a, b in pairs], dtype=np.int64
        )
        shape = (num_sims, len(names))
        self.dynamics = np.broadcast_to(
            np.array([robot.dynamics.as_tuple() for robot in spec.robots]), (*shape, 3)
        ).copy()
        self.goals = np.broadcast_to(np.array([(pad.x, pad.y) for pad in map(spec.pad_of, names)]), (*shape, 2)).copy()
        self.reset()

    @property
    def num_robots(self) -> int:
        """Robots in each simulation."""
        return len(self.spec.robots)

    def reset(self, ids: np.ndarray | None = None) -> None:
        """Put the robots of all (or the given) simulations back to their spawns, at rest."""
        self._batch.reset(ids)

    def step(self, commands: np.ndarray) -> None:
        """Advance every simulation by one control period.

        Args:
            commands: (num_sims, robots, 2) forward and turn commands in [-1, 1]; what is not finite counts as zero.
        """
        # A policy that diverged must not take the engine with it.
        commands = np.where(np.isfinite(commands), commands, 0.0)
        self._ctrl[:, self._ctrl_index] = diffdrive.wheel_speeds(commands, self.dynamics)
        # mjSTAGE_VEL keeps the contact sensors current; without it they lag a substep.
        self._batch.step(nstep=self.substeps, stage=mujoco.mjtStage.mjSTAGE_VEL)

    def poses(self) -> np.ndarray:
        """(num_sims, robots, 3): x, y in metres and yaw in radians, in the world frame."""
        position = self._qpos[:, self._pos_index[:, None] + np.arange(7)]
        w, x, y, z = np.moveaxis(position[..., 3:7], -1, 0)
        yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        return np.concatenate([position[..., :2], yaw[..., None]], axis=-1)

    def twists(self, poses: np.ndarray | None = None) -> np.ndarray:
        """(num_sims, robots, 2): forward speed in m/s and yaw rate in rad/s, robot frame."""
        yaw = (self.poses() if poses is None else poses)[..., 2]
        velocity = self._qvel[:, self._vel_index[:, None] + np.array([0, 1, 5])]
        forward = velocity[..., 0] * np.cos(yaw) + velocity[..., 1] * np.sin(yaw)
        return np.stack([forward, velocity[..., 2]], axis=-1)

    def distances(self, poses: np.ndarray | None = None) -> np.ndarray:
        """(num_sims, robots): metres from each robot's centre to its goal."""
        poses = self.poses() if poses is None else poses
        return np.linalg.norm(self.goals - poses[..., :2], axis=-1)

    def contacts(self) -> np.ndarray:
        """(num_sims, robots) bool: which robots touch another robot now."""
        if self._sensors is None:
            return np.zeros((self.num_sims, self.num_robots), dtype=bool)
        found = self._sensors[:, self._pair_address] > 0
        return (found @ self._pairs) > 0

    def data(self, sim: int = 0) -> mujoco.MjData:
        """The state of one simulation, for a renderer or a viewer."""
        return self._batch.get_data(sim)

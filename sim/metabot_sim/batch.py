"""`BatchedWorld`: many simulations of one scene, all robots of each, as arrays."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import mujoco
import numpy as np

from metabot.task import MAX_DELAY_STEPS, TaskSpec
from metabot_sim import episodes as ep
from metabot_sim.backends import Backend, make_engine
from metabot_sim.dynamics import ModelDynamics
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.frames import pairwise, yaws
from metabot_sim.odometry import Odometry
from metabot_sim.robots.base import RobotGroup
from metabot_sim.robots.car import CarGroup
from metabot_sim.robots.registry import ROBOTS
from metabot_sim.scene import PAD_HEIGHT_M, compose, object_height

_TOUCH_MARGIN_M = 0.05


class BatchedWorld:
    """`num_sims` copies of a task's scene stepped together on `threads` threads.

    Every array has the simulations first and the robots second. Results depend neither on
    `threads` nor on `num_sims`. Not for use from several Python threads at once.

    Attributes:
        model: the compiled scene.
        episodes: starts, goals and hidden dynamics of the simulations; takes effect at `reset`
            (gains, biases and dead actuators at once, delays too once `remember_commands` was called).
        groups: the robots, kind by kind; those of one kind that have other interfaces are groups of their own.
        odometry: what driving robots believe of their own motion.
        diverged: (num_sims,) bool, which simulations the last step lost; they stand at their start again.
        qpos, qvel, ctrl, sensordata: live arrays of the engine, (num_sims, ...).
    """

    def __init__(
        self,
        spec: TaskSpec,
        num_sims: int = 1,
        *,
        threads: int = 1,
        walls: bool = True,
        backend: Backend = "mujoco",
        simulation_hz: int | None = None,
    ) -> None:
        """Compile the scene and allocate the simulations.

        Args:
            spec: the task; its control rate has to divide its simulation rate.
            num_sims: number of simulations.
            threads: threads that step them.
            walls: whether the arena's walls are there.
            backend: which engine steps them, see `metabot_sim.backends.make_engine`.
            simulation_hz: physics steps per second; by default as many as the most demanding robot needs.

        Raises:
            ValueError: if a control period is no whole number of simulation steps, or there is no such backend.
        """
        rate = simulation_hz or spec.simulation_hz
        if rate % spec.control_hz:
            raise ValueError(f"control_hz: {spec.control_hz} does not divide the simulation rate of {rate} Hz")
        self.spec = spec
        self.num_sims = num_sims
        self.substeps = rate // spec.control_hz
        self.model = compose(spec, walls=walls, simulation_hz=rate)
        self.batch = make_engine(backend, self.model, num_sims, threads)
        self.qpos, self.qvel, self.ctrl = (self.batch.bind(name) for name in ("qpos", "qvel", "ctrl"))
        self._time = self.batch.bind("time")
        self.sensordata = self.batch.bind("sensordata") if self.model.nsensordata else np.zeros((num_sims, 0))
        self.episodes = EpisodeBatch.of(spec, num_sims)
        self.groups: list[RobotGroup] = []
        for kind, group in ROBOTS.items():
            indices = np.array([i for i, robot in enumerate(spec.robots) if robot.kind == kind], dtype=np.int64)
            if len(indices):
                self.groups += group.of(self, [spec.robots[i] for i in indices], indices)
        self.odometry = Odometry(self)
        self.action_sizes = self._action_sizes()
        self.diverged = np.zeros(num_sims, dtype=bool)
        self._all = np.arange(num_sims)
        self._rows = self._all[:, None]
        self._history = np.zeros((num_sims, 0, len(spec.robots), max(self.action_sizes)))
        self._tick = np.zeros(num_sims, dtype=np.int64)
        self._dynamics = ModelDynamics(self)
        objects = [self.model.joint(f"object:{thing.name}") for thing in spec.objects]
        self._object_pos = np.array([int(joint.qposadr[0]) for joint in objects], dtype=np.int64)[:, None] + np.arange(
            7
        )
        self._object_vel = np.array([int(joint.dofadr[0]) for joint in objects], dtype=np.int64)[:, None] + np.arange(6)
        self._object_heights = np.array([object_height(thing) for thing in spec.objects])
        self._pad_mocap = np.array(
            [int(self.model.body(f"pad:{pad.color}").mocapid[0]) for pad in spec.pads], dtype=np.int64
        )
        self._mocap = self.batch.bind("mocap_pos") if len(spec.pads) else None
        radii = np.empty(len(spec.robots))
        for each in self.groups:
            radii[each.indices] = each.reaches
        self._near = radii[:, None] + radii[None, :] + _TOUCH_MARGIN_M
        self.reset()

    def _action_sizes(self) -> list[int]:
        sizes = [0] * self.num_robots
        for group in self.groups:
            for index in group.indices:
                sizes[index] = len(group.action_names)
        return sizes

    @property
    def num_robots(self) -> int:
        """Robots in each simulation."""
        return len(self.spec.robots)

    @cached_property
    def cars(self) -> CarGroup:
        """The driving robots, where all of them are of one kind.

        Raises:
            ValueError: if the scene has none, or several kinds.
        """
        found = [group for group in self.groups if isinstance(group, CarGroup)]
        if len(found) != 1:
            raise ValueError(f"robots: {len(found)} kinds of driving robots; one is wanted here")
        return found[0]

    def group_of(self, robot: int) -> RobotGroup:
        """The robots among which a robot of that number is."""
        return next(group for group in self.groups if robot in group.indices)

    def group(self, kind: str) -> RobotGroup:
        """The robots of one kind; the first of its groups, where they have several interfaces.

        Raises:
            KeyError: if the scene has none.
        """
        for group in self.groups:
            if group.robots[0].kind == kind:
                return group
        raise KeyError(f"no robot of kind {kind!r}")

    def reset(self, ids: np.ndarray | None = None) -> None:
        """Start the episodes of all (or the given) simulations as `episodes` says, at rest."""
        ids = self._all if ids is None else np.asarray(ids)
        if not len(ids):
            return
        self.batch.reset(ids, stage=mujoco.mjtStage.mjSTAGE_NONE)
        self._dynamics.apply(ids)
        for group in self.groups:
            group.place(ids)
        if len(self._object_pos):
            self._place_objects(ids)
        if self._mocap is not None:
            self._mocap[ids[:, None], self._pad_mocap, :2] = self.episodes.pads[ids]
            self._mocap[ids[:, None], self._pad_mocap, 2] = PAD_HEIGHT_M + self.episodes.pad_heights[ids]
        self.batch.forward(ids, stage=mujoco.mjtStage.mjSTAGE_VEL)
        self.odometry.reset(ids)
        self._history[ids] = 0.0
        self._tick[ids] = 0
        # Delays are rare: their memory is made when the first one comes.
        if np.any(self.episodes.robot_dynamics[ids, :, ep.DELAY] > 0):
            self.remember_commands()

    def remember_commands(self) -> None:
        """Keep the newest commands from now on, so that a delay may be set in mid-episode."""
        if not self._history.shape[1]:
            self._history = np.zeros((self.num_sims, MAX_DELAY_STEPS + 1, *self._history.shape[2:]))

    def _place_objects(self, ids: np.ndarray) -> None:
        start = self.episodes.objects[ids]
        pose = np.zeros((*start.shape[:2], 7))
        pose[..., :2] = start[..., :2]
        pose[..., 2] = self._object_heights * self.episodes.object_dynamics[ids, :, 1]
        pose[..., 3], pose[..., 6] = np.cos(start[..., 2] / 2), np.sin(start[..., 2] / 2)
        self.qpos[ids[:, None, None], self._object_pos] = pose

    def step(self, commands: np.ndarray, running: np.ndarray | None = None) -> np.ndarray:
        """Advance every simulation by one control period.

        Args:
            commands: (num_sims, robots, actions) in [-1, 1], where robots of several kinds are
                together as wide as the widest; what is not finite counts as zero.
            running: (num_sims,) bool, the simulations that matter, all by default: the others may be
                left as they are, which saves their time.

        Returns:
            The commands as they were understood: finite and clipped.
        """
        # A policy that diverged must not take the engine with it.
        understood = commands = clean(commands)
        dynamics = self.episodes.robot_dynamics
        if self._history.shape[1]:
            commands = self._delayed(commands, dynamics[..., ep.DELAY].astype(np.int64))
        for group in self.groups:
            group.command(commands[:, group.select, : len(group.action_names)], dynamics[:, group.select])
        self._dynamics.apply_dead()
        # mjSTAGE_VEL keeps the sensors current; without it they lag a substep.
        before = self._time.copy()
        ids = None if running is None else np.flatnonzero(running)
        if ids is None or len(ids):
            self.batch.step(ids, nstep=self.substeps, stage=mujoco.mjtStage.mjSTAGE_VEL)
        self._tick += 1
        # The engine resets a simulation whose state is no longer finite, its clock too.
        # It then goes on stepping, so that less time has passed, not necessarily less than before.
        expected = before + (self.substeps - 0.5) * self.model.opt.timestep
        self.diverged = self._time.reshape(-1) < expected.reshape(-1)
        if running is not None:
            self.diverged &= running
        self.odometry.advance()
        if self.diverged.any():
            self.reset(np.flatnonzero(self.diverged))
        return understood

    def _delayed(self, commands: np.ndarray, delay: np.ndarray) -> np.ndarray:
        length = self._history.shape[1]
        self._history[self._all, self._tick % length] = commands
        slots = (self._tick[:, None] - delay) % length
        late = self._history[self._rows, slots, np.arange(self.num_robots)]
        return np.where((self._tick[:, None] >= delay)[..., None], late, 0.0)

    def poses(self, ids: np.ndarray | None = None) -> np.ndarray:
        """(num_sims, robots, 3): x, y in metres and yaw in radians of driving robots; of some simulations if asked."""
        return self.cars.poses(ids)

    def twists(self, poses: np.ndarray | None = None) -> np.ndarray:
        """(num_sims, robots, 2): forward speed in m/s and yaw rate in rad/s of driving robots."""
        return self.cars.twists(poses)

    def positions(self) -> np.ndarray:
        """(num_sims, robots, 3): where each robot does its work, see `RobotGroup.positions`."""
        if len(self.groups) == 1:
            return self.groups[0].positions()
        result = np.empty((self.num_sims, self.num_robots, 3))
        for group in self.groups:
            result[:, group.indices] = group.positions()
        return result

    @property
    def goals(self) -> np.ndarray:
        """(num_sims, robots, 2): centre of the pad each robot is sent to."""
        return cast(np.ndarray, self.episodes.pads[self._rows, self.episodes.targets])

    def distances(self, poses: np.ndarray | None = None) -> np.ndarray:
        """(num_sims, robots): metres from each driving robot's centre to its pad's."""
        offset = self.goals - (self.poses() if poses is None else poses)[..., :2]
        return np.hypot(offset[..., 0], offset[..., 1])

    def contacts(self, poses: np.ndarray | None = None) -> np.ndarray:
        """(num_sims, robots) bool: which driving robots touch another robot now."""
        return self.touching(self.cars, self.poses() if poses is None else poses)

    def touching(self, cars: CarGroup, poses: np.ndarray) -> np.ndarray:
        """(num_sims, r) bool: which robots of one kind touch another robot now.

        Args:
            cars: those robots.
            poses: (num_sims, robots, 3) of all robots.
        """
        bumped = cars.bumped()
        if self.num_robots == 1 or not bumped.any():
            return np.zeros_like(bumped)
        near = pairwise(poses) < self._near
        near[:, np.arange(self.num_robots), np.arange(self.num_robots)] = False
        return bumped & near[:, cars.indices].any(axis=-1)

    def power(self) -> np.ndarray:
        """(num_sims, robots): mechanical power that each robot's motors give, in W."""
        watts = np.abs(self.batch.bind("actuator_force") * self.batch.bind("actuator_velocity"))
        result = np.empty((self.num_sims, self.num_robots))
        for group in self.groups:
            result[:, group.indices] = watts[:, group.actuators].sum(axis=-1)
        return result

    def move_pad(self, pad: int, places: np.ndarray) -> None:
        """Draw a pad elsewhere than the episode has it, until the next reset.

        Args:
            pad: its number.
            places: (num_sims, 2) in metres.
        """
        if self._mocap is not None:
            self._mocap[:, self._pad_mocap[pad], :2] = places

    def show_pads(self, shown: np.ndarray) -> None:
        """Draw some of the pads and hide the others under the floor.

        Args:
            shown: (num_sims, pads) bool.
        """
        if self._mocap is not None:
            self._mocap[:, self._pad_mocap, 2] = np.where(shown, PAD_HEIGHT_M, -0.1)

    def put_object(self, number: int, pose: np.ndarray, velocity: np.ndarray) -> None:
        """Put an object of the first simulation somewhere: (7,) position and quaternion, (6,) velocities."""
        self.qpos[0, self._object_pos[number]], self.qvel[0, self._object_vel[number]] = pose, velocity

    def object_states(self) -> tuple[np.ndarray, np.ndarray]:
        """Poses, (num_sims, objects, 7), and velocities, (num_sims, objects, 6), as `put_object` takes them."""
        return self.qpos[:, self._object_pos], self.qvel[:, self._object_vel]

    def object_positions(self) -> np.ndarray:
        """(num_sims, objects, 3): centres of the objects in metres."""
        return self.qpos[:, self._object_pos[:, :3]]

    def object_yaws(self) -> np.ndarray:
        """(num_sims, objects): rotation about the vertical in radians."""
        return yaws(self.object_quaternions())

    def object_quaternions(self) -> np.ndarray:
        """(num_sims, objects, 4): orientations as unit quaternions, w first."""
        return self.qpos[:, self._object_pos[:, 3:]]

    def object_velocities(self) -> np.ndarray:
        """(num_sims, objects, 3): linear velocities in m/s."""
        return self.qvel[:, self._object_vel[:, :3]]

    def data(self, sim: int = 0) -> mujoco.MjData:
        """The state of one simulation, for a renderer or a viewer."""
        return self.batch.get_data(sim)


def clean(commands: np.ndarray) -> np.ndarray:
    """A copy with what is not finite as zero and the rest clipped to [-1, 1]."""
    result = np.where(np.isfinite(commands), commands, 0.0)
    return np.clip(result, -1.0, 1.0, out=result)

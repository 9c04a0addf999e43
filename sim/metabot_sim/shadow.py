"""A world that follows what sensors say: whoever drives a robot observes through it what training observed.

The rules of a family know how to observe a state; on a robot the state comes from its sensors and not from physics.
`Shadow` puts robots and objects where they are said to be and lets the same rules and robots look at them: training
and deployment have one author of observations, for every family and kind of robot.
"""

from __future__ import annotations

import mujoco
import numpy as np

from metabot.task import RobotDynamics, SpecError, TaskSpec
from metabot_sim.batch import clean
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.base import RobotGroup
from metabot_sim.robots.car import CarGroup

_ONE = np.zeros(1, dtype=np.int64)


class Shadow:
    """One task's scene, whose robots and objects are where they have been shown to be last.

    What is hidden from robots is healthy in it: it is what a robot takes itself for.

    Attributes:
        spec: the task.
        env: the scene; its physics is never stepped.
    """

    def __init__(self, spec: TaskSpec, *, told: bool = False) -> None:
        """Compile the scene; everything stands where the task has it.

        Args:
            spec: the task.
            told: whether it knows the hidden dynamics, as an expert does.

        Raises:
            SpecError: if the family cannot be played so, or a robot is of a kind that nobody senses; one line.
        """
        if not told:
            spec = spec.with_dynamics(RobotDynamics() for _ in spec.robots)
        self.spec = spec
        self.env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
        self._of: dict[str, tuple[RobotGroup, int]] = {}
        for group in self.env.world.groups:
            for number, robot in enumerate(group.robots):
                if not isinstance(group, CarGroup | Arm):
                    raise SpecError(f"robots.{robot.name}.kind: {robot.kind}; allowed: robots that drive, and arms")
                self._of[robot.name] = group, number
        self._things = {thing.name: number for number, thing in enumerate(spec.objects)}
        self._acted: np.ndarray | None = None
        self.reset()

    def reset(self) -> np.ndarray:
        """Begin an episode as the task has it; what everybody observes, as `look` says."""
        self._acted = None
        return self.env.reset(episodes=EpisodeBatch.of(self.spec, 1))[0]

    def begin(self) -> None:
        """Begin an episode where everything is shown to be by the next `look`."""
        self._acted = None

    def show_car(self, robot: str, pose: np.ndarray, velocity: np.ndarray) -> None:
        """Put a driving robot somewhere.

        Args:
            robot: its name.
            pose: (3,) x, y in metres and yaw in radians.
            velocity: (3,) ahead and to the left in m/s, yaw rate in rad/s, in its own frame.

        Raises:
            KeyError: if there is no such robot that drives.
        """
        group, number = self._of[robot]
        if not isinstance(group, CarGroup):
            raise KeyError(robot)
        cos, sin = np.cos(pose[2]), np.sin(pose[2])
        ahead, left, rate = velocity
        group.put(number, np.asarray(pose), np.array([cos * ahead - sin * left, sin * ahead + cos * left, rate]))

    def joints_of(self, arm: str) -> tuple[tuple[str, ...], int]:
        """Names of an arm's joints, in the order of `show_arm`, and how many of them, the last, its gripper has.

        Raises:
            KeyError: if there is no such arm.
        """
        group, number = self._of[arm]
        if not isinstance(group, Arm):
            raise KeyError(arm)
        return group.joint_names[number], group.fingers[number]

    def show_arm(self, robot: str, positions: np.ndarray, velocities: np.ndarray, pressed: bool) -> None:
        """Put an arm's joints somewhere.

        Args:
            robot: its name.
            positions: (k,) of its joints in radians and its gripper, in the order of `joints_of`.
            velocities: (k,) of the same.
            pressed: whether its fingers feel something between them.

        Raises:
            KeyError: if there is no such arm.
        """
        group, number = self._of[robot]
        if not isinstance(group, Arm):
            raise KeyError(robot)
        group.put(number, positions, velocities, pressed)

    def show_object(self, name: str, position: np.ndarray, quaternion: np.ndarray, velocity: np.ndarray) -> None:
        """Put an object somewhere.

        Args:
            name: of the object.
            position: (3,) of its centre in metres.
            quaternion: (4,) w first.
            velocity: (6,) in m/s in the world's frame, and in rad/s in its own.

        Raises:
            KeyError: if there is none of that name.
        """
        self.env.world.put_object(self._things[name], np.concatenate([position, quaternion]), velocity)

    def look(self) -> np.ndarray:
        """Let the rules take in what was shown since the last time.

        Returns:
            (R, widest observation) float32, as `FleetEnv.observe` has it for one simulation.
        """
        env = self.env
        env.world.batch.forward(_ONE, stage=mujoco.mjtStage.mjSTAGE_ACC)
        if self._acted is None:
            env.restart()
        else:
            env.judge(self._acted)
        return env.observe()[0]

    @property
    def success(self) -> np.ndarray:
        """Whether each robot has done its part by now, (R,) bool."""
        done = self.env.success[0]
        return done if self._acted is not None else np.zeros_like(done)

    def act(self, actions: np.ndarray) -> None:
        """Say what the robots are being told now; arms move their set points by it.

        Args:
            actions: (R, widest action) in [-1, 1].
        """
        world = self.env.world
        self._acted = clean(np.asarray(actions, dtype=np.float64)[None])
        dynamics = self.env.episodes.robot_dynamics
        for group in world.groups:
            group.command(self._acted[:, group.select, : len(group.action_names)], dynamics[:, group.select])

    def expert(self) -> np.ndarray:
        """What a robot that knows what the shadow was told would do now, (R, widest action)."""
        return self.env.expert()[0]

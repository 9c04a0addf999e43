"""The simulator node: one MuJoCo world for the whole fleet, any family by its own rules."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from metabot_interfaces import msg
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

from metabot.nodes import conversions as convert
from metabot.nodes.managed import ManagedNode, SetupError, run_node
from metabot.nodes.qos import latched, newest, reliable
from metabot.nodes.simulated import SimulatedArm, SimulatedCar, SimulatedObjects, SimulatedRobot, Snapshot
from metabot.nodes.ticker import Pace
from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.interface import robot_interface
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.car import CarGroup

STATUS_HZ = 10
_LONGEST_WAIT_S = 1.0
_HELD = 0.95
"""Share of its real-time factor that a world may fall short of and still keeps up."""
_RACE = 2
"""Control steps that a world which was held up makes up for, one right after the other."""


class SimulatorNode(ManagedNode):
    """Steps the world of the newest task at the task's own control rate and moves its robots by what they are told.

    Diagnostics say which real-time factor it holds, and warn where that is less than was asked for.
    A command older than `command_timeout_s` counts as zero: a robot whose policy died stops. An arm holds its
    gripper as it was told last.

    Parameters:
        real_time_factor (double, 1): simulated seconds per second.
        command_timeout_s (double, 0.5): age at which a command no longer counts.
        publish_clock (bool, true): publish /clock.

    Publishes:
        /clock (rosgraph_msgs/Clock), /world/status (WorldStatus), /objects/<object> (nav_msgs/Odometry);
        of every robot that drives /<robot>/odom (nav_msgs/Odometry), as its odometry has it believe,
        /<robot>/ground_truth (nav_msgs/Odometry), as it is, for those who watch, and
        /<robot>/neighbours (geometry_msgs/PoseArray), the other robots of the task in its order, as it sees them;
        of every robot /<robot>/reward (std_msgs/Float64), what its last command brought;
        of every arm /<robot>/joint_states (sensor_msgs/JointState), and its fingertips as ground_truth.

    Subscribes:
        /task (Task, latched), /<robot>/cmd_vel (geometry_msgs/Twist), and of arms /<robot>/servo
        (geometry_msgs/TwistStamped), a velocity of the fingertips in the base's frame, and of those with a gripper
        /<robot>/gripper (std_msgs/Float64), an opening in metres.

    Services:
        /world/reset (std_srvs/Trigger), /world/pause (std_srvs/SetBool),
        /world/step (std_srvs/Trigger): one control step of a paused world.
    """

    many_messages = True

    def __init__(self) -> None:
        """Declare parameters and topics."""
        super().__init__("simulator")
        self._factor: float = self.parameter("real_time_factor", 1.0, "simulated seconds per second")
        self._timeout_s: float = self.parameter("command_timeout_s", 0.5, "age at which a command no longer counts")
        self._with_clock: bool = self.parameter("publish_clock", True, "publish /clock")
        self._clock_out = self.create_publisher(Clock, "/clock", newest())
        self._status = self.create_publisher(msg.WorldStatus, "/world/status", reliable())
        self._lock = threading.Lock()
        self._env: FleetEnv | None = None
        self._robots: list[SimulatedRobot] = []
        self._objects: SimulatedObjects | None = None
        self._paused = False
        self._clock_s = 0.0
        self._pace, self._lags = Pace(), False
        self._thread: threading.Thread | None = None
        self.create_subscription(msg.Task, "/task", self._on_task, latched())
        self.create_service(Trigger, "/world/reset", self._on_reset)
        self.create_service(SetBool, "/world/pause", self._on_pause)
        self.create_service(Trigger, "/world/step", self._on_step)

    def setup(self) -> None:
        """Check the parameters."""
        if not self._factor > 0:
            raise SetupError(f"real_time_factor: {self._factor} is not positive")

    def begin(self) -> None:
        """Start stepping."""
        self._pace.restart()
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop stepping."""
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """The loaded task."""
        level, summary, _ = super().diagnose()
        if self._lags:
            level, summary = DiagnosticStatus.WARN, self._lag()
        return (
            level,
            summary,
            {
                "task": self._env.spec.digest if self._env else "none",
                "paused": self._paused,
                "real_time_factor": f"{self._pace.factor:.2f}",
            },
        )

    def _lag(self) -> str:
        return f"holds {self._pace.factor:.2g} simulated seconds per second; {self._factor:g} were asked for"

    # -- callbacks ------------------------------------------------------------------------

    def _on_task(self, message: msg.Task) -> None:
        try:
            spec = TaskSpec.parse(message.spec_json)
            env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
            kinds = [topics_of(env, index) for index in range(env.num_robots)]
        except (SpecError, ValueError) as problem:
            self.get_logger().error(f"task ignored: {problem}")
            return
        with self._lock:
            for robot in (*self._robots, self._objects):
                if robot is not None:
                    robot.close()
            self._env, self._digest = env, message.digest
            self._told = np.zeros((env.num_robots, env.max_action_size))
            self._told_at = np.full((env.num_robots, env.max_action_size), -np.inf)
            faces = [robot_interface(env, index) for index in range(env.num_robots)]
            # A gripper that nobody tells anything keeps what it holds.
            self._held = np.zeros(self._told.shape, dtype=bool)
            for index, face in enumerate(faces):
                self._held[index, : len(face.action)] = [name == convert.GRIP for name in face.action_names]
            self._robots = [
                topics(self, env.world, index, face, self._hear(index))
                for index, (topics, face) in enumerate(zip(kinds, faces, strict=True))
            ]
            self._objects = SimulatedObjects(self, env.world)
            self._restart(env)
        self.get_logger().info(f"{spec.family}: a world of {env.num_robots} robots, task {message.digest}")

    def _hear(self, index: int) -> Any:
        """Takes commands of one robot; those that are not finite are not heard."""
        env = self._env

        def told(part: slice, values: np.ndarray) -> None:
            with self._lock:
                if env is self._env and np.isfinite(values).all():
                    self._told[index, part], self._told_at[index, part] = values, time.monotonic()

        return told

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            if self._env is None:
                response.success, response.message = False, "no task has arrived yet"
            else:
                self._restart(self._env)
                response.success, response.message = True, "every robot is back at its spawn"
        return response

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._paused = request.data
        response.success, response.message = True, "paused" if request.data else "running"
        return response

    def _on_step(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            problem = "no task has arrived yet" if self._env is None else "" if self._paused else "the world is running"
            if self._env is not None and self._paused:
                self._advance(self._env)
        response.success, response.message = not problem, problem or "one control step"
        return response

    def _restart(self, env: FleetEnv) -> None:
        """Begin the task's one episode; what was commanded before is forgotten."""
        env.reset(episodes=EpisodeBatch.of(env.spec, 1))
        self._told[:] = 0.0
        self._told_at[:] = -np.inf
        self._ticks = 0
        self._reached = np.zeros(env.num_robots, dtype=bool)
        self._contacts = np.zeros(env.num_robots, dtype=np.int64)
        self._paid = np.zeros((len(env.reward.names), env.num_robots))

    # -- the world's own thread -----------------------------------------------------------

    def _run(self) -> None:
        due = time.monotonic()
        while self.active:
            try:
                with self._lock:
                    env = self._env
                    if env is not None and not self._paused:
                        self._advance(env)
            except Exception as problem:  # whatever it is: a thread that dies alone would leave a world that stands
                return self.fail(problem)
            self._keep_pace(env)
            period_s = 1.0 / ((env.spec.control_hz if env else STATUS_HZ) * self._factor)
            due += period_s
            delay = due - time.monotonic()
            if delay > 0:
                time.sleep(min(delay, _LONGEST_WAIT_S))
            else:
                due = max(due, time.monotonic() - _RACE * period_s)  # held up: nobody could answer a race

    def _keep_pace(self, env: FleetEnv | None) -> None:
        """Count a step; say so when the world begins to fall behind, and when it keeps up again."""
        if env is None or self._paused:
            return self._pace.restart()
        if not self._pace.step(1.0 / env.spec.control_hz):
            return
        lags = self._pace.factor < _HELD * self._factor
        if lags and not self._lags:
            self.get_logger().warning(f"{self._lag()}; fewer robots, another factor or more cores")
        elif self._lags and not lags:
            self.get_logger().info("keeps up again")
        self._lags = lags

    def _advance(self, env: FleetEnv) -> None:
        fresh = (time.monotonic() - self._told_at < self._timeout_s) | self._held
        world = env.world
        # Not the environment's own step: an episode that is decided, or out of time, goes on here.
        done = env.judge(world.step(np.where(fresh, self._told, 0.0)[None]))
        if world.diverged.any():
            env.rules.reset(np.flatnonzero(world.diverged))
        self._ticks += 1
        self._clock_s += 1.0 / env.spec.control_hz  # time goes on when the world is reset
        self._reached |= done.success[0]
        parts = env.reward.parts(done)[:, 0]
        self._paid += parts
        rewards = env.reward(done)[0]
        now = Snapshot.of(world)
        distances = self._measured(env, now)
        if self._with_clock:
            self._clock_out.publish(Clock(clock=Time(nanoseconds=round(self._clock_s * 1e9)).to_msg()))
        stamp = self.get_clock().now().to_msg()
        for robot, reward in zip(self._robots, rewards.tolist(), strict=True):
            robot.publish(now, stamp)
            robot.pay(reward)
        assert self._objects is not None
        self._objects.publish(stamp)
        if self._ticks % max(1, env.spec.control_hz // STATUS_HZ) == 0:
            self._status.publish(
                msg.WorldStatus(
                    stamp=stamp,
                    digest=self._digest,
                    time_s=self._ticks / env.spec.control_hz,
                    robots=[robot.name for robot in env.spec.robots],
                    reached=self._reached.tolist(),
                    distance_m=distances.tolist(),
                    contacts=self._contacts.tolist(),
                    reward_terms=list(env.reward.names),
                    reward_by_term=self._paid.T.ravel().tolist(),
                )
            )

    def _measured(self, env: FleetEnv, now: Snapshot) -> np.ndarray:
        """Metres to the pads of robots that are sent to one, NaN of others; counts contacts of those that drive."""
        distances = np.full(env.num_robots, np.nan)
        for group in env.world.groups:
            if isinstance(group, CarGroup):
                self._contacts[group.indices] += env.world.touching(group, now.poses[None])[0]
        sent = np.array([robot.goal is not None for robot in env.spec.robots])
        if sent.any():
            offset = env.world.goals[0] - now.poses[:, :2]
            distances[sent] = np.hypot(offset[sent, 0], offset[sent, 1])
        return distances


def topics_of(env: FleetEnv, index: int) -> type[SimulatedCar | SimulatedArm]:
    """Which topics a robot has.

    Raises:
        SpecError: if its kind has none; one line.
    """
    group = env.world.group_of(index)
    for kind, topics in ((CarGroup, SimulatedCar), (Arm, SimulatedArm)):
        if isinstance(group, kind):
            return topics
    robot = env.spec.robots[index]
    raise SpecError(f"robots.{robot.name}.kind: {robot.kind}; allowed: robots that drive, and arms")


def main() -> int:
    """Run the node."""
    return run_node(SimulatorNode)


if __name__ == "__main__":
    sys.exit(main())

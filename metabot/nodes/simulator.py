"""The simulator node: one MuJoCo world for the whole fleet."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, NamedTuple

import numpy as np
from geometry_msgs.msg import PoseArray, Twist
from metabot_interfaces import msg
from nav_msgs.msg import Odometry
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

from metabot.nodes import conversions as convert
from metabot.nodes.managed import ManagedNode, SetupError, run_node
from metabot.nodes.qos import latched, newest, reliable
from metabot.task import TaskSpec
from metabot.task.model import SpecError
from metabot_sim.batch import BatchedWorld
from metabot_sim.families.parking import Parking
from metabot_sim.robots.car import CarGroup
from metabot_sim.robots.registry import ROBOTS

STATUS_HZ = 10


class _RobotTopics(NamedTuple):
    """What is said to and heard of one robot."""

    odometry: Publisher
    truth: Publisher
    neighbours: Publisher
    command: Subscription


class SimulatorNode(ManagedNode):
    """Steps the world of the newest task and moves every robot by its ``cmd_vel``.

    A command older than `command_timeout_s` counts as zero: a robot whose policy died stops.

    Parameters:
        rate_hz (int, 50): steps per simulated second at which odometry is published.
        real_time_factor (double, 1): simulated seconds per second.
        command_timeout_s (double, 0.5): age at which a command no longer counts.
        publish_clock (bool, true): publish /clock.

    Publishes:
        /clock (rosgraph_msgs/Clock), /world/status (WorldStatus), and for every robot
        /<robot>/odom (nav_msgs/Odometry), as its odometry has it believe;
        /<robot>/ground_truth (nav_msgs/Odometry), as it is, for those who watch;
        /<robot>/neighbours (geometry_msgs/PoseArray), the other robots of the task in its order, as it sees them.

    Subscribes:
        /task (Task, latched), /<robot>/cmd_vel (geometry_msgs/Twist).

    Services:
        /world/reset (std_srvs/Trigger), /world/pause (std_srvs/SetBool).
    """

    def __init__(self) -> None:
        """Declare parameters and topics."""
        super().__init__("simulator")
        self._rate_hz: int = self.parameter("rate_hz", 50, "steps per simulated second")
        self._factor: float = self.parameter("real_time_factor", 1.0, "simulated seconds per second")
        self._timeout_s: float = self.parameter("command_timeout_s", 0.5, "age at which a command no longer counts")
        self._with_clock: bool = self.parameter("publish_clock", True, "publish /clock")
        self._clock_out = self.create_publisher(Clock, "/clock", newest())
        self._status = self.create_publisher(msg.WorldStatus, "/world/status", reliable())
        self._lock = threading.Lock()
        self._world: BatchedWorld | None = None
        self._commands = np.zeros((0, 2))
        self._command_times = np.zeros(0)
        self._robot_topics: list[_RobotTopics] = []
        self._paused = False
        self._clock_ticks = 0
        self._thread: threading.Thread | None = None
        self.create_subscription(msg.Task, "/task", self._on_task, latched())
        self.create_service(Trigger, "/world/reset", self._on_reset)
        self.create_service(SetBool, "/world/pause", self._on_pause)

    def setup(self) -> None:
        """Check the parameters."""
        if self._rate_hz < 1 or 100 % self._rate_hz:
            raise SetupError(f"rate_hz: {self._rate_hz} does not divide the simulation rate of 100 Hz")
        if not self._factor > 0:
            raise SetupError(f"real_time_factor: {self._factor} is not positive")

    def begin(self) -> None:
        """Start stepping."""
        self._thread = threading.Thread(target=self._run, name="world", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop stepping."""
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """The loaded task."""
        level, summary, _ = super().diagnose()
        return level, summary, {"task": self._world.spec.digest if self._world else "none", "paused": self._paused}

    # -- callbacks ------------------------------------------------------------------------

    def _on_task(self, message: msg.Task) -> None:
        try:
            asked = TaskSpec.parse(message.spec_json)
            _check_served(asked)
            spec = _at_once(asked).model_copy(update={"control_hz": self._rate_hz})
            world = BatchedWorld(spec)
        except (SpecError, ValueError) as problem:
            self.get_logger().error(f"task ignored: {problem}")
            return
        with self._lock:
            for topics in self._robot_topics:
                for publisher in (topics.odometry, topics.truth, topics.neighbours):
                    self.destroy_publisher(publisher)
                self.destroy_subscription(topics.command)
            limits = {
                int(index): (float(speed), float(rate))
                for group in world.groups
                if isinstance(group, CarGroup)
                for index, (speed, rate) in zip(group.indices, group.limits, strict=True)
            }
            self._robot_topics = [
                self._connect(index, robot.name, limits[index]) for index, robot in enumerate(spec.robots)
            ]
            self._world, self._digest = world, message.digest
            # In control steps of the task, which are not those of this node.
            late = [robot.dynamics.delay_steps / asked.control_hz for robot in asked.robots]
            self._late = np.rint(np.array(late) * self._rate_hz).astype(np.int64)
            self._commands = np.zeros((world.num_robots, 2))
            self._command_times = np.full(world.num_robots, -np.inf)
            self._restart(world)
        self.get_logger().info(f"world of {world.num_robots} robots, task {message.digest}")

    def _connect(self, index: int, robot: str, limits: tuple[float, float]) -> _RobotTopics:
        def on_command(message: Twist) -> None:
            command = convert.command_from_ros(message, *limits)
            with self._lock:
                if index < len(self._commands) and np.isfinite(command).all():
                    self._commands[index], self._command_times[index] = command, time.monotonic()

        return _RobotTopics(
            self.create_publisher(Odometry, f"/{robot}/odom", newest()),
            self.create_publisher(Odometry, f"/{robot}/ground_truth", newest()),
            self.create_publisher(PoseArray, f"/{robot}/neighbours", newest()),
            self.create_subscription(Twist, f"/{robot}/cmd_vel", on_command, newest()),
        )

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        with self._lock:
            if self._world is None:
                response.success, response.message = False, "no task has arrived yet"
            else:
                self._world.reset()
                self._restart(self._world)
                response.success, response.message = True, "every robot is back at its spawn"
        return response

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._paused = request.data
        response.success, response.message = True, "paused" if request.data else "running"
        return response

    def _restart(self, world: BatchedWorld) -> None:
        self._commands[:] = 0.0
        self._sent = np.zeros((int(self._late.max()) + 1, world.num_robots, 2))
        self._ticks = 0
        self._reached = np.zeros(world.num_robots, dtype=bool)
        self._parking = Parking(world)
        self._contacts = np.zeros(world.num_robots, dtype=np.int64)

    # -- the world's own thread -----------------------------------------------------------

    def _run(self) -> None:
        period = 1.0 / (self._rate_hz * self._factor)
        due = time.monotonic()
        while self.active:
            try:
                with self._lock:
                    if self._world is not None and not self._paused:
                        self._advance(self._world)
            except Exception as problem:  # whatever it is: a thread that dies alone would leave a world that stands
                return self.fail(problem)
            due += period
            delay = due - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            elif delay < -1.0:
                due = time.monotonic()  # the machine was held up; do not race to catch up

    def _advance(self, world: BatchedWorld) -> None:
        fresh = time.monotonic() - self._command_times < self._timeout_s
        self._sent[self._ticks % len(self._sent)] = np.where(fresh[:, None], self._commands, 0.0)
        heard = (self._ticks - self._late) % len(self._sent)
        commands = self._sent[heard, np.arange(world.num_robots)]
        world.step(np.where((self._ticks >= self._late)[:, None], commands, 0.0)[None])
        self._ticks += 1
        self._clock_ticks += 1  # time goes on when the world is reset
        poses = world.poses()
        distances = world.distances(poses)[0]
        # What a robot tells of itself is what its odometry has it believe; where it is, the world knows.
        driven = world.twists(poses)
        believed, counted = world.odometry.poses(poses), world.odometry.twists(world.cars, driven)
        self._reached |= self._parking((distances < world.spec.success.radius_m)[None], poses)[0]
        self._contacts += world.contacts()[0]
        if self._with_clock:
            now = Time(nanoseconds=round(self._clock_ticks / self._rate_hz * 1e9))
            self._clock_out.publish(Clock(clock=now.to_msg()))
        stamp = self.get_clock().now().to_msg()
        for index, (topics, robot) in enumerate(zip(self._robot_topics, world.spec.robots, strict=True)):
            pose, name = poses[0, index], robot.name
            topics.odometry.publish(convert.odometry_to_ros(believed[0, index], counted[0, index], name, stamp))
            topics.truth.publish(convert.odometry_to_ros(pose, driven[0, index], name, stamp))
            others = np.delete(poses[0], index, axis=0)
            topics.neighbours.publish(convert.neighbours_to_ros(pose, others, name, stamp))
        if self._ticks % max(1, self._rate_hz // STATUS_HZ) == 0:
            self._status.publish(
                msg.WorldStatus(
                    stamp=stamp,
                    digest=self._digest,
                    time_s=self._ticks / self._rate_hz,
                    robots=[robot.name for robot in world.spec.robots],
                    reached=self._reached.tolist(),
                    distance_m=distances.tolist(),
                    contacts=self._contacts.tolist(),
                )
            )


def _check_served(spec: TaskSpec) -> None:
    """Refuse a task that this node cannot play.

    Raises:
        SpecError: naming the robot; one line.
    """
    kinds = {robot.kind for robot in spec.robots}
    for robot in spec.robots:
        if not issubclass(ROBOTS[robot.kind], CarGroup):
            raise SpecError(f"robots.{robot.name}.kind: {robot.kind}; allowed: robots that drive")
        if robot.goal is None:
            raise SpecError(f"robots.{robot.name}.goal: none; allowed: the colour of a pad")
    if len(kinds) > 1:
        raise SpecError(f"robots: of {len(kinds)} kinds ({', '.join(sorted(kinds))}); allowed: of one")


def _at_once(spec: TaskSpec) -> TaskSpec:
    """The same task without delays: the node keeps commands back itself, for as long as the task's steps last."""
    robots = tuple(
        robot.model_copy(update={"dynamics": robot.dynamics.model_copy(update={"delay_steps": 0})})
        for robot in spec.robots
    )
    return spec.model_copy(update={"robots": robots})


def main() -> int:
    """Run the node."""
    return run_node(SimulatorNode)


if __name__ == "__main__":
    sys.exit(main())

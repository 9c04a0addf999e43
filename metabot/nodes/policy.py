"""The policy node: an ONNX policy drives one robot at control rate."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseArray, Twist
from metabot_interfaces import msg
from nav_msgs.msg import Odometry
from rclpy.subscription import Subscription
from std_srvs.srv import SetBool

from metabot.deploy.contract import PolicyFileError
from metabot.deploy.runtime import Memory, PolicySession, usable_providers
from metabot.deploy.safety import STOP, SafetyLimits, filter_command
from metabot.deploy.senses import CarSenses, missing, observed
from metabot.nodes import conversions as convert
from metabot.nodes.managed import ManagedNode, SetupError, run_node
from metabot.nodes.qos import latched, newest, reliable
from metabot.nodes.ticker import Ticker
from metabot.task import TaskSpec
from metabot.task.model import SpecError
from metabot_sim.families.driving import SHOWN_NEIGHBOURS
from metabot_sim.frames import in_frame

STATUS_PERIOD_S = 0.25
SWITCH_INTERVAL_S = 0.0002
_COMMANDS = ("forward", "turn")
_ANYWHERE = CarSenses(np.zeros(3), np.zeros(2), np.zeros(2), others=np.zeros((SHOWN_NEIGHBOURS, 2)))
"""What a robot could sense, wherever it is."""
ARRIVED_SHARE = 0.6
"""Share of the success radius within which the robot holds still."""


class PolicyNode(ManagedNode):
    """Drives one robot to its pad with the newest policy that its learner announced.

    A thread of its own ticks at control rate: newest odometry in, safe command out. A new
    policy is loaded beside the loop and takes over between two ticks. The robot stands until
    `engage` is called.

    Parameters:
        rate_hz (int, 20): control rate; a policy trained for another rate is refused.
        provider (string, "auto"): auto, cpu or cuda.
        policy_file (string, ""): an ONNX file to start with, without a learner.

    Publishes:
        cmd_vel (geometry_msgs/Twist), control_status (ControlStatus).

    Subscribes:
        odom (nav_msgs/Odometry), policy (PolicyFile, latched), /task (Task, latched),
        neighbours (geometry_msgs/PoseArray), the other robots of the task in its order, as this one sees them;
        /<other robot>/odom where the task forbids contact: what counts until neighbours are seen.

    Services:
        engage (std_srvs/SetBool): start or stop driving.
    """

    def __init__(self) -> None:
        """Declare parameters and topics. The robot's name is the node's namespace."""
        super().__init__("policy")
        self.robot = self.get_namespace().strip("/") or "robot_1"
        self._rate_hz: int = self.parameter("rate_hz", 20, "control rate")
        self._provider: str = self.parameter("provider", "auto", "auto, cpu or cuda")
        self._policy_file: str = self.parameter("policy_file", "", "an ONNX file to start with")
        self._limits = SafetyLimits()
        self._lock = threading.Lock()
        self._session: PolicySession | None = None
        self._spec: TaskSpec | None = None
        self._goal: np.ndarray | None = None
        self._start = np.zeros(2)
        self._odometry: tuple[np.ndarray, np.ndarray, float] | None = None
        self._others: dict[str, np.ndarray] = {}
        self._seen: tuple[dict[str, np.ndarray], float] | None = None
        self._other_topics: list[Subscription] = []
        self._memory: tuple[PolicySession, Memory] | None = None
        # Set by callbacks, taken by the loop: what a policy remembers is of one stretch of driving.
        self._forget = True
        self._carried_out = STOP
        self._engaged = False
        self._reached = False
        self._detail = "waiting for a policy"
        self._distance = float("nan")
        self._latencies: deque[float] = deque(maxlen=4096)
        self._ticker = Ticker(max(self._rate_hz, 1))
        self._thread: threading.Thread | None = None
        self._command = self.create_publisher(Twist, "cmd_vel", newest())
        self._status = self.create_publisher(msg.ControlStatus, "control_status", reliable())
        self.create_subscription(Odometry, "odom", self._on_odometry, newest())
        self.create_subscription(PoseArray, "neighbours", self._on_neighbours, newest())
        self.create_subscription(msg.PolicyFile, "policy", self._on_policy, latched())
        self.create_subscription(msg.Task, "/task", self._on_task, latched())
        self.create_service(SetBool, "engage", self._on_engage)
        self.create_timer(STATUS_PERIOD_S, self._publish_status)

    def setup(self) -> None:
        """Check the parameters and load the policy to start with."""
        if not 1 <= self._rate_hz <= 1000:
            raise SetupError(f"rate_hz: {self._rate_hz} is not between 1 and 1000")
        try:
            usable_providers(self._provider)
            if self._policy_file:
                self._session = self._load(Path(self._policy_file))
        except PolicyFileError as problem:
            raise SetupError(str(problem)) from None

    def begin(self) -> None:
        """Start the control loop."""
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop the robot and the loop."""
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Rate, missed deadlines, provider."""
        level, _, _ = super().diagnose()
        values = {"ticks": self._ticker.ticks, "missed_deadlines": self._ticker.missed, "engaged": self._engaged}
        return level, self._detail, values

    # -- callbacks: they only store -------------------------------------------------------

    def _on_odometry(self, message: Odometry) -> None:
        pose, twist = convert.odometry_from_ros(message)
        self._odometry = (pose, twist, time.monotonic())

    def _on_neighbours(self, message: PoseArray) -> None:
        if self._spec is None:
            return
        names = [robot.name for robot in self._spec.robots if robot.name != self.robot]
        if len(names) == len(message.poses):  # else it is of the task before
            ways = [np.array([pose.position.x, pose.position.y]) for pose in message.poses]
            self._seen = dict(zip(names, ways, strict=True)), time.monotonic()

    def _on_policy(self, message: msg.PolicyFile) -> None:
        try:
            session = self._load(Path(message.path))
            if message.sha256 and session.sha256 != message.sha256:
                raise PolicyFileError(f"{message.path}: changed since it was announced")
        except PolicyFileError as problem:
            self._detail = f"policy refused: {problem}"
            self.get_logger().error(self._detail)
            return
        self._session = session  # one assignment: the loop takes it at its next tick
        self.get_logger().info(f"policy {session.sha256[:8]} on {session.provider}")

    def _load(self, path: Path) -> PolicySession:
        session = PolicySession(path, self._provider)
        contract = session.contract
        unknown = missing(contract.robot.observation, _ANYWHERE)
        if unknown:
            known = ", ".join(dict.fromkeys(name for name, _ in _ANYWHERE.quantities()))
            raise PolicyFileError(f"{path}: observes {', '.join(unknown)}; this robot gives {known}")
        if contract.action != _COMMANDS:
            raise PolicyFileError(
                f"{path}: commands {', '.join(contract.action)}; this robot takes {', '.join(_COMMANDS)}"
            )
        if contract.reads_reward:
            raise PolicyFileError(f"{path}: reads rewards, which nobody tells this robot; allowed: policies without")
        if contract.control_hz != self._rate_hz:
            raise PolicyFileError(f"{path}: made for {contract.control_hz} Hz, this node runs at {self._rate_hz} Hz")
        return session

    def _on_task(self, message: msg.Task) -> None:
        try:
            spec = TaskSpec.parse(message.spec_json)
            pad = spec.pad_of(self.robot)
        except (SpecError, KeyError) as problem:
            self._goal, self._detail = None, f"no part in the task: {problem}"
            return
        spawn = spec.robot(self.robot).spawn
        self._spec, self._goal, self._reached = spec, np.array([pad.x, pad.y]), False
        self._forget = True
        self._start = np.array([spawn.x, spawn.y])
        self._watch_others(spec)

    def _watch_others(self, spec: TaskSpec) -> None:
        for topic in self._other_topics:
            self.destroy_subscription(topic)
        self._others, self._other_topics, self._seen = {}, [], None
        if spec.success.contact == "allowed":
            return
        for other in spec.robots:
            if other.name != self.robot:

                def on_other(message: Odometry, name: str = other.name) -> None:
                    pose, _ = convert.odometry_from_ros(message)
                    self._others = {**self._others, name: pose}

                self._other_topics.append(self.create_subscription(Odometry, f"/{other.name}/odom", on_other, newest()))

    def _on_engage(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        problem = ""
        if request.data:
            for missing, what in ((self._session, "policy"), (self._goal, "task"), (self._odometry, "odometry")):
                if missing is None:
                    problem = f"no {what} has arrived yet"
                    break
        if problem:
            response.success, response.message = False, problem
            return response
        self._engaged, self._reached, self._forget = bool(request.data), False, True
        self._detail = "driving" if request.data else "standing"
        response.success, response.message = True, self._detail
        return response

    def _publish_status(self) -> None:
        if not self.active:
            return
        latencies = np.array(self._latencies) * 1e6
        p50, p99 = np.percentile(latencies, [50, 99]) if latencies.size else (0.0, 0.0)
        self._status.publish(
            msg.ControlStatus(
                stamp=self.get_clock().now().to_msg(),
                robot=self.robot,
                engaged=self._engaged,
                reached=self._reached,
                detail=self._detail,
                rate_hz=float(self._rate_hz),
                ticks=self._ticker.ticks,
                missed_deadlines=self._ticker.missed,
                inference_p50_us=float(p50),
                inference_p99_us=float(p99),
                jitter_p99_ms=self._ticker.jitter_p99_ms(),
                distance_m=self._distance,
            )
        )

    # -- the control loop -----------------------------------------------------------------

    def _run(self) -> None:
        # Python hands its lock on after 5 ms by default: a tenth of a period spent waiting.
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        driving = False
        while self.active:
            if not self._engaged:
                if driving:
                    self._send(STOP)
                driving = False
                time.sleep(0.01)
                continue
            if not driving:
                self._ticker.restart()
                driving = True
            self._ticker.wait()
            try:
                self._tick()
            except Exception as problem:  # whatever it is: the robot must not go on by its last command
                self._engaged, self._forget = False, True
                self._detail = f"stopped, {type(problem).__name__}: {problem}".splitlines()[0]
                self.get_logger().error("".join(traceback.format_exception(problem)).rstrip())
        self._send(STOP)

    def _tick(self) -> None:
        session, goal, spec = self._session, self._goal, self._spec
        if session is None or goal is None or spec is None or self._odometry is None:
            return self._send(STOP)
        pose, twist, stamp = self._odometry
        self._distance = float(np.hypot(*(goal - pose[:2])))
        # Where it has to stand still for a while the policy itself has learned to; and by an odometry
        # that is wrong a robot would stop where it only believes to be.
        if not spec.success.hold_s and self._distance < spec.success.radius_m * ARRIVED_SHARE:
            self._reached, self._detail = True, "on its pad"
            return self._send(STOP)
        if self._seen is not None:
            ways, seen_at = self._seen
        else:
            # Poses of several odometries go together only where all of them start from one map.
            ways, seen_at = {name: other[:2] - pose[:2] for name, other in self._others.items()}, stamp
        others = np.array([*ways.values()]).reshape(-1, 2)
        if self._seen is None and len(others):
            others = in_frame(np.array([0.0, 0.0, pose[2]]), others)
        terms, senses = session.contract.robot.observation, CarSenses(pose, twist, goal, self._start, others)
        unknown = missing(terms, senses)
        if unknown:
            self._detail, self._forget = f"not observed: {', '.join(unknown)}", True
            return self._send(STOP)
        observation = observed(terms, senses)[None]
        known, forget, self._forget = self._memory, self._forget, False
        # A policy that has just arrived remembers nothing of what another one did.
        memory = session.begin() if forget or known is None or known[0] is not session else known[1]
        started = time.perf_counter()
        actions, memory = session.step(observation, memory, carried_out=self._carried_out[None])
        action = actions[0]
        self._latencies.append(time.perf_counter() - started)
        if spec.success.contact == "allowed":
            # Nobody has to be kept clear of; what is observed of others has to be fresh all the same.
            ways = {}
            seen_at = seen_at if any(term.name.startswith("neighbour") for term in terms) else stamp
        age = time.monotonic() - min(stamp, seen_at)
        safe = filter_command(action, age, ways, self.robot, self._limits)
        self._memory, self._carried_out = (session, memory), safe.command
        if not (age <= self._limits.stale_s and np.isfinite(action).all()):
            self._forget = True
        self._detail = safe.reason or "driving"
        self._send(safe.command)

    def _send(self, command: np.ndarray) -> None:
        session = self._session
        # Before the first policy nothing but a stop is sent, which is one in any unit.
        scales = (1.0, 1.0) if session is None else (term.scale for term in session.contract.robot.action)
        self._command.publish(convert.command_to_ros(command, *scales))


def main() -> int:
    """Run the node."""
    return run_node(PolicyNode)


if __name__ == "__main__":
    sys.exit(main())

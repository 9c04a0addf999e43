"""The policy node: an ONNX policy drives one robot at control rate."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseArray, Twist, TwistStamped
from metabot_interfaces import msg
from nav_msgs.msg import Odometry
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from std_srvs.srv import SetBool

from metabot.deploy.contract import PolicyContract, PolicyFileError
from metabot.deploy.runtime import Memory, PolicySession, usable_providers
from metabot.deploy.safety import STOP, Filtered, SafetyLimits, filter_command
from metabot.deploy.senses import Senses
from metabot.nodes import conversions as convert
from metabot.nodes.managed import ManagedNode, SetupError, run_node
from metabot.nodes.qos import latched, newest, reliable
from metabot.nodes.ticker import Ticker
from metabot.task import TaskSpec
from metabot.task.model import SpecError

STATUS_PERIOD_S = 0.25
SWITCH_INTERVAL_S = 0.0002
ARRIVED_SHARE = 0.6
"""Share of the success radius within which the robot holds still."""


class PolicyNode(ManagedNode):
    """Drives one robot through its task with the newest policy that its learner announced.

    A thread of its own ticks at control rate: newest senses in, safe command out. A new policy is loaded
    beside the loop and takes over between two ticks. The robot stands until `engage` is called.

    Parameters:
        rate_hz (int, 20): control rate; a policy trained for another rate is refused.
        provider (string, "auto"): auto, cpu or cuda.
        policy_file (string, ""): an ONNX file to start with, without a learner.

    Publishes:
        control_status (ControlStatus); of a robot that drives cmd_vel (geometry_msgs/Twist), of an arm
        servo (geometry_msgs/TwistStamped), a velocity of its fingertips, and gripper (std_msgs/Float64), an opening,
        if it has one.

    Subscribes:
        policy (PolicyFile, latched), /task (Task, latched); of a robot that drives odom (nav_msgs/Odometry) and
        neighbours (geometry_msgs/PoseArray), the other robots of the task in its order, as this one sees them;
        reward (std_msgs/Float64), what its last command brought, for policies that read it;
        /<other robot>/odom where the task forbids contact: what counts until neighbours are seen;
        /<arm>/joint_states (sensor_msgs/JointState) of all arms of the task,
        /objects/<object> (nav_msgs/Odometry) of all its objects.

    Services:
        engage (std_srvs/SetBool): start or stop driving.
    """

    many_messages = True

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
        self._early: PolicySession | None = None
        """Refused in the task before; the next one may want it."""
        self._senses: Senses | None = None
        self._spec: TaskSpec | None = None
        self._goal: np.ndarray | None = None
        self._inbox: dict[str, tuple[Any, float]] = {}
        self._odometry: tuple[np.ndarray, float] | None = None
        self._others: dict[str, np.ndarray] = {}
        self._seen: tuple[dict[str, np.ndarray], float] | None = None
        self._task_topics: list[Subscription] = []
        self._servo: Publisher | None = None
        self._gripper: Publisher | None = None
        self._paid: tuple[float, float] | None = None
        self._memory: tuple[PolicySession, Memory] | None = None
        # Set by callbacks, taken by the loop: what a policy remembers is of one stretch of driving.
        self._forget = True
        self._judged: tuple[PolicySession, Senses] | None = None
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
        self.create_subscription(Float64, "reward", self._on_reward, newest())
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
                self._session = self._load(Path(self._policy_file), self._policy_file)
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
        motion, now = convert.motion_from_ros(message), time.monotonic()
        self._odometry = (motion[0], now)
        self._put("odometry", motion, now)

    def _on_neighbours(self, message: PoseArray) -> None:
        if self._spec is None:
            return
        names = [robot.name for robot in self._spec.robots if robot.name != self.robot]
        if len(names) == len(message.poses):  # else it is of the task before
            seen, now = convert.neighbours_from_ros(message), time.monotonic()
            self._seen = dict(zip(names, seen[:, :2], strict=True)), now
            self._put("neighbours", seen, now)

    def _on_reward(self, message: Float64) -> None:
        self._paid = message.data, time.monotonic()

    def _unpaid(self, contract: PolicyContract, now: float) -> list[str]:
        """What is the matter where a policy reads rewards and nobody says them."""
        if not contract.reads_reward:
            return []
        if self._paid is None:
            return ["no reward has arrived yet, which its policy reads"]
        age = now - self._paid[1]
        return [f"no reward for {age:.1f} s, which its policy reads"] if age > self._limits.stale_s else []

    def _put(self, source: str, value: Any, now: float) -> None:
        """Keep what a sensor said last for the loop, which alone touches the senses."""
        with self._lock:
            self._inbox[source] = value, now

    def _on_policy(self, message: msg.PolicyFile) -> None:
        try:
            session = self._load(convert.policy_from_ros(message), message.name or "policy")
        except ValueError as problem:
            self._detail = f"policy refused: {problem}"
            self.get_logger().error(self._detail)
            return
        refused = self._senses.refused(session.contract) if self._senses is not None else ""
        if refused:
            # It may be for the task that comes next: policies and tasks arrive in any order.
            self._early, self._detail = session, f"policy refused: {refused}"
            self.get_logger().error(self._detail)
            return
        self._early = None
        self._session = session  # one assignment: the loop takes it at its next tick
        self.get_logger().info(f"policy {session.sha256[:8]} on {session.provider}")

    def _load(self, source: Path | bytes, name: str) -> PolicySession:
        session = PolicySession(source, self._provider)
        contract = session.contract
        if contract.control_hz != self._rate_hz:
            raise PolicyFileError(f"{name}: made for {contract.control_hz} Hz, this node runs at {self._rate_hz} Hz")
        return session

    def _on_task(self, message: msg.Task) -> None:
        try:
            spec = TaskSpec.parse(message.spec_json)
            senses = Senses(spec, self.robot)
        except (SpecError, KeyError, ValueError) as problem:
            self._senses, self._goal, self._detail = None, None, f"no part in the task: {problem}"
            return
        goal = spec.robot(self.robot).goal
        pad = spec.pad_of(self.robot) if goal is not None else None
        self._goal = None if pad is None else np.array([pad.x, pad.y])
        with self._lock:
            self._inbox = {}
        self._spec, self._reached, self._forget = spec, False, True
        self._follow(spec, senses)
        if self._early is not None and not senses.refused(self._early.contract):
            self._session, self._early = self._early, None
        self._senses = senses

    def _follow(self, spec: TaskSpec, senses: Senses) -> None:
        """Listen to what the task has beside this robot."""
        for topic in self._task_topics:
            self.destroy_subscription(topic)
        self._others, self._task_topics, self._seen = {}, [], None

        def hear(kind: type, topic: str, callback: Callable[[Any], None]) -> None:
            self._task_topics.append(self.create_subscription(kind, topic, callback, newest()))

        for arm in senses.arms:
            hear(JointState, f"/{arm}/joint_states", partial(self._on_joints, arm, *senses.shadow.joints_of(arm)))
        for thing in spec.objects:
            hear(Odometry, f"/objects/{thing.name}", partial(self._on_object, thing.name))
        if not senses.drives and self._servo is None:
            self._servo = self.create_publisher(TwistStamped, "servo", newest())
        if convert.GRIP in senses.interface.action_names and self._gripper is None:
            self._gripper = self.create_publisher(Float64, "gripper", newest())
        for car in senses.cars if not senses.drives else ():
            hear(Odometry, f"/{car}/odom", partial(self._on_car, car))
        if not senses.drives or spec.success.contact == "allowed":
            return
        for other in spec.robots:
            if other.name != self.robot:

                def on_other(message: Odometry, name: str = other.name) -> None:
                    pose, _ = convert.odometry_from_ros(message)
                    self._others = {**self._others, name: pose}

                hear(Odometry, f"/{other.name}/odom", on_other)

    def _on_joints(self, arm: str, names: tuple[str, ...], fingers: int, message: JointState) -> None:
        try:
            found = convert.joint_states_from_ros(message, names, fingers)
            self._put(f"joints {arm}", found, time.monotonic())
        except (KeyError, IndexError) as problem:
            self._detail = f"joint_states of {arm} lack {problem}"

    def _on_car(self, name: str, message: Odometry) -> None:
        self._put(f"odometry {name}", convert.motion_from_ros(message), time.monotonic())

    def _on_object(self, name: str, message: Odometry) -> None:
        self._put(f"object {name}", convert.object_from_ros(message), time.monotonic())

    def _on_engage(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        problem = self._unready() if request.data else ""
        if problem:
            response.success, response.message = False, problem
            return response
        self._engaged, self._reached, self._forget = bool(request.data), False, True
        self._detail = "driving" if request.data else "standing"
        response.success, response.message = True, self._detail
        return response

    def _unready(self) -> str:
        """Why the robot cannot be engaged; empty if it can."""
        session, senses = self._session, self._senses
        for missing, what in ((session, "policy"), (senses, "task")):
            if missing is None:
                return f"no {what} has arrived yet"
        assert session is not None and senses is not None
        if refused := senses.refused(session.contract):
            return refused
        with self._lock:
            newest_of = {source: at for source, (_, at) in self._inbox.items()}
        now = time.monotonic()
        quiet = senses.stale(session.contract, now, self._limits.stale_s, newest_of)
        quiet += self._unpaid(session.contract, now)
        return quiet[0] if quiet else ""

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
                policy=self._session.sha256[:16] if self._session else "",
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
                    self._stop_robot()
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
        self._stop_robot()

    def _tick(self) -> None:
        session, senses = self._session, self._senses
        if session is None or senses is None:
            return self._stop_robot()
        self._take_in(senses)
        now, contract = time.monotonic(), session.contract
        quiet = senses.stale(contract, now, self._limits.stale_s) + self._unpaid(contract, now)
        refused = senses.refused(contract) if self._judged != (session, senses) else ""
        if quiet or refused:
            self._detail, self._forget = refused or "; ".join(quiet), True
            return self._stop_robot()
        self._judged = (session, senses)
        known, forget = self._memory, self._forget
        if forget:
            # First of all: what was done before is not done yet.
            senses.begin()
        if self._arrived(senses):
            return self._stop_robot()
        self._forget = False
        observation = senses.observe(contract)[None]
        # A policy that has just arrived remembers nothing of what another one did.
        memory = session.begin() if forget or known is None or known[0] is not session else known[1]
        if len(self._carried_out) != len(contract.action):
            self._carried_out = np.zeros(len(contract.action))
        started = time.perf_counter()
        reward = None if self._paid is None else np.array([self._paid[0]])
        actions, memory = session.step(observation, memory, reward, self._carried_out[None])
        self._latencies.append(time.perf_counter() - started)
        own = len(senses.interface.action)
        safe = self._filtered(senses, actions[0, :own], now)
        # What the policy has for other robots is carried out by nobody.
        self._memory = (session, memory)
        self._carried_out = np.concatenate([safe.command, np.clip(actions[0, own:], -1.0, 1.0)])
        if not np.isfinite(actions).all():
            self._forget = True
        self._detail = safe.reason or "driving"
        senses.act(safe.command)
        self._send(senses, contract, safe.command)

    def _take_in(self, senses: Senses) -> None:
        """Give the senses what sensors have said since the last tick; where the robot itself is comes first."""
        with self._lock:
            inbox, self._inbox = self._inbox, {}
        if "odometry" in inbox and senses.drives:
            (pose, twist), at = inbox.pop("odometry")
            senses.odometry(pose, twist, at)
        for source, (value, at) in inbox.items():
            what, _, name = source.partition(" ")
            if what == "joints" and name in senses.arms:
                positions, velocities, pressed = value
                senses.joints(name, positions, velocities, pressed, at)
            elif what == "odometry" and name in senses.cars:
                pose, twist = value
                senses.car(name, pose, twist, at)
            elif what == "object":
                place, velocity = value
                senses.thing(name, place, velocity, at)
            elif what == "neighbours":
                senses.neighbours(value, at)

    def _arrived(self, senses: Senses) -> bool:
        """Whether the robot has done its part, and may stand.

        A team's part is done when its family says so. A robot on its own that is sent to a pad has done its part there,
        whatever it believes to have touched on the way.
        """
        goal, judged = self._goal, senses.spec.success
        if goal is None or not senses.drives or self._odometry is None:
            self._reached = senses.success
            self._detail = "done" if self._reached else self._detail
            return self._reached
        self._distance = float(np.hypot(*(goal - self._odometry[0][:2])))
        # Where it has to stand still for a while the policy itself has learned to; and by an odometry
        # that is wrong a robot would stop where it only believes to be.
        if judged.hold_s or self._distance >= judged.radius_m * ARRIVED_SHARE:
            return False
        if senses.cooperative and not senses.success:
            return False
        self._reached, self._detail = True, "on its pad"
        return True

    def _filtered(self, senses: Senses, action: np.ndarray, now: float) -> Filtered:
        """The command that is safe."""
        if not senses.drives or self._odometry is None:
            if not np.isfinite(action).all():
                return Filtered(np.zeros(len(action)), "the policy's command is not finite")
            return Filtered(np.clip(action, -1.0, 1.0), "")
        pose, stamp = self._odometry
        if self._seen is not None:
            ways, seen_at = self._seen
        else:
            # Poses of several odometries go together only where all of them start from one map.
            ways, seen_at = {name: other[:2] - pose[:2] for name, other in self._others.items()}, stamp
        if senses.spec.success.contact == "allowed":
            # Nobody has to be kept clear of.
            ways, seen_at = {}, stamp
        return filter_command(action, now - min(stamp, seen_at), ways, self.robot, self._limits)

    def _stop_robot(self) -> None:
        """Nothing moves; a gripper keeps what it holds."""
        self._carried_out = np.zeros(len(self._carried_out))
        self._command.publish(Twist())
        if self._servo is not None:
            self._servo.publish(TwistStamped())

    def _send(self, senses: Senses, contract: PolicyContract, command: np.ndarray) -> None:
        if senses.drives:
            self._command.publish(convert.command_to_ros(command, *(term.scale for term in contract.robot.action[:2])))
            return
        assert self._servo is not None
        stamp = self.get_clock().now().to_msg()
        self._servo.publish(convert.servo_to_ros(command, contract.robot, self.robot, stamp))
        if convert.GRIP in senses.interface.action_names:
            assert self._gripper is not None
            self._gripper.publish(convert.gripper_to_ros(command[4], contract.robot))


def main() -> int:
    """Run the node."""
    return run_node(PolicyNode)


if __name__ == "__main__":
    sys.exit(main())

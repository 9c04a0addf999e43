"""`FleetClient`: talk to a running fleet without writing a node."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import rclpy
from metabot_interfaces import msg
from metabot_interfaces.action import Adapt, ParseTask
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from metabot.fleet import FleetError
from metabot.nodes import conversions as convert
from metabot.nodes.qos import latched, newest, reliable
from metabot.task import TaskSpec

ANSWER_S = 3.0
"""A server that lives accepts or refuses a goal, and a service answers, within this time."""

T = TypeVar("T")
Tick = Callable[[], None]
"""Called about ten times a second while something is waited for; may raise to stop waiting."""


@dataclass
class FleetView:
    """The newest that was heard of the fleet."""

    rounds: dict[int, msg.Round] = field(default_factory=dict)
    """Finished rounds by version."""
    round: msg.Round | None = None
    """The newest word on the round under way."""
    parameters: msg.MetaParameters | None = None
    robots: dict[str, msg.RobotStatus] = field(default_factory=dict)
    control: dict[str, msg.ControlStatus] = field(default_factory=dict)
    world: msg.WorldStatus | None = None
    paths: dict[str, list[tuple[float, float, float, float]]] = field(default_factory=dict)
    """By robot or object, as it truly moved: seconds since recording began, x, y in metres, yaw in radians."""


class FleetClient:
    """A façade over the fleet's topics, services and actions.

    Waiting functions take a deadline and call `tick` meanwhile, so that progress can be shown
    and Ctrl-C gets through. Use it as a context manager.
    """

    def __init__(self, domain: int | None = None, *, tick: Tick = lambda: None) -> None:
        """Join the fleet's domain.

        Args:
            domain: ROS domain; the environment's if None.
            tick: called while something is waited for.
        """
        self.view = FleetView()
        self._tick = tick
        self._context = Context()
        if domain is None:
            domain = int(os.environ.get("ROS_DOMAIN_ID", "0"))
        rclpy.init(context=self._context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("fleet_client", context=self._context, enable_rosout=False)
        self._task = self._node.create_publisher(msg.Task, "/task", latched())
        self._parse: ActionClient = ActionClient(self._node, ParseTask, "/parse_task")
        self._adapt: dict[str, ActionClient] = {}
        # Nothing is destroyed outside the executor's thread, which may be about to wait for it: see `_within`.
        self._services: dict[str, Client] = {}
        self._recorded: set[str] = set()
        self._began: float | None = None
        self._policies: list[Publisher] = []
        view = self.view
        self._node.create_subscription(msg.Round, "/meta/round", self._on_round, latched(1000))
        self._node.create_subscription(
            msg.MetaParameters, "/meta/parameters", lambda m: setattr(view, "parameters", m), latched()
        )
        self._node.create_subscription(
            msg.RobotStatus, "/fleet/status", lambda m: view.robots.__setitem__(m.robot, m), reliable(64)
        )
        self._node.create_subscription(
            msg.WorldStatus, "/world/status", lambda m: setattr(view, "world", m), reliable()
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="fleet_client", daemon=True)
        self._thread.start()

    # -- what is heard --------------------------------------------------------------------

    def follow(self, robots: tuple[str, ...]) -> None:
        """Listen to the control status of robots."""
        for robot in robots:
            self._node.create_subscription(
                msg.ControlStatus,
                f"/{robot}/control_status",
                lambda m: self.view.control.__setitem__(m.robot, m),
                reliable(),
            )

    def record_paths(self, robots: tuple[str, ...], objects: tuple[str, ...] = ()) -> None:
        """Remember true motion from now on, in `FleetView.paths`; what was recorded before is dropped.

        Args:
            robots: their names; of arms it is the motion of their fingertips.
            objects: names of things that are moved.
        """
        topics = {robot: f"/{robot}/ground_truth" for robot in robots}
        topics |= {thing: f"/objects/{thing}" for thing in objects}
        self.view.paths = {name: [] for name in topics}
        self._began = time.monotonic()
        for name in topics.keys() - self._recorded:

            def on_truth(message: Odometry, name: str = name) -> None:
                if self._began is not None and name in self.view.paths:
                    pose, _ = convert.odometry_from_ros(message)
                    self.view.paths[name].append((time.monotonic() - self._began, *pose.tolist()))

            self._node.create_subscription(Odometry, topics[name], on_truth, newest())
            self._recorded.add(name)

    def stop_recording(self) -> None:
        """Remember no further motion."""
        self._began = None

    def _on_round(self, message: msg.Round) -> None:
        if message.state == msg.Round.CLOSED:
            self.view.rounds[message.version] = message
        else:
            self.view.round = message

    # -- what is asked --------------------------------------------------------------------

    def parse_task(self, sentence: str, seed: int = 0, timeout_s: float = 120.0) -> ParseTask.Result:
        """Have the language node read a sentence; not understanding is a result, not an error.

        Raises:
            FleetError: if the node does not answer in time.
        """
        return self._act(self._parse, ParseTask.Goal(sentence=sentence, seed=seed), "language node", timeout_s)

    def publish_task(self, spec: TaskSpec, instruction: str = "") -> None:
        """Give the fleet its task."""
        stamp = self._node.get_clock().now().to_msg()
        self._task.publish(
            msg.Task(stamp=stamp, instruction=instruction, spec_json=spec.model_dump_json(), digest=spec.digest)
        )

    def adapt(
        self,
        robot: str,
        spec: TaskSpec,
        *,
        episodes: int = 0,
        trials: int = 0,
        seed: int = 0,
        deploy: bool = False,
        file: str = "",
    ) -> Pending:
        """Have a robot adapt to the dynamics that the task gives it, while `result`, or `results`, waits for it.

        Args:
            robot: its name.
            spec: the task.
            episodes: adaptation episodes; the learner's default for 0.
            trials: for each success rate; the learner's default for 0.
            seed: of both.
            deploy: give the policy to the robot's policy node.
            file: name of the ONNX file that is kept in the learner's folder for exports.
        """
        client = self._adapt.get(robot)
        if client is None:
            name = f"/{robot}/adapt"
            client = self._adapt[robot] = self._within(
                partial(ActionClient, self._node, Adapt, name), f"client of {name}"
            )
        goal = Adapt.Goal(
            spec_json=spec.model_dump_json(),
            episodes=episodes,
            trials=trials,
            seed=seed,
            deploy=deploy,
            file=file,
        )
        return Pending(self, client, goal, f"{robot}'s learner")

    def results(self, pending: Mapping[str, Pending], timeout_s: float = 120.0) -> Iterator[tuple[str, Any]]:
        """What robots come to that act side by side, in this order, each as soon as it is there.

        Args:
            pending: by robot.
            timeout_s: for each of them, once those before it are there.

        Raises:
            FleetError: if one is refused, or is not there in time.
        """
        robots, left = list(pending), list(pending.values())
        for robot in robots:

            def arrived() -> bool:
                return [each.poll() for each in left][0]  # noqa: RUF015  # each is driven on

            self.wait(arrived, f"{left[0].what}: no answer", timeout_s)
            yield robot, left.pop(0).result()

    def hand_out(self, robots: tuple[str, ...], content: bytes, name: str) -> None:
        """Give robots a policy that no learner of theirs made, until `take_back`.

        Args:
            robots: who drives with it.
            content: the ONNX file.
            name: for people.
        """
        stamp = self._node.get_clock().now().to_msg()
        for robot in robots:
            publisher = self._node.create_publisher(msg.PolicyFile, f"/{robot}/policy", latched())
            publisher.publish(convert.policy_to_ros(content, robot, stamp, name=name))
            self._policies.append(publisher)

    def take_back(self) -> None:
        """A policy node that starts again later does not find what was handed out."""
        while self._policies:
            publisher = self._policies.pop()
            self._within(partial(self._node.destroy_publisher, publisher), f"end of {publisher.topic_name}")

    def engage(self, robot: str, drive: bool = True, timeout_s: float = 20.0) -> None:
        """Make a robot's policy node drive, or stand; one that has just started is given time to hear its robot.

        Raises:
            FleetError: if it still cannot when time is up, with the node's last reason.
        """
        self._insist(SetBool, f"/{robot}/engage", SetBool.Request(data=drive), timeout_s)

    def reset_world(self, timeout_s: float = 20.0) -> None:
        """Put every robot back to its spawn; a simulator that has just started is given time to hear the task.

        Raises:
            FleetError: if it still cannot when time is up, with its last reason.
        """
        self._insist(Trigger, "/world/reset", Trigger.Request(), timeout_s)

    def pause_world(self, paused: bool = True, timeout_s: float = 20.0) -> None:
        """Stop the world's time, or let it go on.

        Raises:
            FleetError: if the simulator does not answer in time.
        """
        self._call(SetBool, "/world/pause", SetBool.Request(data=paused), timeout_s)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until a condition on the view holds.

        Raises:
            FleetError: if it does not hold in time.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise FleetError(f"{what}: nothing after {timeout_s:.0f} s")
            self._tick()
            time.sleep(0.05)

    # -- inside ---------------------------------------------------------------------------

    def _within(self, call: Callable[[], T], what: str) -> T:
        """What a call gives that is made in the spinning thread.

        For action clients, which rclpy shows that thread before they are whole, and for all that is destroyed: what
        it is about to wait for and is gone ends it.
        """
        given: T = self._wait_for(self._executor.create_task(call), what, 20.0)
        return given

    def _act(self, client: ActionClient, goal: Any, what: str, timeout_s: float) -> Any:
        return Pending(self, client, goal, what).result(timeout_s)

    def _call(self, kind: Any, name: str, request: Any, timeout_s: float) -> None:
        client = self._services.get(name)
        if client is None:
            client = self._services[name] = self._node.create_client(kind, name)
        self.wait(client.service_is_ready, f"service {name}", timeout_s)
        response = self._wait_for(client.call_async(request), f"service {name}", timeout_s)
        if not response.success:
            raise FleetError(f"{name}: {response.message}")

    def _insist(self, kind: Any, name: str, request: Any, timeout_s: float) -> None:
        """Call a service until it says yes; raises its last reason when time is up."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                # A node that died is still listed for a while and never answers: who takes its place is asked anew.
                return self._call(kind, name, request, min(timeout_s, ANSWER_S))
            except FleetError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _wait_for(self, future: Future, what: str, timeout_s: float) -> Any:
        self.wait(future.done, what, timeout_s)
        return future.result()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def close(self) -> None:
        """Leave the domain."""
        self._executor.shutdown(timeout_sec=1.0)
        # Before what it waits for is gone.
        self._thread.join(timeout=1.0)
        if self._context.ok():
            self._context.shutdown()

    def __enter__(self) -> FleetClient:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the domain."""
        self.close()


class Pending:
    """An action under way."""

    def __init__(self, fleet: FleetClient, client: ActionClient, goal: Any, what: str) -> None:
        """Get ready; `poll` sends the goal when the server is there."""
        self._fleet, self._client, self._goal, self.what = fleet, client, goal, what
        self.feedback: Any = None
        self._sends: list[Future] = []
        self._sent_at = 0.0
        self._handle: Any = None
        self._done: Future | None = None

    def resend(self) -> None:
        """Send the goal again: the server that had it is gone."""
        self._sends, self._handle, self._done = [], None, None

    def poll(self) -> bool:
        """Drive the goal on; whether its result is in.

        A server that died is still listed for a while, and a goal sent to it is lost: one that
        is not answered is sent again.

        Raises:
            FleetError: if the server refused it.
        """
        if self._handle is None:
            answers: list[Any] = [future.result() for future in self._sends if future.done()]
            self._handle = next((answer for answer in answers if answer.accepted), None)
            if self._handle is not None:
                self._done = self._handle.get_result_async()
            elif answers and len(answers) == len(self._sends):
                raise FleetError(f"{self.what} refused the goal; its log says why")
            elif time.monotonic() - self._sent_at > ANSWER_S and self._client.server_is_ready():
                self._send()
        return self._done is not None and self._done.done()

    def _send(self) -> None:
        self._sent_at = time.monotonic()
        self._sends.append(
            self._client.send_goal_async(
                self._goal, feedback_callback=lambda message: setattr(self, "feedback", message.feedback)
            )
        )

    def result(self, timeout_s: float = 120.0) -> Any:
        """Wait for the result.

        Raises:
            FleetError: if it was refused, or is not there in time.
        """
        self._fleet.wait(self.poll, f"{self.what}: no answer", timeout_s)
        assert self._done is not None
        outcome: Any = self._done.result()
        return outcome.result

    def cancel(self) -> None:
        """Take the goal back."""
        if self._handle is not None:
            self._handle.cancel_goal_async()


def adapted_vector(result: Adapt.Result) -> np.ndarray:
    """The adapted policy parameters of a result."""
    return convert.vector_from_ros(result.data, result.checksum)

"""The robot learner node: one robot's base learner on its digital twin."""

from __future__ import annotations

import queue
import re
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
from metabot_interfaces import msg
from metabot_interfaces.action import Adapt
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.subscription import Subscription

from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import check_target, export_policy
from metabot.fleet import MetaParameters
from metabot.meta import Adapted
from metabot.meta.config import settings_of
from metabot.nodes import conversions as convert
from metabot.nodes.learning import Learning, update_of
from metabot.nodes.managed import ManagedNode, SetupError, run_node
from metabot.nodes.qos import latched, reliable
from metabot.params import LayoutError
from metabot.policy.threads import one_torch_thread
from metabot.problems.interface import interface_of
from metabot.problems.partner import has_stated_tasks
from metabot.task import TaskSpec
from metabot.task.model import SpecError

STATUS_PERIOD_S = 0.5
POLL_S = 0.02
MAX_EPISODES = 100_000
"""Episodes or trials one goal may ask for."""
_PROVED = 32
"""Episodes in closed loop that a file is proved in before its robot gets it: both cores are busy then."""
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}\.onnx")
_STATES = {"idle": msg.RobotStatus.IDLE, "learning": msg.RobotStatus.LEARNING, "adapting": msg.RobotStatus.ADAPTING}


class Canceled(Exception):
    """The client took its goal back."""


class RobotLearnerNode(ManagedNode):
    """Learns from every new version of the meta-parameters; adapts on request.

    One worker thread computes; callbacks only hand it what arrived. An adaptation goes before
    learning, and of several versions only the newest is learned from.

    Parameters:
        method (string, "meta-sgd"): as the meta-learner's.
        settings (string, ""): JSON of the fields of its configuration that differ from the default.
        learn (bool, true): take part in rounds; false leaves only the action.
        distribution (string, ""): JSON of a `metabot.task.TaskDistribution`; "" is the default.
        tasks (int, 8): tasks per round.
        episodes (int, 8): adaptation episodes, in rounds and by default in `adapt`.
        trials (int, 64): fresh trials for a success rate.
        seed (int, 0): of tasks, goals and exploration.
        threads (int, 1): simulation threads.
        exports (string, ""): folder for the ONNX files of adapted policies; "" keeps none.

    Publishes:
        /meta/updates (ParameterUpdate, latched), policy (PolicyFile, latched),
        status and /fleet/status (RobotStatus).

    Subscribes:
        /meta/parameters (MetaParameters, latched).

    Actions:
        adapt (Adapt).
    """

    threads = 3

    def __init__(self) -> None:
        """Declare parameters and topics. The robot's name is the node's namespace."""
        super().__init__("robot_learner")
        self.robot = self.get_namespace().strip("/") or "robot_1"
        self._method: str = self.parameter("method", "meta-sgd", "meta-learner by its registry name")
        self._settings: str = self.parameter("settings", "", "JSON of the meta-learner's settings")
        self._learn: bool = self.parameter("learn", True, "take part in rounds")
        self._distribution: str = self.parameter("distribution", "", "JSON of a TaskDistribution")
        self._tasks: int = self.parameter("tasks", 8, "tasks per round")
        self._episodes: int = self.parameter("episodes", 8, "adaptation episodes")
        self._trials: int = self.parameter("trials", 64, "fresh trials for a success rate")
        self._seed: int = self.parameter("seed", 0, "seed of tasks, goals and exploration")
        self._threads: int = self.parameter("threads", 1, "simulation threads")
        exports = self.parameter("exports", "", "folder for the ONNX files of adapted policies")
        self._exports = Path(exports) if exports else None
        self._updates = self.create_publisher(msg.ParameterUpdate, "/meta/updates", latched())
        self._policy = self.create_publisher(msg.PolicyFile, "policy", latched())
        self._statuses = [
            self.create_publisher(msg.RobotStatus, "status", reliable()),
            self.create_publisher(msg.RobotStatus, "/fleet/status", reliable()),
        ]
        group = ReentrantCallbackGroup()
        self._group = group
        self._parameters_in: Subscription | None = None
        self.create_timer(STATUS_PERIOD_S, self._publish_status, callback_group=group)
        self._lock = threading.Lock()
        self._newest: MetaParameters | None = None
        self._state, self._detail = "idle", ""
        self._adaptations: queue.SimpleQueue[tuple[ServerGoalHandle, Future[Adapt.Result]]] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._worker: threading.Thread | None = None
        self._busy = False
        self._server = ActionServer(
            self,
            Adapt,
            "adapt",
            execute_callback=self._execute,
            goal_callback=self._accept,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=group,
        )

    def setup(self) -> None:
        """Build learner and twin."""
        for name, value in (
            ("tasks", self._tasks),
            ("episodes", self._episodes),
            ("trials", self._trials),
            ("threads", self._threads),
        ):
            if value < 1:
                raise SetupError(f"{name}: {value} is not at least 1")
        try:
            learning = Learning.of(self._method, self._settings, self._distribution, self._threads)
            self._learner = learning.robot(self.robot, tasks=self._tasks, episodes=self._episodes, seed=self._seed)
        except ValueError as problem:
            raise SetupError(str(problem)) from None
        one_torch_thread()
        twin = self._learner.twin
        assert has_stated_tasks(twin)  # else it would have been refused
        self._learning, self._twin = learning, twin

        # Made only now: latched parameters arrive at once and need the layout.
        if self._parameters_in is not None:
            self.destroy_subscription(self._parameters_in)
        self._parameters_in = self.create_subscription(
            msg.MetaParameters, "/meta/parameters", self._on_parameters, latched(), callback_group=self._group
        )

    def begin(self) -> None:
        """Start the worker."""
        if self._worker is not None and self._worker.is_alive():
            raise SetupError("still computing what was begun before; activate again in a moment")
        self._wake.set()
        self._worker = threading.Thread(target=self._work, name="learner", daemon=True)
        self._worker.start()

    def end(self) -> None:
        """Stop the worker; what it is computing is given up when the process ends."""
        self._wake.set()
        if self._worker is not None:
            self._worker.join(timeout=1.0)

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """State and version."""
        level, _, _ = super().diagnose()
        return level, self._state, {"version": self._newest.version if self._newest else "none", "detail": self._detail}

    # -- callbacks: they only store -------------------------------------------------------

    def _on_parameters(self, message: msg.MetaParameters) -> None:
        try:
            parameters = convert.meta_parameters_from_ros(message)
        except LayoutError as damage:
            self.get_logger().warning(f"meta-parameters {message.version} ignored: {damage}")
            return
        other = parameters.identity.difference(self._learning.identity)
        size = self._learning.learner.layout.size
        if not other and parameters.vector.shape != (size,):
            other = f"{size} numbers are wanted, {parameters.vector.size} came"
        if other:
            self._detail = f"meta-parameters {parameters.version} ignored: this robot's {other}"
            self.get_logger().warning(self._detail)
            return
        with self._lock:
            self._newest = parameters
        self._wake.set()

    def _accept(self, goal: Adapt.Goal) -> GoalResponse:
        problem = self._problem_with(goal)
        if problem:
            self.get_logger().warning(f"adapt refused: {problem}")
            return GoalResponse.REJECT
        self._busy = True  # an accepted goal is always executed, which frees it
        return GoalResponse.ACCEPT

    def _problem_with(self, goal: Adapt.Goal) -> str:
        if not self.active:
            return "the node is not active"
        if self._busy:
            return "another adaptation is under way"
        for name in ("episodes", "trials"):
            if getattr(goal, name) > MAX_EPISODES:
                return f"{name}: {getattr(goal, name)} is above {MAX_EPISODES}"
        if goal.file and self._exports is None:
            return f"file: {goal.file}, but this node was given no folder for exports; allowed: none"
        if goal.file and not (goal.deploy and _PLAIN.fullmatch(goal.file)):
            return f"file: {goal.file!r}; allowed: with deploy alone, a plain name that ends in .onnx"
        try:
            spec = TaskSpec.parse(goal.spec_json)
            spec.robot(self.robot)
            self._twin.state(spec, self.robot)
        except (SpecError, KeyError) as problem:
            return str(problem)
        return ""

    def _execute(self, handle: ServerGoalHandle) -> Adapt.Result:
        """Hand the goal to the worker and wait; runs in an executor thread of its own."""
        future: Future[Adapt.Result] = Future()
        self._adaptations.put((handle, future))
        self._wake.set()
        try:
            while not future.done():
                # Whoever takes the future out of its pending state ends the goal: here, or the worker.
                if (handle.is_cancel_requested or not self.active) and future.cancel():
                    handle.canceled() if handle.is_cancel_requested else handle.abort()
                    return Adapt.Result(ok=False, message="canceled before it began")
                time.sleep(POLL_S)
            return future.result()
        finally:
            self._busy = False

    def _publish_status(self) -> None:
        if not self.active:
            return
        message = msg.RobotStatus(
            stamp=self.get_clock().now().to_msg(),
            robot=self.robot,
            state=_STATES[self._state],
            version=self._newest.version if self._newest else 0,
            detail=self._detail,
        )
        for publisher in self._statuses:
            publisher.publish(message)

    # -- the worker -----------------------------------------------------------------------

    def _work(self) -> None:
        learned: tuple[int, int] | None = None
        while self.active:
            self._wake.wait(timeout=0.5)
            self._wake.clear()
            # A goal that comes before the first parameters waits for them.
            while self.active and self._newest is not None and not self._adaptations.empty():
                handle, future = self._adaptations.get()
                if future.set_running_or_notify_cancel():
                    self._state = "adapting"
                    future.set_result(self._adapt(handle))
                    self._state = "idle"
            with self._lock:
                newest = self._newest
            # Two versions with one number differ where the fleet started afresh: the data tells.
            key = (newest.version, hash(newest.vector.tobytes())) if newest else None
            if self._learn and newest is not None and key != learned and self.active:
                self._state = "learning"
                try:
                    self._learn_from(newest)
                except Exception as problem:
                    # One bad round must not silence the robot for good.
                    self._detail = f"round {newest.version} failed: {problem}"
                    self.get_logger().error(self._detail)
                self._state = "idle"
                learned = key
                self._wake.set()

    def _learn_from(self, parameters: MetaParameters) -> None:
        started = time.monotonic()
        learned = self._learner.learn(parameters.vector, parameters.version)
        if learned.dropped_tasks:
            self.get_logger().warning(f"round {parameters.version}: {learned.dropped_tasks} diverged tasks left out")
        seconds = time.monotonic() - started
        update = update_of(learned, self.robot, parameters.version, parameters.identity, seconds)
        if self.active:
            self._updates.publish(convert.update_to_ros(update, self.get_clock().now().to_msg()))

    def _adapt(self, handle: ServerGoalHandle) -> Adapt.Result:
        goal: Adapt.Goal = handle.request
        with self._lock:
            parameters = self._newest
        assert parameters is not None  # the worker takes no goal before
        spec = TaskSpec.parse(goal.spec_json)

        def progress(stage: str, fraction: float, success: float) -> None:
            if handle.is_cancel_requested or not self.active:
                raise Canceled
            handle.publish_feedback(Adapt.Feedback(stage=stage, fraction=float(fraction), success=float(success)))

        try:
            path = self._exports / goal.file if self._exports is not None and goal.file else None
            if path is not None:
                # Found out now, and not after all episodes.
                path.parent.mkdir(parents=True, exist_ok=True)
                check_target(path)
            task = self._twin.state(spec, self.robot)
            adapted = self._learner.adapt(
                parameters.vector,
                task,
                episodes=goal.episodes or self._episodes,
                trials=goal.trials or self._trials,
                seed=goal.seed,
                progress=progress,
            )
            result = self._result(adapted, parameters)
            if goal.deploy:
                progress("exporting", 1.0, adapted.success_after)
                self._deploy(path, adapted, task, parameters, spec, result)
        except Canceled:
            handle.canceled()
            return Adapt.Result(ok=False, message="canceled")
        except Exception as problem:
            # Whatever it is, the client gets an answer and the worker goes on.
            handle.abort()
            return Adapt.Result(ok=False, message=f"{problem}".splitlines()[0] if str(problem) else repr(problem))
        handle.succeed()
        return result

    def _result(self, adapted: Adapted, parameters: MetaParameters) -> Adapt.Result:
        data, checksum = convert.vector_to_ros(adapted.parameters)
        return Adapt.Result(
            ok=True,
            message=f"success {adapted.success_before:.0%} before,"
            f" {adapted.success_after:.0%} after {adapted.episodes} episodes",
            version=parameters.version,
            layout_hash=self._learning.learner.policy.layout.hash,
            data=data,
            checksum=checksum,
            success_before=adapted.success_before,
            success_after=adapted.success_after,
            episodes=adapted.episodes,
            trials=adapted.trials,
        )

    def _deploy(
        self,
        path: Path | None,
        adapted: Adapted,
        task: np.ndarray,
        parameters: MetaParameters,
        spec: TaskSpec,
        result: Adapt.Result,
    ) -> None:
        """Export the policy, prove it on the task, keep the file and give it to this robot's policy node."""
        policy, twin = self._learning.learner.policy, self._twin
        place = [robot.name for robot in spec.robots].index(self.robot) if twin.agents > 1 else 0
        contract = PolicyContract(
            robot=interface_of(twin, place),
            layout_hash=policy.layout.hash,
            version=parameters.version,
            method=self._method,
            settings=settings_of(self._settings),
            family=twin.name,
            task_digest=spec.digest,
            adapted=f"the task of {self.robot}, {result.episodes} episodes",
        )
        exported = export_policy(
            path, policy, adapted.parameters, contract, problem=twin, tasks=task[None], episodes=_PROVED
        )
        result.file, result.parity_max_abs = str(path or ""), exported.parity_max_abs
        self._policy.publish(
            convert.policy_to_ros(
                exported.content,
                self.robot,
                self.get_clock().now().to_msg(),
                name=path.name if path is not None else f"{self.robot}'s policy",
                method=self._method,
                version=parameters.version,
                parity_max_abs=exported.parity_max_abs,
            )
        )


def main() -> int:
    """Run the node."""
    return run_node(RobotLearnerNode)


if __name__ == "__main__":
    sys.exit(main())

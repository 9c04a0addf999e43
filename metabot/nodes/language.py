"""The language node: a sentence becomes the fleet's task."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from metabot_interfaces import msg
from metabot_interfaces.action import ParseTask
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup

from metabot.language import Reading, TaskReader
from metabot.nodes.managed import ManagedNode, SetupError, run_node
from metabot.nodes.qos import latched
from metabot.task import TaskSpec, place
from metabot.task.model import SpecError


class LanguageNode(ManagedNode):
    """Reads sentences with the task language model.

    The model is loaded in the background: a goal that comes earlier waits for it.

    Parameters:
        model (string, ""): folder of the model; "" is the one that comes with metabot.
        task (string, ""): a sentence to read at start and publish as the fleet's task.
        spec (string, ""): JSON of a TaskSpec to publish at start in its place.
        seed (int, 0): places robots and pads of that task.
        threads (int, 1): torch threads.

    Publishes:
        /task (Task, latched).

    Actions:
        /parse_task (ParseTask).
    """

    threads = 3

    def __init__(self) -> None:
        """Declare parameters and topics."""
        super().__init__("language")
        self._model: str = self.parameter("model", "", "folder of the model")
        self._sentence: str = self.parameter("task", "", "a sentence to read at start")
        self._spec: str = self.parameter("spec", "", "JSON of a TaskSpec to publish at start")
        self._seed: int = self.parameter("seed", 0, "places robots and pads")
        self._threads: int = self.parameter("threads", 1, "torch threads")
        self._task = self.create_publisher(msg.Task, "/task", latched())
        self._reading = threading.Lock()
        self._server = ActionServer(
            self,
            ParseTask,
            "/parse_task",
            execute_callback=self._execute,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )

    def setup(self) -> None:
        """Start loading the model."""
        if self._threads < 1:
            raise SetupError(f"threads: {self._threads} is not at least 1")
        if self._spec and self._sentence:
            raise SetupError("spec: the task is a sentence already; allowed: one of the two")
        try:
            self._stated = TaskSpec.parse(self._spec) if self._spec else None
        except SpecError as problem:
            raise SetupError(f"spec: {problem}") from None
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._reader = self._loader.submit(self._load)

    def begin(self) -> None:
        """Publish the task that was stated, or read the sentence that was."""
        if self._stated is not None:
            self._publish("", self._stated)
        if self._sentence:
            self._loader.submit(self._read_parameter)

    def end(self) -> None:
        """Let a model that is being loaded end in its own time."""

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Whether the model is loaded."""
        level, summary, _ = super().diagnose()
        return level, summary, {"model": "loaded" if self.active and self._reader.done() else "loading"}

    def _load(self) -> TaskReader:
        import torch

        torch.set_num_threads(self._threads)
        reader = TaskReader.load(self._model) if self._model else TaskReader.load()
        self.get_logger().info("model loaded")
        return reader

    def _read_parameter(self) -> None:
        try:
            reading = self._reader.result().read(self._sentence)
            if reading.mission is None:
                self.get_logger().error(reading.message)
            else:
                self._publish(self._sentence, place(reading.mission, self._seed))
        except SpecError as problem:
            self.get_logger().error(str(problem))

    def _publish(self, sentence: str, spec: TaskSpec) -> None:
        stamp = self.get_clock().now().to_msg()
        self._task.publish(
            msg.Task(stamp=stamp, instruction=sentence, spec_json=spec.model_dump_json(), digest=spec.digest)
        )

    def _execute(self, handle: ServerGoalHandle) -> ParseTask.Result:
        goal: ParseTask.Goal = handle.request
        started = time.monotonic()
        handle.publish_feedback(ParseTask.Feedback(stage="loading", fraction=0.0))
        while not self._reader.done():
            if handle.is_cancel_requested or not self.active:
                handle.canceled() if handle.is_cancel_requested else handle.abort()
                return ParseTask.Result(ok=False, message="canceled")
            time.sleep(0.02)
        try:
            handle.publish_feedback(ParseTask.Feedback(stage="decoding", fraction=0.3))
            with self._reading:
                reading: Reading = self._reader.result().read(goal.sentence)
            result = ParseTask.Result(ok=reading.understood, message=reading.message, confidence=reading.confidence)
            if reading.mission is not None:
                handle.publish_feedback(ParseTask.Feedback(stage="placing", fraction=0.9))
                spec = place(reading.mission, goal.seed)
                result.mission_json, result.spec_json = reading.mission.model_dump_json(), spec.model_dump_json()
                if goal.publish:
                    self._publish(goal.sentence, spec)
        except SpecError as problem:
            result = ParseTask.Result(ok=False, message=str(problem))
        result.wall_s = time.monotonic() - started
        # Not understanding a sentence is an answer, not a failure of the action.
        handle.succeed()
        return result


def main() -> int:
    """Run the node."""
    return run_node(LanguageNode)


if __name__ == "__main__":
    sys.exit(main())

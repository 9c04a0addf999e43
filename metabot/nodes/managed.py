"""`ManagedNode`: what all nodes of the fleet share, and how a node process lives and ends."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.executors import Executor, ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.experimental import EventsExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from metabot.bringup.supervisor import SUPERVISOR_PID
from metabot.nodes.qos import reliable
from metabot.processes import die_with_parent

DIAGNOSTICS_PERIOD_S = 1.0


class SetupError(ValueError):
    """A node cannot do what its parameters ask; the message is one line for the user."""


class ManagedNode(LifecycleNode):
    """A lifecycle node that starts itself and publishes ``/diagnostics`` once a second.

    Subclasses implement `setup` (may raise `SetupError`), `begin` and `end`, and `diagnose`.
    rclpy's lifecycle gates only publishers, so callbacks ask `active` before they act.

    Parameters:
        autostart (bool, true): configure and activate without a lifecycle manager.
    """

    threads = 1
    """Executor threads; more than one where an action's execution blocks its thread."""
    many_messages = False
    """Whether it hears hundreds of small messages a second: its executor is then called for each of them and does
    not build anew all that it waits for, which takes a fifth of a core there and delays a control loop by 8 ms."""

    def __init__(self, name: str) -> None:
        """Declare the parameters every node has."""
        super().__init__(name)
        self.active = False
        self._autostart = self.parameter("autostart", True, "configure and activate at start")
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", reliable())
        self.create_timer(DIAGNOSTICS_PERIOD_S, self._publish_diagnostics)

    def parameter(self, name: str, default: Any, description: str = "") -> Any:
        """Declare a parameter and return its value; a whole number will do for a float.

        Raises:
            SetupError: if the value that was given has another type than the default.
        """
        descriptor = ParameterDescriptor(description=description, dynamic_typing=True)
        value = self.declare_parameter(name, default, descriptor).value
        if isinstance(default, float) and type(value) is int:
            return float(value)
        if isinstance(default, list):
            value = list(value) if isinstance(value, (list, tuple)) else value
        if type(value) is not type(default):
            raise SetupError(f"{name}: {value!r} is no {type(default).__name__}; for example {default!r}")
        return value

    def setup(self) -> None:
        """Make everything the node needs. Raises `SetupError` with a clear line."""

    def begin(self) -> None:
        """Start acting. Raises `SetupError` if that cannot be yet."""

    def end(self) -> None:
        """Stop acting and join every thread."""

    def diagnose(self) -> tuple[bytes, str, dict[str, Any]]:
        """Level, summary and values for ``/diagnostics``."""
        return DiagnosticStatus.OK, "active" if self.active else "inactive", {}

    def autostart(self) -> None:
        """Go to the active state if the parameter says so.

        Raises:
            SetupError: if a transition failed.
        """
        if not self._autostart:
            return
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                raise SetupError(self._problem or "a lifecycle transition failed")

    _problem = ""
    failure = ""
    """Why the process has to end; empty while all goes well."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: make what is needed."""
        try:
            self.setup()
        except SetupError as problem:
            self._problem = str(problem)
            self.get_logger().error(self._problem)
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: start acting."""
        result = super().on_activate(state)
        self.active = True
        try:
            self.begin()
        except SetupError as problem:
            self.active = False
            self._problem = str(problem)
            self.get_logger().error(self._problem)
            return TransitionCallbackReturn.FAILURE
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: stop acting."""
        self.active = False
        self.end()
        return super().on_deactivate(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: stop for good."""
        if self.active:
            self.active = False
            self.end()
        return super().on_shutdown(state)

    def stop(self) -> None:
        """Stop acting when the process ends."""
        if self.active:
            self.active = False
            self.end()

    def fail(self, problem: Exception) -> None:
        """End the process with code 1 because a thread of the node cannot go on; its supervisor starts it again.

        Args:
            problem: what happened; its traceback goes to the log.
        """
        self.failure = f"{type(problem).__name__}: {problem}".splitlines()[0]
        self.get_logger().error("".join(traceback.format_exception(problem)).rstrip())
        self._publish_diagnostics()

    def _publish_diagnostics(self) -> None:
        level, summary, values = self.diagnose()
        if self.failure:
            level, summary = DiagnosticStatus.ERROR, self.failure
        status = DiagnosticStatus(
            level=level,
            name=self.get_fully_qualified_name(),
            message=summary,
            hardware_id="metabot",
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def _executor_of(node: ManagedNode) -> Executor:
    if node.threads > 1:
        return MultiThreadedExecutor(node.threads)
    return EventsExecutor() if node.many_messages else SingleThreadedExecutor()


def run_node(make: Callable[[], ManagedNode]) -> int:
    """Run one node in this process until it is told to stop.

    Ends cleanly on SIGINT and SIGTERM; a `SetupError` becomes one line and exit code 2. Where
    the environment names a supervisor the process does not outlive it. A thread that fails ends it with
    code 1, see `ManagedNode.fail`; a crash in native code leaves the stack of every thread in the node's log.
    """
    faulthandler.enable()
    if supervisor := os.environ.get(SUPERVISOR_PID):
        die_with_parent(int(supervisor))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    node: ManagedNode | None = None
    try:
        node = make()
        executor = _executor_of(node)
        executor.add_node(node)
        node.autostart()
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.1)
            if node.failure:
                return 1
    except SetupError as problem:
        print(f"{node.get_name() if node else Path(sys.argv[0]).stem}: {problem}", file=sys.stderr, flush=True)
        return 2
    except ExternalShutdownException:
        pass
    finally:
        if node is not None:
            node.stop()
        with contextlib.suppress(Exception):
            rclpy.shutdown()
    return 0

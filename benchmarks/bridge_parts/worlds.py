"""Worlds of the bridge: a simulator and policy nodes that files are given to, and the expert at the same topics."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from metabot.bringup.description import NodeProcess
from metabot.bringup.domain import DomainLease
from metabot.bringup.supervisor import Supervisor, fleet_environment
from metabot.deploy.contract import METADATA_KEY, PolicyContract
from metabot.deploy.runtime import PolicySession
from metabot.deploy.senses import Senses
from metabot.fleet import FleetError
from metabot.nodes.client import FleetClient
from metabot.nodes.simulator import SimulatorNode, topics_of
from metabot.problems import Problem
from metabot.problems.interface import interface_of
from metabot.task import SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.interface import robot_interface

Drive = Callable[[bytes, Problem], str]
"""Drives the robots of a world with a file for a while; what went wrong, or nothing."""
TICKS = 10
"""Commands that every robot is given by a file."""
_PATIENCE_S = 30.0
EXPERT_FACTOR = 2.0
"""Simulated seconds per second of an expert's world."""


@contextlib.contextmanager
def world_of(spec: TaskSpec, driven: int) -> Iterator[Drive]:
    """A simulator and the policy nodes of a world, in processes of their own, until the block ends.

    Args:
        spec: the task that is played.
        driven: how many of its robots are given files, counted from the first.
    """
    try:
        env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
        for index, robot in enumerate(spec.robots):
            topics_of(env, index)
            Senses(spec, robot.name)
    except (SpecError, ValueError) as refusal:
        why = str(refusal).splitlines()[0]
        yield lambda content, problem: why
        return
    names = [robot.name for robot in spec.robots[:driven]]
    with contextlib.ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        domain = stack.enter_context(DomainLease()).domain
        os.environ.update(fleet_environment(domain, logs))
        supervisor = stack.enter_context(Supervisor(logs, domain))
        client = stack.enter_context(FleetClient(domain, tick=supervisor.watch))
        rate = {"rate_hz": spec.control_hz}
        supervisor.start([NodeProcess("simulator"), *(NodeProcess("policy", f"/{name}", dict(rate)) for name in names)])
        client.follow(tuple(names))
        client.publish_task(spec)
        view = client.view
        client.wait(lambda: view.world is not None and len(view.control) == len(names), "the world", 60)
        yield lambda content, problem: _driven(client, names, content, problem)


def _driven(client: FleetClient, names: list[str], content: bytes, problem: Problem) -> str:
    control = client.view.control
    try:
        marks = {}
        for index, name in enumerate(names):
            own = _made_for(content, problem, index)
            marks[name] = PolicySession(own, "cpu").sha256[:16]
            client.hand_out((name,), own, "the file")
        client.wait(
            lambda: (
                all(control[name].policy == mark for name, mark in marks.items())
                or any("refused" in control[name].detail for name in names)
            ),
            "the file",
            _PATIENCE_S,
        )
        for name in names:
            if control[name].policy != marks[name]:
                return str(control[name].detail)
        client.reset_world()
        for name in names:
            client.engage(name, timeout_s=_PATIENCE_S / 2)
        before = {name: control[name].ticks for name in names}
        client.wait(
            lambda: all(control[name].ticks >= before[name] + TICKS or control[name].reached for name in names),
            f"{TICKS} commands",
            _PATIENCE_S,
        )
        stopped = [f"{name}: {control[name].detail}" for name in names if not control[name].engaged]
        return stopped[0] if stopped else ""
    except FleetError as problem_found:
        said = "; ".join(f"{name}: {control[name].detail}" for name in names)
        return f"{problem_found} ({said})"
    finally:
        with contextlib.suppress(FleetError):
            for name in names:
                client.engage(name, drive=False)
        client.take_back()


def _made_for(content: bytes, problem: Problem, index: int) -> bytes:
    """The same graph with the contract of another robot of the team."""
    if not index or problem.agents == 1:
        return content
    model = onnx.load_from_string(content)
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            contract = PolicyContract.from_metadata({METADATA_KEY: entry.value}, "the file")
            entry.value = replace(contract, robot=interface_of(problem, index)).to_json()
    made: bytes = model.SerializeToString()
    return made


class _Expert(SimulatorNode):
    """A world that publishes what the expert, who sees it as it is, commands: it comes back through the topics."""

    def __init__(self) -> None:
        super().__init__()
        self.done = threading.Event()
        self.commands: list[Callable[[np.ndarray], None]] = []

    def tell(self, env: FleetEnv) -> None:
        """Make the publishers of a world."""
        from geometry_msgs.msg import Twist, TwistStamped
        from std_msgs.msg import Float64

        from metabot.nodes import conversions as convert
        from metabot.nodes.qos import newest

        for index, robot in enumerate(env.spec.robots):
            face = robot_interface(env, index)
            if robot.kind == "arm":
                servo = self.create_publisher(TwistStamped, f"/{robot.name}/servo", newest())
                grip = self.create_publisher(Float64, f"/{robot.name}/gripper", newest())

                def arm(action: np.ndarray, face: Any = face, name: str = robot.name, out: Any = (servo, grip)) -> None:
                    stamp = self.get_clock().now().to_msg()
                    out[0].publish(convert.servo_to_ros(action, face, name, stamp))
                    out[1].publish(convert.gripper_to_ros(action[4], face))

                self.commands.append(arm)
            else:
                command = self.create_publisher(Twist, f"/{robot.name}/cmd_vel", newest())
                scales = [term.scale for term in face.action]

                def car(action: np.ndarray, scales: Any = scales, out: Any = command) -> None:
                    out.publish(convert.command_to_ros(action[:2], *scales))

                self.commands.append(car)

    def _advance(self, env: FleetEnv) -> None:
        super()._advance(env)
        if self._ticks >= env.spec.horizon_s * env.spec.control_hz or self._reached.all():
            self.done.set()
            return
        for command, action in zip(self.commands, np.clip(env.expert()[0], -1.0, 1.0), strict=True):
            command(action)


def expert_drives(spec: TaskSpec) -> tuple[np.ndarray, float]:
    """Who does its part in a world of which the expert drives all robots through topics.

    Args:
        spec: the task.

    Returns:
        Flags of its robots, and the seconds of the world that it took.
    """
    import rclpy
    from metabot_interfaces import msg
    from rclpy.experimental import EventsExecutor
    from rclpy.signals import SignalHandlerOptions

    with DomainLease() as lease, tempfile.TemporaryDirectory() as logs:
        os.environ.update(fleet_environment(lease.domain, Path(logs)))
        arguments = ["--ros-args", "--log-level", "warn", "-p", f"real_time_factor:={EXPERT_FACTOR}"]
        rclpy.init(args=arguments, domain_id=lease.domain, signal_handler_options=SignalHandlerOptions.NO)
        node = _Expert()
        executor = EventsExecutor()
        executor.add_node(node)
        try:
            node._on_task(msg.Task(spec_json=spec.model_dump_json(), digest=spec.digest))
            env = node._env
            assert env is not None
            node.tell(env)
            # Who publishes and who hears have to find each other first.
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                executor.spin_once(timeout_sec=0.05)
            node.autostart()
            while not node.done.is_set():
                executor.spin_once(timeout_sec=0.1)
            if node.failure:
                raise RuntimeError(node.failure)
            return node._reached.copy(), node._ticks / spec.control_hz
        finally:
            node.stop()
            node.destroy_node()
            rclpy.shutdown()

"""Worlds of the bridge: a simulator and policy nodes that files are given to, and the expert at the same topics."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import rclpy
from geometry_msgs.msg import Twist, TwistStamped
from metabot_interfaces import msg
from rclpy.experimental import EventsExecutor
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Float64

from metabot.bringup.description import NodeProcess
from metabot.bringup.domain import DomainLease
from metabot.bringup.supervisor import Supervisor, fleet_environment
from metabot.deploy.contract import METADATA_KEY, PolicyContract
from metabot.deploy.runtime import PolicySession
from metabot.deploy.senses import Senses
from metabot.fleet import FleetError
from metabot.nodes import conversions as convert
from metabot.nodes.client import FleetClient
from metabot.nodes.qos import newest
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
            own = made_for(content, problem, index)
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


def made_for(content: bytes, problem: Problem, index: int) -> bytes:
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


Command = Callable[[FleetEnv, float], np.ndarray]
"""What robots of a world are told, (R, 5), from the world as it is and the seconds since its start."""


class CommandedWorld(SimulatorNode):
    """A world that publishes what somebody who sees it as it is commands: it comes back through the topics."""

    def __init__(self, command: Command, robots: Sequence[int]) -> None:
        """Make it.

        Args:
            command: says what is commanded.
            robots: who is.
        """
        super().__init__()
        self._says, self._told_ones = command, robots
        self._out: dict[int, Callable[[np.ndarray], None]] = {}
        self.done = threading.Event()
        self.domain = 0

    @property
    def reached(self) -> np.ndarray:
        """Flags of robots that have done their part."""
        return self._reached.copy()

    @property
    def time_s(self) -> float:
        """Seconds since the start."""
        assert self._env is not None
        return self._ticks / self._env.spec.control_hz

    def play(self, spec: TaskSpec) -> None:
        """Begin a task."""
        self._on_task(msg.Task(spec_json=spec.model_dump_json(), digest=spec.digest))
        assert self._env is not None
        self._out = {index: self._speaker(self._env, index) for index in self._told_ones}

    def _speaker(self, env: FleetEnv, index: int) -> Callable[[np.ndarray], None]:
        robot, face = env.spec.robots[index], robot_interface(env, index)
        if robot.kind == "arm":
            servo = self.create_publisher(TwistStamped, f"/{robot.name}/servo", newest())
            grips = convert.GRIP in face.action_names
            grip = self.create_publisher(Float64, f"/{robot.name}/gripper", newest()) if grips else None

            def arm(action: np.ndarray) -> None:
                stamp = self.get_clock().now().to_msg()
                servo.publish(convert.servo_to_ros(action, face, robot.name, stamp))
                if grip is not None:
                    grip.publish(convert.gripper_to_ros(action[4], face))

            return arm
        command = self.create_publisher(Twist, f"/{robot.name}/cmd_vel", newest())
        scales = [term.scale for term in face.action]
        return lambda action: command.publish(convert.command_to_ros(action[:2], *scales))

    def _advance(self, env: FleetEnv) -> None:
        super()._advance(env)
        if self.time_s >= env.spec.horizon_s or self._reached.all():
            self.done.set()
        actions = np.clip(self._says(env, self.time_s), -1.0, 1.0)
        for index, speak in self._out.items():
            speak(actions[index])


def expert_drives(spec: TaskSpec) -> np.ndarray:
    """Flags of the robots that do their part in a world of which the expert drives all of them through topics."""
    with _commanded(spec, lambda env, _: env.expert()[0], range(len(spec.robots)), EXPERT_FACTOR) as world:
        world.autostart()
        world.done.wait()
        if world.failure:
            raise RuntimeError(world.failure)
        return world.reached


def policies_drive(spec: TaskSpec, files: Mapping[int, Path], command: Command | None = None) -> np.ndarray:
    """Flags of the robots that do their part where policy nodes drive some of them, and somebody else the others.

    Args:
        spec: the task.
        files: ONNX, by the number of the robot.
        command: of the others, if there are any.
    """
    others = [index for index in range(len(spec.robots)) if index not in files]
    names = [spec.robots[index].name for index in files]
    with (
        _commanded(spec, command or _nobody, others, 1.0) as world,
        tempfile.TemporaryDirectory() as logs,
        Supervisor(Path(logs), world.domain) as supervisor,
        FleetClient(world.domain, tick=supervisor.watch) as client,
    ):
        for name, file in zip(names, files.values(), strict=True):
            parameters: dict[str, Any] = {"policy_file": str(file), "rate_hz": spec.control_hz}
            supervisor.start([NodeProcess("policy", f"/{name}", parameters)])
        world.autostart()
        client.follow(tuple(names))
        client.publish_task(spec)
        client.wait(lambda: len(client.view.control) == len(names), "the policy nodes", 60)
        for name in names:
            client.engage(name)
        client.reset_world()
        for name in names:
            # Who did its part before the world began anew would stand.
            client.engage(name)
        world.done.clear()
        client.wait(lambda: world.done.is_set() or bool(world.failure), "the end", 2.0 * spec.horizon_s + 10.0)
        return world.reached


def _nobody(env: FleetEnv, time_s: float) -> np.ndarray:
    return np.zeros((env.num_robots, 5))


@contextlib.contextmanager
def _commanded(spec: TaskSpec, command: Command, robots: Sequence[int], factor: float) -> Iterator[CommandedWorld]:
    """A world of this process on a domain of its own, not yet running; its callbacks are served meanwhile."""
    with DomainLease() as lease, tempfile.TemporaryDirectory() as logs:
        os.environ.update(fleet_environment(lease.domain, Path(logs)))
        arguments = ["--ros-args", "--log-level", "warn", "-p", f"real_time_factor:={factor}"]
        rclpy.init(args=arguments, domain_id=lease.domain, signal_handler_options=SignalHandlerOptions.NO)
        world = CommandedWorld(command, robots)
        world.domain = lease.domain
        executor = EventsExecutor()
        executor.add_node(world)
        ended = threading.Event()
        thread = threading.Thread(target=_serve, args=(executor, ended), daemon=True)
        try:
            world.play(spec)
            thread.start()
            # Who publishes and who hears have to find each other first.
            time.sleep(0.5)
            yield world
        finally:
            world.stop()
            ended.set()
            thread.join()
            world.destroy_node()
            rclpy.shutdown()


def _serve(executor: EventsExecutor, ended: threading.Event) -> None:
    while not ended.is_set():
        executor.spin_once(timeout_sec=0.05)

"""The supervisor with real node processes: the cheapest node is the simulator."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from metabot.bringup.description import FleetDescription, NodeProcess
from metabot.bringup.supervisor import MAX_RESPAWNS, Death, Supervisor

pytestmark = pytest.mark.processes


def wait_for(condition, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing in time"
        time.sleep(0.02)


def test_everything_is_gone_within_three_seconds_of_the_stop(domain: int, tmp_path: Path) -> None:
    with Supervisor(tmp_path, domain) as supervisor:
        supervisor.start([NodeProcess("simulator"), NodeProcess("policy", "/robot_1")])
        processes = [psutil.Process(supervisor.pid(label)) for label in ("simulator", "robot_1.policy")]
        time.sleep(1.0)
        started = time.monotonic()
    assert time.monotonic() - started < 3.0
    assert not any(process.is_running() for process in processes)


def test_a_process_that_ignores_the_request_is_killed(domain: int, tmp_path: Path) -> None:
    with Supervisor(tmp_path, domain) as supervisor:
        supervisor.start([NodeProcess("simulator")])
        process = psutil.Process(supervisor.pid("simulator"))
        time.sleep(0.5)
        process.suspend()  # it cannot answer now
        started = time.monotonic()
    assert time.monotonic() - started < 3.0
    assert not process.is_running()


def test_a_node_that_keeps_dying_is_given_up(domain: int, tmp_path: Path) -> None:
    deaths: list[Death] = []
    with Supervisor(tmp_path, domain, on_death=deaths.append) as supervisor:
        supervisor.start([NodeProcess("simulator", respawn=True)])
        for count in range(1, MAX_RESPAWNS + 2):
            os.kill(supervisor.pid("simulator"), signal.SIGKILL)
            wait_for(lambda count=count: supervisor.watch() or len(deaths) == count)
        assert not supervisor.alive("simulator")
    assert [death.lasting for death in deaths] == [False] * MAX_RESPAWNS + [True]


def test_nodes_do_not_outlive_a_killed_supervisor(domain: int, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from metabot.bringup.description import NodeProcess\n"
        "from metabot.bringup.supervisor import Supervisor\n"
        "supervisor = Supervisor(Path(sys.argv[1]), int(sys.argv[2]))\n"
        "supervisor.start([NodeProcess('simulator')]); print(supervisor.pid('simulator'), flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), str(domain)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    node = psutil.Process(int(owner.stdout.readline()))
    # Wait until the node is up: only then has it asked the kernel to end it with its parent.
    wait_for(lambda: "world" in (tmp_path / "simulator.log").read_text() or node.num_threads() > 4)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    try:
        wait_for(lambda: not node.is_running() or node.status() == psutil.STATUS_ZOMBIE, 5.0)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            node.kill()  # an orphan is no child of this test any more


def test_arguments_reach_a_node_as_data(domain: int) -> None:
    sentence = """it's "quoted", $HOME: [1, 2] {a: b} #no comment \\n ünï"""
    arguments = FleetDescription.of_size(1, sentence=sentence).language().ros_arguments()
    context = Context()
    rclpy.init(args=["node", *arguments], context=context, domain_id=domain)
    try:
        node = Node("language", context=context)
        assert node.declare_parameter("task", "").value == sentence
    finally:
        context.shutdown()

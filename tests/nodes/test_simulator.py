"""The simulator node: what it plays, what it refuses, what becomes of an error in its world."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from metabot_interfaces import msg

from metabot.bringup.supervisor import fleet_environment
from metabot.nodes.client import FleetClient
from metabot.nodes.simulator import SimulatorNode
from metabot.task import Mission, RobotDynamics, TaskSpec, place
from metabot_sim.batch import BatchedWorld
from metabot_sim.families.registry import family


@pytest.fixture
def node(domain: int) -> Iterator[SimulatorNode]:
    """A node of this process whose world is stepped by the test alone."""
    rclpy.init(domain_id=domain)
    made = SimulatorNode()
    try:
        yield made
    finally:
        made.destroy_node()
        rclpy.shutdown()


def told(spec: TaskSpec) -> msg.Task:
    return msg.Task(spec_json=spec.model_dump_json(), digest=spec.digest)


def delayed(steps: int) -> TaskSpec:
    spec = place(Mission(goals=("red",)), 3)
    robot = spec.robots[0].model_copy(update={"dynamics": RobotDynamics(delay_steps=steps)})
    return spec.model_copy(update={"robots": (robot,)})


@pytest.mark.parametrize("steps", [0, 3, 8])
def test_a_delay_lasts_as_long_as_in_training(node: SimulatorNode, steps: int) -> None:
    spec = delayed(steps)
    twin = BatchedWorld(spec, 1, walls=False)
    trained = 0
    while twin.twists()[0, 0, 0] < 0.1:
        twin.step(np.array([[[1.0, 0.0]]]))
        trained += 1
    node._on_task(told(spec))
    world, ticks = node._world, 0
    assert world is not None
    while world.twists()[0, 0, 0] < 0.1:
        node._commands[0], node._command_times[0] = (1.0, 0.0), time.monotonic()
        node._advance(world)
        ticks += 1
    # To a step of each of the two.
    assert ticks / node._rate_hz == pytest.approx(trained / spec.control_hz, abs=1.0 / spec.control_hz)
    assert ticks / node._rate_hz >= steps / spec.control_hz - 0.02


def test_what_it_cannot_play_is_refused_and_the_world_before_goes_on(node: SimulatorNode) -> None:
    good = place(Mission(goals=("red",)), 3)
    node._on_task(told(good))
    world = node._world
    two = family("drive-goal").spec(2)
    mixed = two.model_copy(update={"robots": (two.robots[0], two.robots[1].model_copy(update={"kind": "ackermann"}))})
    for other in (family("grasp-place").spec(1), family("deliver").spec(3), family("drive-push").spec(2), mixed):
        node._on_task(told(other))
        assert node._world is world and node._digest == good.digest
        node._advance(world)
    node._on_task(msg.Task(spec_json="{", digest="x"))
    assert node._world is world


def test_an_error_in_the_world_ends_the_process_with_a_code(domain: int, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import sys\n"
        "from metabot.nodes import simulator\n"
        "class Broken(simulator.SimulatorNode):\n"
        "    def _advance(self, world):\n"
        "        raise IndexError('a row too many')\n"
        "sys.exit(simulator.run_node(Broken))\n"
    )
    environment = {**os.environ, **fleet_environment(domain, tmp_path)}
    output = tmp_path / "output.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen([sys.executable, str(broken)], env=environment, stdout=sink, stderr=sink)
    try:
        with FleetClient(domain) as client:
            client.publish_task(place(Mission(goals=("red",)), 3))
            assert process.wait(timeout=60) == 1
    finally:
        process.kill()
        process.wait()
    assert "IndexError: a row too many" in output.read_text()

"""The launch file: the same fleet as the demo's, under the real launch where that is installed."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metabot.bringup.description import FleetDescription
from metabot.bringup.world import drawn, fleet_for
from metabot.nodes.client import FleetClient
from metabot.task import TaskDistribution, TaskSpec

LAUNCH_FILE = Path(__file__).resolve().parents[2] / "launch" / "fleet.launch.py"

needs_launch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("launch", "launch_ros")),
    reason="launch and launch_ros come with a ROS distribution only; there is no wheel of them",
)

RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
service = LaunchService(argv=[])
arguments = [argument.split(":=", 1) for argument in sys.argv[2:]]
service.include_launch_description(LaunchDescription([
    IncludeLaunchDescription(PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments)
]))
sys.exit(service.run())
"""


def test_the_launch_file_starts_what_the_demo_starts() -> None:
    """Read without launch: the file names no node itself, so it cannot differ from the demo."""
    text = LAUNCH_FILE.read_text()
    assert "node_action(node) for node in description.processes()" in text
    assert "Node(" not in text
    labels = [node.label for node in FleetDescription.of_size(2).processes()]
    assert labels == [
        "language", "meta_learner", "simulator",
        "robot_1.robot_learner", "robot_1.policy", "robot_2.robot_learner", "robot_2.policy",
    ]  # fmt: skip


@needs_launch
@pytest.mark.processes
@pytest.mark.timeout(240)
def test_the_fleet_runs_under_the_real_launch(domain: int, tmp_path: Path) -> None:
    command = [
        sys.executable, "-c", RUN, str(LAUNCH_FILE), "robots:=2", "rounds:=2",
        'distribution:={"horizon_s": 3.0, "reward": {"progress": 2.0}}',
        "task:=two robots go to blue and yellow", f"checkpoint:={tmp_path / 'meta.checkpoint'}",
    ]  # fmt: skip
    log = (tmp_path / "launch.log").open("wb")
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "ROS_LOG_DIR": str(tmp_path)}
    process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        with FleetClient(domain) as client:
            client.wait(lambda: len(client.view.rounds) == 2, "two rounds", 150)
            client.wait(lambda: client.view.world is not None, "the world of the task", 60)
            assert list(client.view.world.robots) == ["robot_1", "robot_2"]
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert time.monotonic() - asked < 15
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()
    assert (tmp_path / "meta.checkpoint").exists()
    assert "Traceback" not in (tmp_path / "launch.log").read_text()


def test_a_fleet_for_a_world_has_its_robots_its_rate_and_its_task() -> None:
    world = drawn("grasp-place", 2, 3)
    fleet = fleet_for(world, method="ridge-dynamics", rounds=0)
    assert fleet.robots == ("arm_1", "arm_2") and fleet.control_hz == 25
    nodes = {node.label: node.parameters for node in fleet.processes()}
    assert TaskSpec.parse(str(nodes["language"]["spec"])) == world and nodes["language"]["task"] == ""
    assert nodes["arm_2.policy"]["rate_hz"] == 25
    assert TaskDistribution.of(str(nodes["arm_1.robot_learner"]["distribution"])).family == "grasp-place"


@needs_launch
def test_a_wrong_argument_is_named() -> None:
    command = [sys.executable, "-c", RUN, str(LAUNCH_FILE), "robots:=three"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode != 0
    assert "robots:=three is not a whole number" in result.stdout + result.stderr

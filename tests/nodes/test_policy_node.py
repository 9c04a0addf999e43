"""The policy node: what happens when its policy fails on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import Twist
from metabot_interfaces import msg
from nav_msgs.msg import Odometry
from std_srvs.srv import SetBool

from metabot.base import drive_policy, policy_for
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.nodes import conversions as convert
from metabot.nodes.policy import PolicyNode
from metabot.problems import make_problem
from metabot.problems.interface import interface_of
from metabot.task import Mission, place

pytestmark = [pytest.mark.processes]


@pytest.fixture
def node(domain: int, tmp_path: Path) -> Iterator[PolicyNode]:
    """A node of this process, driving; what it commands is kept in ``sent``."""
    policy = drive_policy()
    contract = PolicyContract(interface_of(make_problem("drive-goal")), policy.layout.hash)
    path = export_policy(tmp_path / "p.onnx", policy, policy.initial(np.random.default_rng(0)) + 0.1, contract).path
    arguments = ["--ros-args", "-r", "__ns:=/robot_1", "-p", f"policy_file:={path}"]
    rclpy.init(domain_id=domain, args=arguments)
    made = PolicyNode()
    made.sent = []  # type: ignore[attr-defined]
    made._command.publish = made.sent.append  # type: ignore[attr-defined,method-assign]
    try:
        made.autostart()
        spec = place(Mission(goals=("red",)), 3)
        made._on_task(msg.Task(spec_json=spec.model_dump_json(), digest=spec.digest))
        yield made
    finally:
        made.stop()
        made.destroy_node()
        rclpy.shutdown()


def wait(node: PolicyNode, until) -> None:
    deadline = time.monotonic() + 10.0
    while not until():
        assert time.monotonic() < deadline
        node._on_odometry(Odometry())
        time.sleep(0.01)


def moving(twist: Twist) -> bool:
    return twist.linear.x != 0.0 or twist.angular.z != 0.0


def test_a_robot_whose_policy_fails_stops_says_why_and_can_be_engaged_again(node: PolicyNode) -> None:
    sent: list[Twist] = node.sent  # type: ignore[attr-defined]
    node._on_odometry(Odometry())
    assert node._on_engage(SetBool.Request(data=True), SetBool.Response()).success
    wait(node, lambda: len(sent) > 3 and moving(sent[-1]))
    session = node._session
    assert session is not None
    honest = session.step

    def fails(*args: object, **more: object) -> None:
        raise RuntimeError("the graph is gone")

    session.step = fails  # type: ignore[assignment,method-assign]
    wait(node, lambda: not node._engaged)
    wait(node, lambda: not moving(sent[-1]))
    assert node._detail == "stopped, RuntimeError: the graph is gone"
    assert node._thread is not None and node._thread.is_alive()
    session.step = honest  # type: ignore[method-assign]
    assert node._on_engage(SetBool.Request(data=True), SetBool.Response()).success
    count = len(sent)
    wait(node, lambda: len(sent) > count + 3 and moving(sent[-1]))


def test_a_policy_that_comes_before_its_task_drives_when_the_task_is_there(node: PolicyNode) -> None:
    problem = make_problem("drive-odometry")
    policy = policy_for(problem)
    contract = PolicyContract(interface_of(problem), policy.layout.hash)
    content = export_policy(None, policy, policy.initial(np.random.default_rng(1)), contract).content
    before, stamp = node._session, node.get_clock().now().to_msg()
    node._on_policy(convert.policy_to_ros(content, "robot_1", stamp))
    assert node._session is before and "goal_forward in m, frame start" in node._detail
    spec = place(Mission(goals=("red",)), 3).model_copy(update={"family": "drive-odometry"})
    node._on_task(msg.Task(spec_json=spec.model_dump_json(), digest=spec.digest))
    assert node._session is not None and node._session.contract.family == contract.family
    assert node._session is not before and not node._senses.refused(node._session.contract)  # type: ignore[union-attr]


def test_a_policy_that_was_damaged_on_the_way_is_refused_and_the_one_before_drives_on(node: PolicyNode) -> None:
    policy = drive_policy()
    contract = PolicyContract(interface_of(make_problem("drive-goal")), policy.layout.hash)
    content = export_policy(None, policy, policy.initial(np.random.default_rng(2)), contract).content
    before, stamp = node._session, node.get_clock().now().to_msg()
    damaged = convert.policy_to_ros(content, "robot_1", stamp, name="theirs")
    damaged.data[100] ^= 1
    node._on_policy(damaged)
    assert node._session is before and node._detail.startswith("policy refused: theirs: its SHA-256")
    node._on_policy(convert.policy_to_ros(content[:500], "robot_1", stamp))
    assert node._session is before and "not a readable ONNX file" in node._detail
    node._on_policy(convert.policy_to_ros(content, "robot_1", stamp))
    assert node._session is not before

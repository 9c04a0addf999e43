"""Arms over topics: a policy that has adapted to its arm's faults places an object in a world of other processes."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest
import rclpy

from metabot.base import drive_policy, policy_for
from metabot.bringup.description import NodeProcess
from metabot.bringup.world import drawn, fleet_for
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.deploy.senses import Senses
from metabot.fleet import FleetError
from metabot.harness.training import load_trained
from metabot.meta import adapted
from metabot.nodes.policy import PolicyNode
from metabot.problems import make_problem
from metabot.problems.family import FamilyProblem
from metabot.problems.interface import interface_of
from metabot.task import TaskDistribution
from metabot_sim.families.registry import family
from metabot_sim.robots.mjcf import with_mjcf

pytestmark = [pytest.mark.processes]

MODEL = Path(__file__).parents[2] / "models" / "ridge-dynamics-grasp-place"


def test_an_arm_with_unknown_faults_places_its_object_over_topics(start_fleet, tmp_path: Path) -> None:
    training = load_trained(MODEL)
    spec = family("grasp-place").sample(3, "held-out", 1)
    problem = training.problem
    assert isinstance(problem, FamilyProblem)
    parameters = adapted(training.learner, training.meta, problem, problem.state(spec), 2, 0).numpy()
    policy = training.learner.policy
    contract = PolicyContract(interface_of(problem), policy.layout.hash, method="ridge-dynamics")
    path = export_policy(tmp_path / "arm.onnx", policy, parameters, contract).path
    (robot,) = spec.robots
    nodes = [
        NodeProcess("simulator"),
        NodeProcess("policy", f"/{robot.name}", {"policy_file": str(path), "rate_hz": 25}, respawn=False),
    ]
    client = start_fleet(nodes).client
    client.publish_task(spec)
    client.follow((robot.name,))
    client.wait(lambda: client.view.world is not None and bool(client.view.control), "the arm", 30)
    assert client.view.world.digest == spec.digest and not any(client.view.world.reached)
    # In the simulation alone it places 98 of 100; a machine that is held up may lose it the object once.
    for attempt in range(3):
        client.reset_world()
        client.engage(robot.name)
        with suppress(FleetError) if attempt < 2 else nullcontext():
            client.wait(lambda: all(client.view.world.reached), "the object in its bin", 15)
            break
    client.wait(lambda: client.view.control[robot.name].reached, "its own word", 10)
    assert client.view.control[robot.name].ticks > 20


def test_a_policy_of_an_arm_without_a_gripper_says_nothing_to_one(start_fleet, tmp_path: Path) -> None:
    spec = with_mjcf(family("arm-reach").sample(3, robots=1), str(Path(__file__).parents[1] / "welder.xml"))
    problem = FamilyProblem(TaskDistribution(family="arm-reach", scene=spec))
    policy = policy_for(problem, (4,))
    contract = PolicyContract(interface_of(problem), policy.layout.hash)
    path = export_policy(tmp_path / "arm.onnx", policy, policy.initial(np.random.default_rng(0)), contract).path
    nodes = [
        NodeProcess("simulator"),
        NodeProcess("policy", "/arm_1", {"policy_file": str(path), "rate_hz": 25}, respawn=False),
    ]
    client = start_fleet(nodes).client
    client.publish_task(spec)
    client.follow(("arm_1",))
    client.wait(lambda: client.view.world is not None and bool(client.view.control), "the arm", 30)
    client.engage("arm_1")
    client.wait(lambda: client.view.control["arm_1"].ticks > 20, "commands", 15)
    assert client.view.control["arm_1"].detail == "driving"
    topics = {name for name, _ in client._node.get_topic_names_and_types()}
    assert "/arm_1/servo" in topics and "/arm_1/gripper" not in topics


def test_a_policy_of_another_kind_of_robot_is_refused_and_the_arm_stands(start_fleet, tmp_path: Path) -> None:

    policy = drive_policy()
    contract = PolicyContract(interface_of(make_problem("drive-goal")), policy.layout.hash)
    path = export_policy(tmp_path / "car.onnx", policy, policy.initial(np.random.default_rng(0)), contract).path
    spec = family("grasp-frames").spec(1)
    nodes = [
        NodeProcess("simulator"),
        NodeProcess("policy", "/arm_1", {"policy_file": str(path)}, respawn=False),
    ]
    client = start_fleet(nodes).client
    client.publish_task(spec)
    client.follow(("arm_1",))
    client.wait(lambda: client.view.world is not None and bool(client.view.control), "the arm", 30)
    with pytest.raises(FleetError, match="drives a robot of kind diffdrive, arm_1 is of kind arm"):
        client.engage("arm_1", timeout_s=5)


def test_a_car_of_a_team_has_not_done_its_part_on_its_pad(start_fleet, tmp_path: Path) -> None:
    problem = make_problem("deliver")
    assert isinstance(problem, FamilyProblem)
    policy = policy_for(problem, (4,))
    forward = {name: np.zeros(shape, np.float32) for name, shape in policy.layout.entries}
    forward[policy.mlp.head[1]][0] = 0.3
    contract = PolicyContract(interface_of(problem, 1), policy.layout.hash)
    path = export_policy(tmp_path / "car.onnx", policy, policy.layout.flatten(forward), contract).path
    nodes = [
        NodeProcess("simulator"),
        NodeProcess("policy", "/car_1", {"policy_file": str(path), "rate_hz": 25}, respawn=False),
    ]
    client = start_fleet(nodes).client
    client.publish_task(problem.spec)
    client.follow(("car_1",))
    client.wait(lambda: client.view.world is not None and bool(client.view.control), "the car", 30)
    client.reset_world()
    client.engage("car_1")
    control = client.view.control
    client.wait(lambda: control["car_1"].distance_m < 0.06, "its pad", 20)
    client.wait(lambda: control["car_1"].distance_m > 0.2, "the way beyond", 10)
    assert control["car_1"].engaged and not control["car_1"].reached


def test_a_car_on_its_own_stands_on_its_pad_whatever_it_believes_to_have_touched(domain: int) -> None:
    spec = family("drive-goal").spec(2)
    pad = spec.pad_of(spec.robots[0].name)
    rclpy.init(domain_id=domain)
    node = PolicyNode()
    try:
        senses = Senses(spec, spec.robots[0].name)
        node._goal = np.array([pad.x, pad.y])
        arrived = []
        # On its way; against the other car; on its pad.
        for number, (ahead, other) in enumerate([(-1.0, 2.0)] * 3 + [(-1.0, -1.05)] * 3 + [(0.0, 2.0)] * 3):
            pose, at = np.array([pad.x + ahead, pad.y, 0.0]), 0.05 * number
            node._odometry = (pose, at)
            senses.odometry(pose, np.zeros(3), at)
            senses.neighbours(np.array([[other - ahead, 0.0, 0.0]]), at)
            arrived.append(node._arrived(senses))
            senses.shadow.look()
            senses.act(np.zeros(2))
        assert arrived == [False] * 6 + [True] * 3 and not senses.success
    finally:
        node.destroy_node()
        rclpy.shutdown()


def test_the_language_node_publishes_a_task_that_is_stated(start_fleet) -> None:
    world = drawn("grasp-frames", 1, 0)
    nodes = [node for node in fleet_for(world).processes() if node.executable in ("language", "simulator")]
    client = start_fleet(nodes).client
    client.wait(lambda: client.view.world is not None, "the world", 60)
    assert client.view.world.digest == world.digest and list(client.view.world.robots) == ["arm_1"]

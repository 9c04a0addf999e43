"""A robot's own processes: learner, policy node and the shared world."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import PoseArray, Twist, Vector3
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from metabot_interfaces.action import Adapt
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from std_msgs.msg import Float64

from metabot.base import drive_policy
from metabot.bringup.description import FleetDescription
from metabot.demo.faults import with_faults
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.harness.exporting import export_trained
from metabot.harness.training import load_trained
from metabot.meta import make_meta_learner
from metabot.nodes.client import FleetError, Pending, adapted_vector
from metabot.nodes.conversions import odometry_from_ros
from metabot.nodes.qos import newest
from metabot.params import save_checkpoint
from metabot.policy import GaussianMLP
from metabot.problems import make_problem
from metabot.problems.family import FamilyProblem
from metabot.problems.interface import interface_of
from metabot.task import Mission, RobotDynamics, TaskDistribution, TaskSpec, place
from metabot_sim.robots.mjcf import with_mjcf

pytestmark = pytest.mark.processes


def small_fleet(tmp_path: Path, robots: int, **fields: object) -> FleetDescription:
    defaults = {
        "rounds": 2,
        "tasks": 2,
        "episodes": 2,
        "trials": 8,
        "deadline_s": 20.0,
        "checkpoint": tmp_path / "meta.checkpoint",
    }
    return FleetDescription.of_size(robots, **{**defaults, **fields})


def without(fleet: FleetDescription, *executables: str) -> list:
    return [node for node in fleet.processes() if node.executable not in executables]


def test_a_learner_killed_in_mid_round_does_not_stop_the_fleet(start_fleet, tmp_path: Path) -> None:
    description = small_fleet(tmp_path, 3, rounds=3, tasks=8, episodes=8)
    nodes = without(description, "language", "simulator", "policy")
    lasting = [
        node if node.namespace != "/robot_2" else type(node)(**{**node.__dict__, "respawn": False}) for node in nodes
    ]
    fleet = start_fleet(lasting)
    client = fleet.client
    client.wait(lambda: len(client.view.robots) == 3 and 0 in client.view.rounds, "the first round", 60)
    os.kill(fleet.supervisor.pid("robot_2.robot_learner"), signal.SIGKILL)
    client.wait(lambda: len(client.view.rounds) == 3, "all rounds", 60)
    assert list(client.view.rounds[2].missing) == ["robot_2"]
    assert [(death.label, death.reason, death.lasting) for death in fleet.deaths] == [
        ("robot_2.robot_learner", "killed by SIGKILL", True)
    ]


def test_a_learner_that_comes_back_takes_part_again(start_fleet, tmp_path: Path) -> None:
    description = small_fleet(tmp_path, 2, rounds=40, quorum=2, deadline_s=60.0)
    fleet = start_fleet(without(description, "language", "simulator", "policy"))
    client = fleet.client
    client.wait(lambda: 0 in client.view.rounds, "the first round", 60)
    os.kill(fleet.supervisor.pid("robot_2.robot_learner"), signal.SIGKILL)
    client.wait(lambda: bool(fleet.deaths), "the death", 10)
    reached = max(client.view.rounds)
    client.wait(lambda: max(client.view.rounds) >= reached + 3, "rounds that need both robots", 60)
    assert fleet.deaths[0].respawned


def test_adapt_succeeds_is_rejected_is_aborted_and_is_canceled(start_fleet, tmp_path: Path) -> None:
    """The endings of the action; the fifth, no answer in time, is the next test."""
    description = small_fleet(tmp_path, 1, rounds=1, exports=tmp_path)
    fleet = start_fleet(without(description, "language", "simulator", "policy"))
    client = fleet.client
    client.wait(lambda: client.view.parameters is not None and client.view.parameters.version == 1, "parameters", 60)
    spec = with_faults(place(Mission(goals=("red",))))

    target = tmp_path / "robot_1.onnx"
    action = client.adapt("robot_1", spec, episodes=3, trials=16, seed=5, deploy=True, file=target.name)
    result = action.result(60)
    assert result.ok and result.episodes == 3 and result.trials == 16 and result.parity_max_abs <= 1e-5
    assert target.exists() and adapted_vector(result).shape == (drive_policy().layout.size,)
    assert action.feedback.stage in ("testing", "done", "exporting", "adapting")
    again = client.adapt("robot_1", spec, episodes=3, trials=16, seed=5).result(60)
    assert np.array_equal(adapted_vector(result), adapted_vector(again))

    learner = ActionClient(client._node, Adapt, "/robot_1/adapt")
    with pytest.raises(FleetError, match="robot_1's learner refused the goal"):
        Pending(client, learner, Adapt.Goal(spec_json="{}"), "robot_1's learner").result(20)

    notes = tmp_path / "notes.onnx"
    notes.write_text("mine")
    refused = client.adapt("robot_1", spec, trials=8, deploy=True, file="notes.onnx").result(60)
    assert not refused.ok and "notes.onnx is there already and is no policy" in refused.message
    assert notes.read_text() == "mine"

    # Nobody writes anywhere but below the folder that the node was given.
    for outside in ("../robot_1.onnx", str(tmp_path / "mine.onnx"), "notes.txt"):
        with pytest.raises(FleetError, match="refused the goal"):
            client.adapt("robot_1", spec, trials=8, deploy=True, file=outside).result(60)

    other = spec.model_copy(update={"control_hz": 10})
    with pytest.raises(FleetError, match="refused the goal"):
        client.adapt("robot_1", other, trials=8).result(60)

    too_many = client.adapt("robot_1", spec, trials=4294967295)
    with pytest.raises(FleetError, match="refused the goal"):
        too_many.result(20)
    assert "trials: 4294967295 is above 100000" in fleet.log("robot_1.robot_learner")

    long = client.adapt("robot_1", spec, episodes=400, trials=400)
    client.wait(lambda: long.poll() or long.feedback is not None, "feedback", 20)
    with pytest.raises(FleetError, match="refused the goal"):
        client.adapt("robot_1", spec).result(20)  # one at a time
    asked = time.monotonic()
    long.cancel()
    canceled = long.result(30)
    assert not canceled.ok and canceled.message.startswith("canceled") and time.monotonic() - asked < 20
    assert client.adapt("robot_1", spec, trials=8).result(60).ok, "the learner goes on after a cancel"
    assert "Traceback" not in fleet.log("robot_1.robot_learner")


def test_an_action_without_a_server_times_out_with_a_clear_line(start_fleet) -> None:
    client = start_fleet([]).client
    with pytest.raises(FleetError, match="robot_9's learner: no answer: nothing after 1 s"):
        client.adapt("robot_9", place(Mission(goals=("red",)))).result(1.0)


def hand_set() -> tuple[GaussianMLP, np.ndarray]:
    """A network, set by hand, that drives a healthy robot to its pad."""
    policy = drive_policy()
    parameters = np.zeros(policy.layout.size, np.float32)
    views = policy.layout.view(parameters)
    names = ("goal_forward", "goal_left", "goal_cos", "goal_sin")
    views["weight_0"][0, names.index("goal_cos")] = 1.0
    views["weight_0"][1, names.index("goal_sin")] = 1.0
    views["weight_1"][0, 0] = views["weight_1"][1, 1] = 1.0
    views["weight_2"][0, 0], views["weight_2"][1, 1] = 0.8, 1.2
    return policy, parameters


@pytest.fixture
def healthy_policy(tmp_path: Path) -> str:
    """A hand-set network that drives a healthy robot to its pad."""
    policy, parameters = hand_set()
    contract = PolicyContract(interface_of(make_problem("drive-goal")), policy.layout.hash)
    return str(export_policy(tmp_path / "hand.onnx", policy, parameters, contract).path)


def driving_nodes(description: FleetDescription, policy_file: str) -> list:
    nodes = []
    for node in without(description, "language", "meta_learner", "robot_learner"):
        extra = {"policy_file": policy_file} if node.executable == "policy" else {}
        nodes.append(type(node)(node.executable, node.namespace, {**node.parameters, **extra}, node.respawn))
    return nodes


def test_policy_nodes_drive_the_fleet_to_its_pads(start_fleet, tmp_path: Path, healthy_policy: str) -> None:
    description = small_fleet(tmp_path, 2)
    spec = place(Mission(goals=("red", "blue")), 3)
    fleet = start_fleet(driving_nodes(description, healthy_policy))
    client = fleet.client
    client.publish_task(spec, "two robots")
    client.follow(description.robots)
    client.wait(lambda: client.view.world is not None and client.view.world.digest == spec.digest, "the world", 30)
    client.wait(lambda: len(client.view.control) == 2, "policy nodes", 30)
    assert not any(client.view.world.reached)
    client.reset_world()
    client.record_paths(description.robots)
    for robot in description.robots:
        client.engage(robot)
    client.wait(lambda: all(client.view.world.reached), "arrival", 30)
    client.wait(lambda: all(status.reached for status in client.view.control.values()), "their own word", 10)
    assert list(client.view.world.contacts) == [0, 0]
    for status in client.view.control.values():
        assert status.rate_hz == 20 and status.ticks > 20 and status.inference_p50_us > 0
    for robot in description.robots:
        path = np.array(client.view.paths[robot])
        assert np.linalg.norm(path[-1, 1:3] - path[0, 1:3]) > 0.6


def test_a_policy_reaches_its_robot_without_a_disk_that_both_have(start_fleet, tmp_path: Path) -> None:
    """Bytes and their hash travel: neither node is given a folder, and no file is there when the robot drives."""
    description = small_fleet(tmp_path, 1, rounds=1)
    client = start_fleet(without(description, "language")).client
    client.wait(lambda: client.view.parameters is not None and client.view.parameters.version == 1, "parameters", 60)
    spec = with_faults(place(Mission(goals=("red",))))
    client.publish_task(spec)
    client.follow(("robot_1",))
    client.wait(lambda: client.view.world is not None and bool(client.view.control), "the robot", 30)
    assert client.view.control["robot_1"].policy == ""
    result = client.adapt("robot_1", spec, episodes=1, trials=8, deploy=True).result(60)
    assert result.ok and result.file == ""
    client.wait(lambda: bool(client.view.control["robot_1"].policy), "the learner's policy", 10)
    learned = client.view.control["robot_1"].policy
    policy, parameters = hand_set()
    contract = PolicyContract(interface_of(make_problem("drive-goal")), policy.layout.hash)
    made = export_policy(None, policy, parameters, contract)
    client.hand_out(("robot_1",), made.content, "by hand")
    client.wait(lambda: client.view.control["robot_1"].policy == made.sha256[:16], "the other policy", 10)
    assert learned != made.sha256[:16] and not list(tmp_path.rglob("*.onnx"))
    client.engage("robot_1")
    client.wait(lambda: client.view.control["robot_1"].ticks > 10, "driving", 20)


def test_a_policy_with_a_memory_finds_out_on_the_way_that_its_robot_is_reversed(start_fleet, tmp_path: Path) -> None:
    training = load_trained(Path(__file__).parents[2] / "models" / "dagger-drive-goal")
    path = tmp_path / "memory.onnx"
    export_trained(training, path)
    description = small_fleet(tmp_path, 1)
    spec = place(Mission(goals=("red",)), 3)
    reversed_ = spec.robots[0].model_copy(update={"dynamics": RobotDynamics(drive_gain=-0.9, steer_gain=-0.9)})
    spec = spec.model_copy(update={"robots": (reversed_,)})
    client = start_fleet(driving_nodes(description, str(path))).client
    client.publish_task(spec)
    client.follow(description.robots)
    client.wait(lambda: client.view.world is not None and bool(client.view.control), "the robot", 30)
    client.reset_world()
    client.engage("robot_1")
    client.wait(lambda: all(client.view.world.reached), "arrival", 30)


def test_a_policy_that_reads_rewards_drives_where_somebody_says_them(start_fleet, tmp_path: Path) -> None:
    problem = make_problem("drive-goal")
    learner = make_meta_learner("rl2", problem, hidden_size=8)
    contract = PolicyContract(interface_of(problem), learner.policy.layout.hash)
    path = tmp_path / "paid.onnx"
    export_policy(path, learner.policy, learner.policy.initial(np.random.default_rng(0)), contract)
    client = start_fleet(driving_nodes(small_fleet(tmp_path, 1), str(path))).client
    spec, paid = place(Mission(goals=("red",)), 3), []
    client._node.create_subscription(Float64, "/robot_1/reward", lambda m: paid.append(m.data), newest())
    client.publish_task(spec)
    client.follow(("robot_1",))
    client.wait(lambda: client.view.world is not None and bool(client.view.control) and bool(paid), "the robot", 30)
    client.reset_world()
    client.engage("robot_1")
    client.wait(lambda: client.view.control["robot_1"].ticks > 20, "driving", 20)
    assert client.view.control["robot_1"].detail == "driving"
    client.engage("robot_1", False)
    world = client.view.world
    assert list(world.reward_terms) == list(spec.reward) and len(world.reward_by_term) == len(spec.reward)
    # Effort is paid for in commands, and commands there were.
    assert dict(zip(world.reward_terms, world.reward_by_term, strict=True))["effort"] < 0.0
    client.pause_world()
    time.sleep(0.8)
    with pytest.raises(FleetError, match=r"no odometry for|no reward for"):
        client.engage("robot_1", timeout_s=1.0)


@pytest.mark.parametrize("max_speed_mps", [0.5, 1.5])
def test_a_robot_of_ones_own_drives_over_topics_at_the_speed_that_it_is_told(
    start_fleet, tmp_path: Path, max_speed_mps: float
) -> None:
    page = Path(__file__).parents[2] / "docs/tutorials/bring-your-own-robot.md"
    xml = re.search(r"```xml\n(.*?)```", page.read_text(), re.DOTALL)
    assert xml is not None
    (tmp_path / "robot.xml").write_text(xml[1])
    (tmp_path / "robot.metabot.json").write_text(json.dumps({"max_speed_mps": max_speed_mps}))
    spec = with_mjcf(place(Mission(goals=("red",)), 3), str(tmp_path / "robot.xml"))
    policy, parameters = hand_set()
    contract = PolicyContract(interface_of(FamilyProblem(TaskDistribution(scene=spec))), policy.layout.hash)
    path = export_policy(tmp_path / "own.onnx", policy, parameters, contract).path
    fleet = start_fleet(driving_nodes(small_fleet(tmp_path, 1), str(path)))
    client, heard = fleet.client, {}
    client._node.create_subscription(Odometry, "/robot_1/odom", lambda m: heard.__setitem__("odom", m), newest())
    ahead = client._node.create_publisher(Twist, "/robot_1/cmd_vel", newest())
    client.publish_task(spec)
    client.follow(("robot_1",))
    client.wait(lambda: "odom" in heard and bool(client.view.control), "the robot", 30)

    def fast() -> bool:
        ahead.publish(Twist(linear=Vector3(x=0.25)))
        return heard["odom"].twist.twist.linear.x > 0.2

    client.wait(fast, "its speed", 20)
    until = time.monotonic() + 1.0
    client.wait(lambda: (ahead.publish(Twist(linear=Vector3(x=0.25))), time.monotonic() > until)[1], "steady", 5)
    assert heard["odom"].twist.twist.linear.x == pytest.approx(0.25, abs=0.01)
    client.reset_world()
    client.engage("robot_1")
    client.wait(lambda: all(client.view.world.reached), "arrival", 40)


def test_a_robot_whose_policy_node_dies_stops(start_fleet, tmp_path: Path, healthy_policy: str) -> None:
    description = small_fleet(tmp_path, 1)
    nodes = [
        type(n)(n.executable, n.namespace, n.parameters, False) for n in driving_nodes(description, healthy_policy)
    ]
    fleet = start_fleet(nodes)
    client = fleet.client
    spec: TaskSpec = place(Mission(goals=("red",)), 3)
    client.publish_task(spec)
    client.follow(("robot_1",))
    client.wait(lambda: client.view.world is not None and bool(client.view.control), "the robot", 30)
    client.reset_world()
    client.engage("robot_1")
    client.record_paths(("robot_1",))
    time.sleep(0.5)
    first, last = (np.array(client.view.paths["robot_1"][index][1:3]) for index in (0, -1))
    assert np.linalg.norm(last - first) > 0.05, "it drives"
    os.kill(fleet.supervisor.pid("robot_1.policy"), signal.SIGKILL)
    time.sleep(1.5)
    before = np.array(client.view.paths["robot_1"][-1][1:3])
    time.sleep(0.7)
    after = np.array(client.view.paths["robot_1"][-1][1:3])
    assert np.linalg.norm(after - before) < 0.01


def test_a_policy_node_says_why_it_cannot_drive(start_fleet, tmp_path: Path, healthy_policy: str) -> None:
    description = small_fleet(tmp_path, 1)
    fleet = start_fleet([node for node in description.of_robot("robot_1") if node.executable == "policy"])
    fleet.client.follow(("robot_1",))
    fleet.client.wait(lambda: bool(fleet.client.view.control), "the policy node", 30)
    with pytest.raises(FleetError, match="/robot_1/engage: no policy has arrived yet"):
        fleet.client.engage("robot_1", timeout_s=2)


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"policy_file": "/none.onnx"}, "policy: /none.onnx: No such file"),
        ({"rate_hz": 0}, "policy: rate_hz: 0 is not between 1 and 1000"),
        ({"rate_hz": "fast"}, "rate_hz: 'fast' is no int"),
        ({"provider": "tpu"}, "policy: provider: 'tpu'; allowed: auto, cpu, cuda"),
    ],
)
def test_wrong_parameters_end_a_node_with_one_line(start_fleet, parameters: dict, line: str) -> None:
    from metabot.bringup.description import NodeProcess

    fleet = start_fleet([NodeProcess("policy", "/robot_1", parameters, respawn=True)])
    fleet.client.wait(lambda: bool(fleet.deaths), "the end of the node", 30)
    assert fleet.deaths[0].lasting and line in fleet.deaths[0].reason
    assert "Traceback" not in fleet.log("robot_1.policy")


def test_a_learner_survives_deactivation_and_a_late_activation(start_fleet, tmp_path: Path) -> None:
    """What a lifecycle manager does: nothing that is latched may be lost, no thread doubled."""
    description = small_fleet(tmp_path, 1, rounds=30)
    learner, meta_learner = description.of_robot("robot_1")[0], description.shared()[0]
    waiting = type(learner)(learner.executable, learner.namespace, {**learner.parameters, "autostart": False})
    client = start_fleet([meta_learner, waiting]).client

    def change(node: str, transition: int) -> None:
        service = client._node.create_client(ChangeState, f"{node}/change_state")
        client.wait(service.service_is_ready, f"{node}", 30)
        request = ChangeState.Request()
        request.transition.id = transition
        assert client._wait_for(service.call_async(request), node, 20).success

    client.wait(lambda: client.view.parameters is not None, "parameters", 30)
    change("/robot_1/robot_learner", Transition.TRANSITION_CONFIGURE)
    change("/robot_1/robot_learner", Transition.TRANSITION_ACTIVATE)
    client.wait(lambda: len(client.view.rounds) >= 3, "rounds after a late activation", 40)
    change("/meta_learner", Transition.TRANSITION_DEACTIVATE)
    time.sleep(1.0)
    stopped = len(client.view.rounds)
    time.sleep(1.0)
    assert len(client.view.rounds) == stopped
    change("/meta_learner", Transition.TRANSITION_ACTIVATE)
    client.wait(lambda: len(client.view.rounds) >= stopped + 2, "rounds after a pause", 40)


def test_a_hostile_twist_does_not_break_the_world(start_fleet, tmp_path: Path) -> None:
    description = small_fleet(tmp_path, 1)
    client = start_fleet(without(description, "language", "meta_learner", "robot_learner", "policy")).client
    client.publish_task(place(Mission(goals=("red",))))
    client.wait(lambda: client.view.world is not None, "the world", 30)
    publisher = client._node.create_publisher(Twist, "/robot_1/cmd_vel", newest())
    for value in (float("nan"), float("inf"), 1e30, -1e30):
        message = Twist()
        message.linear.x = message.angular.z = value
        publisher.publish(message)
        time.sleep(0.2)
    time.sleep(0.5)
    assert np.isfinite(client.view.world.distance_m).all()


def test_a_checkpoint_survives_for_the_next_fleet(start_fleet, tmp_path: Path) -> None:
    learner = make_meta_learner("meta-sgd")
    vector = np.full(learner.layout.size, 0.25, np.float32)
    save_checkpoint(
        tmp_path / "meta.checkpoint", vector, learner.layout, {"method": "meta-sgd", "version": 2, "seed": 0}
    )
    client = start_fleet([small_fleet(tmp_path, 1, rounds=2).shared()[0]]).client
    client.wait(lambda: client.view.parameters is not None, "parameters", 30)
    assert client.view.parameters.version == 2


def test_a_robot_believes_its_odometry_and_sees_others_as_they_are(start_fleet, tmp_path: Path) -> None:
    """Its compass is turned by a right angle: what it counts of its way is turned, what it sees is not."""
    spec = place(Mission(goals=("red", "blue")), 3).model_copy(update={"family": "drive-odometry"})
    turned = spec.robots[0].model_copy(update={"dynamics": RobotDynamics(heading_offset=math.pi / 2)})
    spec = spec.model_copy(update={"robots": (turned, spec.robots[1])})
    fleet = start_fleet(without(small_fleet(tmp_path, 2), "language", "meta_learner", "robot_learner", "policy"))
    client, heard = fleet.client, {}
    for topic, kind in (("odom", Odometry), ("ground_truth", Odometry), ("neighbours", PoseArray)):
        client._node.create_subscription(
            kind, f"/robot_1/{topic}", lambda message, topic=topic: heard.__setitem__(topic, message), newest()
        )
    client._node.create_subscription(Odometry, "/robot_2/ground_truth", lambda m: heard.__setitem__("two", m), newest())
    ahead = client._node.create_publisher(Twist, "/robot_1/cmd_vel", newest())
    client.publish_task(spec)
    client.wait(lambda: len(heard) == 4, "all topics", 30)
    client.reset_world()

    def driven() -> bool:
        ahead.publish(Twist(linear=Vector3(x=0.4)))
        here, _ = odometry_from_ros(heard["ground_truth"])
        return float(np.hypot(*(here[:2] - start[:2]))) > 0.4

    start = np.array([turned.spawn.x, turned.spawn.y, turned.spawn.yaw])
    client.wait(driven, "a way", 20)
    client.wait(lambda: time.sleep(0.8) is None, "standstill", 10)  # commands that are old stop it
    truth, believed = (odometry_from_ros(heard[topic])[0] for topic in ("ground_truth", "odom"))
    way, counted = truth[:2] - start[:2], believed[:2] - start[:2]
    assert np.allclose(counted, [-way[1], way[0]], atol=0.03)
    assert math.remainder(believed[2] - truth[2] - math.pi / 2, math.tau) == pytest.approx(0.0, abs=1e-3)
    (seen,) = heard["neighbours"].poses
    apart = odometry_from_ros(heard["two"])[0][:2] - truth[:2]
    cos, sin = math.cos(truth[2]), math.sin(truth[2])
    expected = [cos * apart[0] + sin * apart[1], cos * apart[1] - sin * apart[0]]
    assert np.allclose([seen.position.x, seen.position.y], expected, atol=0.02)

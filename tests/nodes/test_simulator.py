"""The simulator node: what it plays, what it refuses, what becomes of an error in its world."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Twist, Vector3
from metabot_interfaces import msg
from nav_msgs.msg import Odometry
from std_srvs.srv import SetBool, Trigger

from metabot.bringup.supervisor import fleet_environment
from metabot.nodes import ticker
from metabot.nodes.client import FleetClient
from metabot.nodes.conversions import (
    command_from_ros,
    command_to_ros,
    gripper_from_ros,
    gripper_to_ros,
    joint_states_from_ros,
    joint_states_to_ros,
    object_from_ros,
    object_to_ros,
    servo_from_ros,
    servo_to_ros,
)
from metabot.nodes.simulated import SimulatedCar
from metabot.nodes.simulator import SimulatorNode
from metabot.task import Mission, RobotDynamics, TaskSpec, place
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.registry import GYMNASIUM, available, family
from metabot_sim.interface import robot_interface
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.mjcf import with_mjcf

pytestmark = [pytest.mark.processes]


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
    env, ticks = node._env, 0
    assert env is not None
    while env.world.twists()[0, 0, 0] < 0.1:
        node._hear(0)(slice(0, 2), np.array([1.0, 0.0]))
        node._advance(env)
        ticks += 1
    assert ticks == trained and node._clock_s == pytest.approx(ticks / spec.control_hz)


OWN = """
<mujoco><worldbody><body name="base" pos="0 0 0.06">
  <geom type="box" size="0.13 0.09 0.03" pos="0 0 0.03" mass="3"/>
  <geom type="sphere" size="0.02" pos="-0.1 0 -0.04" mass="0.05" condim="1" priority="1"/>
  <body pos="0.04 0.1 0"><joint name="left" axis="0 1 0" damping="0.002"/>
    <geom type="ellipsoid" size="0.06 0.012 0.06" mass="0.2"/></body>
  <body pos="0.04 -0.1 0"><joint name="right" axis="0 1 0" damping="0.002"/>
    <geom type="ellipsoid" size="0.06 0.012 0.06" mass="0.2"/></body>
</body></worldbody></mujoco>
"""


@pytest.mark.parametrize(("kind", "most_mps"), [("diffdrive", 1.0), ("ackermann", 1.0), ("mjcf", 0.5), ("mjcf", 2.0)])
def test_a_robot_of_any_kind_goes_as_many_metres_a_second_as_it_is_told(
    node: SimulatorNode, tmp_path: Path, kind: str, most_mps: float
) -> None:
    spec = place(Mission(goals=("red",)), 3)
    (tmp_path / "own.xml").write_text(OWN)
    (tmp_path / "own.metabot.json").write_text(json.dumps({"max_speed_mps": most_mps}))
    if kind == "mjcf":
        spec = with_mjcf(spec, str(tmp_path / "own.xml"))
    else:
        spec = spec.model_copy(update={"robots": (spec.robots[0].model_copy(update={"kind": kind}),)})
    node._on_task(told(spec))
    env, (robot,) = node._env, node._robots
    assert env is not None and isinstance(robot, SimulatedCar)
    (hears,) = robot._subscriptions
    said: list[Odometry] = []
    robot._odometry.publish = said.append  # type: ignore[method-assign]
    for forward in (0.25, 0.4, -0.3):
        for _ in range(3 * spec.control_hz):
            hears.callback(Twist(linear=Vector3(x=forward)))
            node._advance(env)
        assert said[-1].twist.twist.linear.x == pytest.approx(forward, abs=0.015)
        assert said[-1].twist.twist.angular.z == pytest.approx(0.0, abs=0.03)


PLAYED = [name for name in available() if not name.startswith(GYMNASIUM)]


@pytest.mark.parametrize("name", PLAYED)
def test_every_family_is_played_by_its_own_rules_through_topics(node: SimulatorNode, name: str) -> None:
    """The expert sees the world itself; what it does goes through messages, as do states on their way back."""
    spec = family(name).sample(4)
    node._on_task(told(spec))
    env = node._env
    assert env is not None and env.family.name == name
    twin = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    twin.reset(episodes=EpisodeBatch.of(spec, 1))
    faces = [robot_interface(env, index) for index in range(env.num_robots)]
    stamp = Time()
    for _ in range(100):
        actions = np.clip(env.expert()[0], -1.0, 1.0)
        for index, (face, robot) in enumerate(zip(faces, spec.robots, strict=True)):
            hear = node._hear(index)
            if robot.kind == "arm":
                hear(slice(0, 4), servo_from_ros(servo_to_ros(actions[index], face, robot.name, stamp), face))
                hear(slice(4, 5), gripper_from_ros(gripper_to_ros(actions[index, 4], face), face))
            else:
                scales = [term.scale for term in face.action]
                hear(slice(0, 2), command_from_ros(command_to_ros(actions[index, :2], *scales), *scales))
        node._advance(env)
        done = twin.step(actions[None])
        assert np.allclose(env.world.qpos, twin.world.qpos, atol=1e-9)
        assert np.array_equal(node._reached, done.success[0] | node._reached)
        if done.terminated[0] or done.truncated[0]:
            break


def test_an_arm_without_a_gripper_is_told_by_servo_alone(node: SimulatorNode) -> None:
    spec = with_mjcf(family("arm-reach").sample(4), str(Path(__file__).parents[1] / "welder.xml"))
    mixed = spec.model_copy(update={"robots": (spec.robots[0], family("arm-reach").sample(4).robots[1])})
    node._on_task(told(mixed))
    env = node._env
    assert env is not None
    for name, grips in (("arm_1", 0), ("arm_2", 1)):
        assert node.count_subscribers(f"/{name}/servo") == 1
        assert node.count_subscribers(f"/{name}/gripper") == grips
    faces = [robot_interface(env, index) for index in range(2)]
    for _ in range(env.horizon):
        actions = np.clip(env.expert()[0], -1.0, 1.0)
        for index, face in enumerate(faces):
            message = servo_to_ros(actions[index], face, mixed.robots[index].name, Time())
            node._hear(index)(slice(0, 4), servo_from_ros(message, face))
        node._advance(env)
    assert node._reached.all()
    arm = env.world.group_of(0)
    assert isinstance(arm, Arm)
    positions, velocities = (each[0] for each in arm.joint_states(0))
    message = joint_states_to_ros(arm.joint_names[0], 0, positions, velocities, False, "arm_1", Time())
    found = joint_states_from_ros(message, arm.joint_names[0], 0)
    assert np.array_equal(found[0], positions) and not found[2]


def test_states_survive_their_messages() -> None:
    env = FleetEnv("grasp-place", 1)
    env.reset(seed=2)
    for _ in range(40):
        env.step(env.expert())
    arm = env.world.group("arm")
    assert isinstance(arm, Arm)
    positions, velocities = (each[0] for each in arm.joint_states(0))
    names, fingers = arm.joint_names[0], arm.fingers[0]
    for pressed in (False, True):
        message = joint_states_to_ros(names, fingers, positions, velocities, pressed, "arm_1", Time())
        order = np.random.default_rng(0).permutation(len(message.name))
        for part in ("name", "position", "velocity", "effort"):
            setattr(message, part, [getattr(message, part)[index] for index in order])
        found = joint_states_from_ros(message, names, fingers)
        assert np.array_equal(found[0], positions) and np.array_equal(found[1], velocities) and found[2] == pressed
    message.name[0] = "knee"
    with pytest.raises(KeyError):
        joint_states_from_ros(message, names, fingers)
    poses, rates = env.world.object_states()
    for pose, rate in zip(poses[0], rates[0], strict=True):
        back = object_from_ros(object_to_ros(pose, rate, "box", Time()))
        assert np.allclose(back[0], pose, atol=1e-12) and np.allclose(back[1], rate, atol=1e-9)


def test_what_it_cannot_play_is_refused_and_the_world_before_goes_on(node: SimulatorNode) -> None:
    good = place(Mission(goals=("red",)), 3)
    node._on_task(told(good))
    env = node._env
    assert env is not None
    pair = family("drive-goal").spec(2).model_dump_json(exclude_none=True)
    for other in (
        told(family("gymnasium:FetchReach-v4").spec()),
        told(family("drive-push").spec(2).model_copy(update={"objects": ()})),
        msg.Task(spec_json="{", digest="x"),
        # Two kinds of car in one world, an arm among cars, a kind that is none, a robot whose file is nowhere.
        msg.Task(spec_json=pair.replace("diffdrive", "ackermann", 1), digest="x"),
        msg.Task(spec_json=pair.replace("diffdrive", "arm", 1), digest="x"),
        msg.Task(spec_json=pair.replace("diffdrive", "submarine", 1), digest="x"),
        msg.Task(spec_json=pair.replace('"diffdrive"', '"mjcf","mjcf":"nowhere.xml"', 1), digest="x"),
    ):
        node._on_task(other)
        assert node._env is env and node._digest == good.digest
        node._advance(env)


def test_a_paused_world_is_stepped_by_hand(node: SimulatorNode) -> None:
    step = lambda: node._on_step(Trigger.Request(), Trigger.Response())  # noqa: E731
    assert not step().success
    node._on_task(told(place(Mission(goals=("red",)), 3)))
    assert step().message == "the world is running" and node._ticks == 0
    node._on_pause(SetBool.Request(data=True), SetBool.Response())
    assert step().success and node._ticks == 1
    node._on_reset(Trigger.Request(), Trigger.Response())
    assert node._ticks == 0


def test_a_world_that_cannot_keep_up_says_what_it_holds(node: SimulatorNode) -> None:
    """A step of 0.05 s that takes 0.1 s is half of real time."""
    clock = [time.monotonic()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticker.time, "monotonic", lambda: clock[0])
        node._on_task(told(place(Mission(goals=("red",)), 3)))
        env = node._env
        assert env is not None

        def pass_by(step_s: float, steps: int = 80) -> tuple[bytes, str, dict]:
            for _ in range(steps):
                clock[0] += step_s
                node._keep_pace(env)
            return node.diagnose()

        level, said, values = pass_by(0.1)
        assert level == DiagnosticStatus.WARN and said.startswith("holds 0.5 ") and values["real_time_factor"] == "0.50"
        clock[0] += 100.0
        node._paused = True
        node._keep_pace(env)
        node._paused = False
        level, said, values = pass_by(0.05)
        assert level == DiagnosticStatus.OK and values["real_time_factor"] == "1.00"


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

"""A policy meets on the robot what it met in training: number by number, for every family and every robot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metabot.deploy.contract import METADATA_KEY, PolicyContract
from metabot.deploy.senses import Senses
from metabot.problems import make_problem
from metabot.problems.family import FamilyProblem
from metabot.problems.interface import interface_of
from metabot.task import RobotDynamics, SpecError, Term
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.registry import GYMNASIUM, available, family
from metabot_sim.frames import in_frame
from metabot_sim.interface import robot_interface
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.car import CarGroup

FAMILIES = [name for name in available() if not name.startswith(GYMNASIUM) and not family(name).looks]
STEPS = 60


def everywhere(env: FleetEnv) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poses of all robots as they are and as their odometry has them, (R, 3), and their twists, (R, 3)."""
    world = env.world
    poses, twists = np.zeros((1, env.num_robots, 3)), np.zeros((env.num_robots, 3))
    for group in world.groups:
        if isinstance(group, CarGroup):
            poses[:, group.indices] = group.poses()
            turned = group.poses()
            turned[..., :2] = 0.0
            moving = in_frame(turned, group.velocities()[..., :2])[0]
            counted = world.odometry.twists(group, group.twists())[0]
            twists[group.indices] = np.stack([counted[:, 0], moving[:, 1], counted[:, 1]], axis=1)
        elif isinstance(group, Arm):
            poses[:, group.indices] = group.bases
    return poses[0], world.odometry.poses(poses)[0], twists


def sense(env: FleetEnv, senses: Senses, now: float) -> None:
    """What a robot's sensors say of an environment."""
    index = [robot.name for robot in env.spec.robots].index(senses.robot)
    poses, believed, twists = everywhere(env)
    if senses.drives:
        senses.odometry(believed[index], twists[index], now)
    for group in env.world.groups:
        if isinstance(group, Arm):
            for number, robot in enumerate(group.robots):
                positions, velocities = group.joint_states(number)
                pressed = bool(group.pressed()[0, number])
                senses.joints(robot.name, positions[0], velocities[0], pressed, now)
    for car in senses.cars if not senses.drives else ():
        number = [robot.name for robot in env.spec.robots].index(car)
        senses.car(car, believed[number], twists[number], now)
    places, rates = env.world.object_states()
    for number, thing in enumerate(env.spec.objects):
        senses.thing(thing.name, places[0, number], rates[0, number], now)
    others = np.delete(np.arange(env.num_robots), index)
    if senses.drives and len(others):
        seen = in_frame(poses[index], poses[others, :2])
        senses.neighbours(np.column_stack([seen, poses[others, 2] - poses[index, 2]]), now)


def contract_of(env: FleetEnv, index: int) -> PolicyContract:
    return PolicyContract(robot_interface(env, index), "hash")


def test_robots_of_several_kinds_share_a_policy_and_each_sees_its_own() -> None:
    """What the policy has for wider robots is zero to a car, and what it commands of theirs nobody carries out."""
    problem, spec = FamilyProblem("deliver"), family("deliver").sample(4)
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    seen = env.reset(episodes=EpisodeBatch.of(spec, 1))[0]
    assert len({robot.kind for robot in spec.robots}) == 2
    for index, robot in enumerate(spec.robots):
        contract, senses = PolicyContract(interface_of(problem, index), "hash"), Senses(spec, robot.name)
        assert not senses.refused(contract)
        sense(env, senses, 0.0)
        assert np.allclose(senses.observe(contract), seen[index], atol=1e-5)
        assert len(contract.action) == env.max_action_size
        other = 1 - index if index < 2 else 1
        assert senses.refused(PolicyContract(interface_of(problem, other), "hash")).startswith("it drives a robot of")


@pytest.mark.parametrize("name", FAMILIES)
def test_training_and_deployment_observe_the_same(name: str) -> None:
    spec = family(name).sample(4)
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    seen = env.reset(episodes=EpisodeBatch.of(spec, 1))[0]
    robots = [Senses(spec, robot.name) for robot in spec.robots]
    contracts = [contract_of(env, index) for index in range(env.num_robots)]
    assert not any(senses.refused(contract) for senses, contract in zip(robots, contracts, strict=True))
    for step in range(STEPS):
        for index, (senses, contract) in enumerate(zip(robots, contracts, strict=True)):
            sense(env, senses, step / spec.control_hz)
            assert not senses.stale(contract, step / spec.control_hz, 0.1)
            found = senses.observe(contract)
            for number, term in enumerate(contract.robot.observation):
                # How fast others go is what two sightings of them say, not what they are doing just then.
                apart = 0.25 if term.name.startswith("rival_speed") and step else 1e-5
                if term.name.startswith("rival_speed") and not step:
                    continue
                assert abs(found[number] - seen[index, number]) <= apart, (senses.robot, term.name, step)
        actions = env.expert()
        for index, senses in enumerate(robots):
            senses.act(np.clip(actions[0, index, : len(senses.interface.action)], -1.0, 1.0))
        done = env.step(actions)
        seen = done.observations[0]
        if done.terminated[0] or done.truncated[0]:
            break
    assert step > 5


@pytest.mark.parametrize("name", ["drive-goal", "drive-odometry", "drive-search", "grasp-frames", "grasp-place"])
def test_what_a_robot_senses_of_itself_alone_is_the_same_to_the_last_bit(name: str) -> None:
    spec = family(name).sample(4, "held-out", 1)
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    seen = env.reset(episodes=EpisodeBatch.of(spec, 1))[0]
    senses, contract = Senses(spec, spec.robots[0].name), contract_of(env, 0)
    for step in range(STEPS):
        sense(env, senses, float(step))
        assert np.array_equal(senses.observe(contract), seen[0])
        actions = np.clip(env.expert(), -1.0, 1.0)
        senses.act(actions[0, 0])
        done = env.step(actions)
        seen = done.observations[0]
        if done.terminated[0] or done.truncated[0]:
            break


def test_what_is_missing_or_stale_is_named() -> None:
    spec = family("deliver").sample(1)
    arm, car = (next(robot.name for robot in spec.robots if robot.kind == kind) for kind in ("arm", "diffdrive"))
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    env.reset(episodes=EpisodeBatch.of(spec, 1))
    names = [robot.name for robot in spec.robots]
    senses, contract = Senses(spec, car), contract_of(env, names.index(car))
    assert any(line == "no odometry has arrived yet" for line in senses.stale(contract, 0.0, 0.5))
    sense(env, senses, 1.0)
    assert senses.stale(contract, 1.2, 0.5) == []
    late = senses.stale(contract, 2.0, 0.5)
    assert "no odometry for 1.0 s" in late and f"no joints {arm} for 1.0 s" in late
    # What waits to be taken in counts as heard.
    assert "no odometry for 1.0 s" not in senses.stale(contract, 2.0, 0.5, {"odometry": 1.9})
    with pytest.raises(KeyError, match="no robot 'nobody'"):
        Senses(spec, "nobody")
    with pytest.raises(SpecError, match="a camera of its own, which no topic carries"):
        Senses(family("grasp-eye").spec(1), "arm_1")


def test_policies_that_do_not_fit_the_task_are_refused_by_what_does_not() -> None:
    spec = family("drive-goal").sample(2, robots=1)
    senses = Senses(spec, "robot_1")
    good = contract_of(senses.shadow.env, 0)
    assert senses.refused(good) == ""
    robot = good.robot
    for changed, line in (
        (replace(robot, kind="arm"), "drives a robot of kind arm, robot_1 is of kind diffdrive"),
        (replace(robot, control_hz=50), "acts at 50 Hz, the task at 20 Hz"),
        (replace(robot, observation=(Term("smell", "1"),)), "observes smell, which robot_1 does not in drive-goal"),
        (replace(robot, observation=(Term("yaw_rate", "deg/s", frame="base"),)), "yaw_rate in deg/s"),
        (
            replace(robot, observation=(Term("goal_forward", "m", 2.0, frame="start"),)),
            "goal_forward in m, frame start",
        ),
        (replace(robot, action=robot.action[::-1]), "commands turn, forward; robot_1 takes forward, turn"),
    ):
        assert line in senses.refused(replace(good, robot=changed))


def test_a_policy_sees_quantities_in_its_own_scale() -> None:
    spec = family("drive-goal").sample(2, robots=1)
    senses = Senses(spec, "robot_1")
    good = contract_of(senses.shadow.env, 0)
    senses.odometry(np.array([0.0, 0.0, 0.0]), np.array([0.5, 0.0, 1.5]), 0.0)
    fast = replace(
        good.robot,
        observation=(Term("yaw_rate", "rad/s", 1.5, frame="base"), Term("forward_speed", "m/s", 0.25, frame="base")),
    )
    assert senses.observe(replace(good, robot=fast)).tolist() == [1.0, 2.0]
    assert senses.spec.robots[0].dynamics != RobotDynamics()


@pytest.mark.parametrize("name", ["drive-push-partner", "drive-pursuit-opponent"])
def test_who_is_out_of_sight_in_training_is_so_on_the_robot(name: str) -> None:
    problem, rng = make_problem(name), np.random.default_rng(5)
    contract = PolicyContract(interface_of(problem), "hash")
    assert PolicyContract.from_metadata({METADATA_KEY: contract.to_json()}, "it").robot == contract.robot
    hidden = [number for number, term in enumerate(contract.robot.observation) if term.reach_m is not None]
    expected = problem.begin(problem.sample(rng, 1), rng)[0]
    env = problem._current
    drawn = env.world.episodes.pads[0]
    pads = [pad.model_copy(update={"x": x, "y": y}) for pad, (x, y) in zip(env.spec.pads, drawn.tolist(), strict=True)]
    senses = Senses(env.spec.model_copy(update={"pads": tuple(pads)}), env.spec.robots[0].name)
    assert senses.refused(contract) == ""
    met = [0, 0]
    # What the others' speeds are is found out from two sightings, which differs a little.
    speeds = [number for number in hidden if "speed" in contract.observation[number]]
    for step in range(problem.horizon):
        sense(env, senses, step / env.spec.control_hz)
        observed = senses.observe(contract)
        if step:
            apart = np.abs(np.delete(observed - expected, speeds))
            assert apart.max() < 1e-5, contract.observation[int(np.argmax(np.abs(observed - expected)))]
        met[int(bool(expected[hidden].any()))] += 1
        actions = problem.expert()
        assert actions is not None
        senses.act(actions[0])
        expected = problem.step(actions).observations[0]
    assert min(met) > 3, "seen at times, and at times not"

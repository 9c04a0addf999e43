"""A user's arm without a gripper: where its tool is, what it commands and senses, where it may play."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metabot.deploy.contract import PolicyContract
from metabot.deploy.senses import Senses
from metabot.task import RobotDynamics, SpecError, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.registry import family
from metabot_sim.interface import robot_interface
from metabot_sim.robots.arm import HOME_M, MJCF, Arm, tool
from metabot_sim.robots.arm.file import load
from metabot_sim.robots.mjcf import with_mjcf

# Somebody's welder: six hinges, a flange with the site that MuJoCo Menagerie has, servos told in radians.
WELDER = (Path(__file__).parents[1] / "welder.xml").read_text()
_SITE = '<site name="attachment_site" pos="0 0 0.02"/>'
# Somebody else's: a seventh hinge in the upper arm, and a torch whose tip a site of another name marks.
TORCH = WELDER.replace(
    '<geom fromto="0 0 0 0 0 0.36" mass="2"/>\n          <body name="fore" pos="0 0 0.36">',
    '<geom fromto="0 0 0 0 0 0.16" mass="1"/>\n          <body name="twist" pos="0 0 0.18">'
    '<joint name="a7" axis="0 0 1" range="-2.9 2.9"/><geom fromto="0 0 0 0 0 0.16" mass="1"/>'
    '<body name="fore" pos="0 0 0.18">',
).replace(_SITE, '<body name="torch" pos="0.03 0 0.02"><site name="nozzle" pos="0 0 0.08"/></body>')
TORCH = TORCH.replace("</worldbody>", "</body></worldbody>").replace("</actuator>", '<position joint="a7"/></actuator>')


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(xml: str, name: str = "arm", **said: object) -> str:
        path = tmp_path / f"{name}.xml"
        path.write_text(xml)
        if said:
            (tmp_path / f"{name}.metabot.json").write_text(json.dumps(said))
        return str(path)

    return write


def played(*paths: str | None) -> TaskSpec:
    """The scene of `arm-reach` with arms of these files; None is metabot's own."""
    spec = family("arm-reach").spec(len(paths))
    robots = [{**robot.model_dump(), "mjcf": path} for robot, path in zip(spec.robots, paths, strict=True)]
    return TaskSpec.parse({**spec.model_dump(), "robots": robots})


def mastered(spec: TaskSpec, *, acts: bool = True, episodes: int = 16) -> np.ndarray:
    """Share of held-out episodes that each robot masters under the expert, or under no commands."""
    env, numbers = FleetEnv(spec, episodes, autoreset=Autoreset.DISABLED), np.arange(episodes)
    env.reset(episodes=family(spec.family).draw(spec, "held-out", numbers, numbers))
    done = env.step(env.expert() * acts)
    while not (done.terminated | done.truncated).all() and done.alive.any():
        done = env.step(env.expert() * acts)
    return np.asarray(done.success.mean(axis=0))


def tip(path: str) -> np.ndarray:
    """Where the tip is on the last link, (3,) in the flange's frame."""
    spec, found = load(path)
    return np.array(spec.compile().site(found.tip).pos)


def test_the_tool_is_where_a_site_a_description_or_the_last_link_says(file: Callable[..., str]) -> None:
    assert tip(file(WELDER)) == pytest.approx([0.0, 0.0, 0.02])
    assert tip(file(TORCH, "site", tool="nozzle")) == pytest.approx([0.03, 0.0, 0.1])
    assert tip(file(TORCH, "body", tool="torch")) == pytest.approx([0.03, 0.0, 0.02])
    longer = WELDER.replace(_SITE, '<geom fromto="0 0 0 0 0 0.09" size="0.01" mass="0.1"/>')
    assert tip(file(longer, "end")) == pytest.approx([0.0, 0.0, 0.1])


@pytest.mark.parametrize("how", ["its frame looks out", "its link reaches out"])
def test_a_tool_at_its_joint_points_away_from_the_arm(file: Callable[..., str], how: str) -> None:
    at_joint = '<site name="attachment_site" {}/><geom fromto="0 0 0 0 0 {}" size="0.01" mass="0.1"/>'
    # What is behind the joint does not count where the frame says the way.
    frame, reaches = ("", -0.03) if how == "its frame looks out" else ('quat="0.7071068 0.7071068 0 0"', 0.02)
    path = file(WELDER.replace(_SITE, at_joint.format(frame, reaches)))
    assert tip(path) == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    world = BatchedWorld(played(path), 1)
    model = world.model
    ahead = world.data(0).xmat[model.body("arm_1/flange").id].reshape(3, 3)[:, 2]
    assert ahead == pytest.approx([0.0, 0.0, -1.0], abs=1e-3)


def test_it_goes_where_it_is_sent_and_has_no_gripper_to_command_or_feel(file: Callable[..., str]) -> None:
    world = BatchedWorld(played(file(WELDER)), 1)
    arm = world.group("arm")
    assert isinstance(arm, Arm) and arm.fingers == [0] and arm.joint_names == [("a1", "a2", "a3", "a4", "a5", "a6")]
    assert world.action_sizes == [4] and arm.action_names == ("dx", "dy", "dz", "dyaw")
    assert not {"opening", "pressed"} & set(arm.proprio_names) and not arm.pressed().any()
    assert arm.to_base(arm.positions())[0, 0] == pytest.approx(HOME_M, abs=1e-3)
    for _ in range(10):
        world.step(np.array([[[0.4, 0.25, -0.25, 0.25]]]))
    for _ in range(30):
        world.step(np.zeros((1, 1, 4)))
    wanted = np.array(HOME_M) + 5 * 0.03 * np.array([0.8, 0.5, -0.5])
    assert arm.to_base(arm.positions())[0, 0] == pytest.approx(wanted, abs=4e-3)
    assert arm.yaws()[0, 0] == pytest.approx(5 * 0.15 * 0.5, abs=0.02)
    # Position, yaw and velocity stand where their names say.
    seen = dict(zip(arm.proprio_names, arm.proprio()[0, 0], strict=True))
    assert [seen[f"tip_{axis}"] * 0.5 for axis in "xyz"] == pytest.approx(wanted, abs=4e-3)
    assert seen["yaw_cos"] == pytest.approx(np.cos(arm.yaws()[0, 0])) and abs(seen["tip_velocity_x"]) < 0.01


def test_the_expert_masters_the_task_with_it_and_idleness_does_not(file: Callable[..., str]) -> None:
    spec = played(file(WELDER))
    assert mastered(spec).min() >= 0.99 and mastered(spec, acts=False).max() == 0.0


def test_servos_without_limits_turn_all_the_same(file: Callable[..., str]) -> None:
    free = WELDER.replace(' ctrlrange="-2.9 2.9"', "").replace('axis="0 0 1" range="-2.9 2.9"', 'axis="0 0 1"')
    assert mastered(played(file(free))).min() >= 0.99


def test_an_elbow_that_does_not_bend_far_begins_above(file: Callable[..., str]) -> None:
    path = file(WELDER.replace('range="-0.2 2.7"', 'range="-0.2 2.05"'))
    assert load(path)[1].start_m == tool.ABOVE_M and load(file(WELDER, "other"))[1].start_m == HOME_M
    spec = played(path)
    world = BatchedWorld(spec, 1)
    arm = world.group("arm")
    assert isinstance(arm, Arm)
    assert arm.positions()[0, 0] == pytest.approx(arm.from_base(np.array([[tool.ABOVE_M]]))[0, 0], abs=1e-3)
    assert mastered(spec).min() >= 0.99 and mastered(spec, acts=False).max() == 0.0


def test_arms_with_and_without_a_gripper_share_a_world_and_each_keeps_its_parts(file: Callable[..., str]) -> None:
    spec = played(file(WELDER), None, file(TORCH, "torch", tool="nozzle"), file(MJCF.read_text(), "gripper"))
    assert mastered(spec, episodes=8).min() >= 0.99
    env = FleetEnv(spec, 1)
    assert env.action_sizes.tolist() == [4, 5, 4, 5]
    column = env.observation_names[0].index("has_gripper")
    assert env.reset(seed=0)[0, :, column].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert "has_gripper" not in FleetEnv("arm-reach", 1).observation_names[0]
    for index, robot in enumerate(spec.robots):
        group = env.world.group_of(index)
        assert isinstance(group, Arm)
        row = list(group.indices).index(index)
        owners = {env.world.model.actuator(int(each)).name.split("/")[0] for each in group.actuators[row]}
        assert owners == {robot.name}
        terms = robot_interface(env, index)
        assert ("grip" in terms.action_names) == ("opening" in terms.observation_names) == (index in (1, 3))
        assert all(term.unit for term in (*terms.observation, *terms.action))


@pytest.mark.parametrize("name", ["grasp-place", "grasp-frames", "deliver"])
def test_where_things_are_grasped_it_is_refused_in_one_line(file: Callable[..., str], name: str) -> None:
    path, spec = file(WELDER), family(name).spec()
    arm = next(robot.name for robot in spec.robots if robot.kind == "arm")
    robots = [{**each.model_dump(), "mjcf": path if each.kind == "arm" else None} for each in spec.robots]
    said = re.escape(f"robots.{arm}: mjcf {path}: an arm without a gripper cannot play {name}; wanted: ")
    for build in (
        lambda: with_mjcf(spec, path),
        lambda: FleetEnv(TaskSpec.parse({**spec.model_dump(), "robots": robots}), 1),
    ):
        with pytest.raises(SpecError, match=f"^{said}[^\n]*arm-reach$"):
            build()
    assert with_mjcf(family("arm-reach").spec(2), path).robots[1].mjcf == path


def test_a_policy_made_with_a_gripper_is_refused_by_an_arm_without_and_the_other_way_round(
    file: Callable[..., str],
) -> None:
    specs = [family("arm-reach").spec(1), played(file(WELDER))]
    contracts = [PolicyContract(robot_interface(FleetEnv(spec, 1)), "hash", method="any") for spec in specs]
    for number, spec in enumerate(specs):
        senses = Senses(spec, "arm_1")
        assert senses.refused(contracts[number]) == ""
        assert senses.refused(contracts[1 - number]) != ""
    assert "it observes opening, which arm_1 does not" in Senses(specs[1], "arm_1").refused(contracts[0])
    assert "it commands dx, dy, dz, dyaw; arm_1 takes" in Senses(specs[0], "arm_1").refused(contracts[1])


def test_a_robot_senses_with_it_what_training_showed(file: Callable[..., str]) -> None:
    spec = played(file(WELDER))
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    seen = env.reset(episodes=EpisodeBatch.of(spec, 1))[0]
    arm = env.world.group("arm")
    assert isinstance(arm, Arm)
    senses, contract = Senses(spec, "arm_1"), PolicyContract(robot_interface(env), "hash")
    assert senses.shadow.joints_of("arm_1") == (arm.joint_names[0], 0)
    done = False
    for step in range(60):
        positions, velocities = arm.joint_states(0)
        senses.joints("arm_1", positions[0], velocities[0], False, float(step))
        assert senses.observe(contract) == pytest.approx(seen[0], abs=1e-5)
        assert senses.success == done
        actions = np.clip(env.expert(), -1.0, 1.0)
        senses.act(actions[0, 0])
        after = env.step(actions)
        seen, done = after.observations[0], bool(after.success[0, 0])
    assert done


@pytest.mark.parametrize("name", ["gripper", "friction"])
@pytest.mark.parametrize("bare", [False, True])
def test_dynamics_of_a_gripper_are_refused_where_nothing_is_grasped(
    file: Callable[..., str], name: str, bare: bool
) -> None:
    spec = played(file(WELDER) if bare else None).with_dynamics([RobotDynamics.parse({name: 0.5})])
    with pytest.raises(SpecError, match=f"^robots.arm_1.dynamics.{name}: 0.5, but nothing is grasped in arm-reach; "):
        FleetEnv(spec, 1)


_A6 = '<joint name="a6" axis="0 0 1" range="-2.9 2.9"/>'
WRONG: dict[str, tuple[str, dict[str, object]]] = {
    "its description names a hand, but nothing moves beyond 'flange'": (WELDER, {"hand": "flange"}),
    "its description names a gripper, but nothing moves": (WELDER, {"gripper": "grip"}),
    "no site or body 'beak' of its description on its last link; there: attachment_site, flange": (
        WELDER,
        {"tool": "beak"},
    ),
    "its description names a tool, but it has a gripper": (MJCF.read_text(), {"tool": "tip"}),
    "nothing says where its tool ends; wanted: a site 'attachment_site'": (WELDER.replace(_SITE, ""), {}),
    "5 joints from 'foot' to 'wrist'; wanted: at least 6": (
        WELDER.replace(_A6, "").replace('<position joint="a6"/>', ""),
        {},
    ),
    "1 actuators besides those of its joints (pump), but nothing moves beyond 'flange'": (
        WELDER.replace("</actuator>", '<adhesion name="pump" body="flange" ctrlrange="0 1"/></actuator>'),
        {},
    ),
    "its tool cannot point down at 0.30, 0.00, 0.24 m (ahead, left, up) nor at 0.42": (
        WELDER.replace('range="-2.2 2.2"', 'range="-0.2 0.2"'),
        {},
    ),
    # What its flange carries beyond its tool would be in the floor.
    "its tool cannot point down at 0.12, -0.42, 0.14 m (ahead, left, up) from its base; wanted: there": (
        WELDER.replace(_SITE, _SITE + '<geom fromto="0 0 0 0 0 0.18" size="0.01" mass="0.1"/>'),
        {},
    ),
    "its tool cannot point down at": (WELDER.replace('pos="0 0 0.36"', 'pos="0 0 0.2"'), {}),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_breaks_the_contract_is_one_line(file: Callable[..., str], said: str) -> None:
    xml, description = WRONG[said]
    path = file(xml, **description)
    with pytest.raises(SpecError) as caught:
        FleetEnv(played(path), 1)
    line = str(caught.value)
    assert line.startswith(f"robots.arm_1: mjcf {path}: ") and said in line and "\n" not in line


_ACTUATORS = re.compile(r"<actuator>.*</actuator>", re.DOTALL)
_JOINTS = [f"a{number}" for number in range(1, 7)]


def moved_by(actuators: str) -> str:
    """The welder with other actuators at its joints, in a file that says nothing by default."""
    bare = re.sub(r"<position kp[^>]*/>", "", WELDER)
    each = "".join(actuators.replace("JOINT", joint) for joint in _JOINTS)
    return _ACTUATORS.sub(f"<actuator>{each}</actuator>", bare)


@pytest.mark.parametrize(
    "actuators", ["", '<motor joint="JOINT"/>', '<velocity joint="JOINT" kv="20"/>'], ids=["none", "motors", "velocity"]
)
def test_a_flange_that_turns_about_its_own_axis_needs_no_weight_to_be_strong(
    file: Callable[..., str], actuators: str
) -> None:
    assert mastered(played(file(moved_by(actuators)))).mean() == 1.0


@pytest.mark.parametrize(
    ("actuators", "said"),
    [
        ('<motor joint="JOINT" ctrlrange="-1 1"/>', "is too weak: told to turn by 0.2 rad"),
        ('<position joint="JOINT" kp="300" kv="30" forcerange="-0.5 0.5" ctrlrange="-2.9 2.9"/>', "is too weak"),
        ('<motor joint="JOINT" gear="0" ctrlrange="-1 1"/>', "gives no force"),
    ],
    ids=["motors", "servos", "no gear"],
)
def test_an_arm_that_cannot_lift_itself_to_a_place_is_refused(
    file: Callable[..., str], actuators: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        load(file(moved_by(actuators)))
    assert "\n" not in str(caught.value)

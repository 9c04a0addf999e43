"""A user's own arm with a gripper: what is read from its file, what it does in tasks, what is refused in one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest

from metabot.deploy.senses import Senses
from metabot.task import RobotDynamics, SpecError, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.registry import family
from metabot_sim.robots.arm import HOME_M, MJCF, Arm
from metabot_sim.robots.arm.file import load
from metabot_sim.robots.mjcf import with_mjcf

# Somebody's arm: seven joints, a gripper of 0 to 255 that shuts at 255, names of its own, no sensors.
_NAMES = {"waist": "j1", "shoulder": "j2", "elbow": "j3", "forearm_roll": "j4", "wrist": "j5", "tool": "j6"}
SOMEBODYS = MJCF.read_text()
for _old, _new in _NAMES.items():
    SOMEBODYS = SOMEBODYS.replace(f'joint name="{_old}"', f'joint name="{_new}"').replace(
        f'<position name="{_old}" class="arm" joint="{_old}"',
        f'<position name="motor_{_new}" class="arm" joint="{_new}"',
    )
SOMEBODYS = re.sub(r"<sensor>.*?</sensor>", "", SOMEBODYS, flags=re.DOTALL)
SOMEBODYS = re.sub(r'<site name="[a-z_]*" [^>]*/>', "", SOMEBODYS)
SOMEBODYS = re.sub(r'<body name="payload".*?</body>', "", SOMEBODYS, flags=re.DOTALL)
SOMEBODYS = SOMEBODYS.replace(
    '<position name="grip" joint="finger_left" kp="1500" kv="30" ctrlrange="0 0.04" forcerange="-40 40"/>',
    '<general name="gripper" joint="finger_left" biastype="affine" gainprm="-0.2352941" biasprm="60 -1500 -30"'
    ' ctrlrange="0 255" forcerange="-40 40"/>',
)
SOMEBODYS = SOMEBODYS.replace('finger_left"', 'left"').replace('finger_right"', 'right"')
# A seventh joint, between upper arm and forearm.
SOMEBODYS = SOMEBODYS.replace(
    '<body name="forearm" pos="0 0 0.32" gravcomp="1">',
    '<body name="roll" pos="0 0 0.16" gravcomp="1"><joint name="j7" class="arm" axis="0 0 1" range="-2.9 2.9"/>'
    '<geom type="sphere" size="0.03" mass="0.1" class="arm"/><body name="forearm" pos="0 0 0.16" gravcomp="1">',
)
SOMEBODYS = SOMEBODYS.replace("</worldbody>", "</body></worldbody>", 1).replace(
    "</actuator>",
    '<position name="motor_j7" class="arm" joint="j7" ctrlrange="-2.9 2.9" forcerange="-60 60"/></actuator>',
)

_SERVO = re.compile(r'<position name="(motor_j\d)" class="arm" joint="(j\d)"[^>]*forcerange="-(\d+) \d+"/>')
TORQUES = {joint: float(torque) for _, joint, torque in _SERVO.findall(SOMEBODYS)}
OTHER_SERVOS = {
    "motors": _SERVO.sub(r'<motor name="\1" joint="\2" gear="2" ctrlrange="-\3 \3" forcerange="-\3 \3"/>', SOMEBODYS),
    "velocity servos": _SERVO.sub(r'<velocity name="\1" joint="\2" kv="5" forcerange="-\3 \3"/>', SOMEBODYS),
    "nothing": _SERVO.sub("", SOMEBODYS),
}


def played(name: str, path: str, robots: int | None = None, which: tuple[int, ...] | None = None) -> TaskSpec:
    """A family's scene with somebody's arm in the place of some of metabot's."""
    spec = family(name).spec(robots)
    arms = [
        {**robot.model_dump(), "mjcf": path if robot.kind == "arm" and (which is None or number in which) else None}
        for number, robot in enumerate(spec.robots)
    ]
    return TaskSpec.parse({**spec.model_dump(), "robots": arms})


def mastered(spec: TaskSpec, episodes: int = 16) -> float:
    env, numbers = FleetEnv(spec, episodes, autoreset=Autoreset.DISABLED), np.arange(episodes)
    env.reset(episodes=family(spec.family).draw(spec, "train", numbers, numbers))
    for _ in range(env.horizon):
        done = env.step(env.expert())
    return float(done.success.all(axis=1).mean())


def test_joints_fingers_and_gripper_are_found_and_measured(file: Callable[[str], str]) -> None:
    spec, found = load(file(SOMEBODYS))
    assert found.joints == ("j1", "j2", "j7", "j3", "j4", "j5", "j6") and found.base == "base"
    assert found.drives == tuple(f"motor_{joint}" for joint in found.joints)
    assert (
        set(found.gripper) == {"left", "right"}
        and found.grip == "gripper"
        and set(found.finger_geoms) == {"left", "right"}
    )
    # More command shuts it, by a force that pulls.
    assert found.shuts == -1.0 and found.controls[0] > found.controls[-1]
    assert found.widest_m == pytest.approx(0.08, abs=0.003)
    # Metabot's own arm has its tip at the same place of the same hand.
    model, own = spec.compile(), mujoco.MjModel.from_xml_path(str(MJCF))
    assert model.site(found.tip).pos == pytest.approx(own.site("tip").pos, abs=0.003)


def test_the_hand_is_brought_where_it_is_sent_and_opens_as_it_is_told(file: Callable[[str], str]) -> None:
    world = BatchedWorld(played("grasp-frames", file(SOMEBODYS)), 1)
    world.reset()
    arm = world.group("arm")
    assert isinstance(arm, Arm)
    assert arm.to_base(arm.positions())[0, 0] == pytest.approx(HOME_M, abs=1e-3)
    for grip, opening in ((1.0, 0.08), (0.0, 0.04), (-1.0, 0.0)):
        for _ in range(25):
            world.step(np.array([[[0.0, 0.0, 0.0, 0.0, grip]]]))
        assert arm.openings()[0, 0] == pytest.approx(opening, abs=0.004)
    for _ in range(5):
        world.step(np.array([[[0.8, 0.5, -0.5, 0.5, 0.0]]]))
    for _ in range(30):
        world.step(np.zeros((1, 1, 5)))
    wanted = np.array(HOME_M) + 5 * 0.03 * np.array([0.8, 0.5, -0.5])
    assert arm.to_base(arm.positions())[0, 0] == pytest.approx(wanted, abs=4e-3)
    assert arm.yaws()[0, 0] == pytest.approx(5 * 0.15 * 0.5, abs=0.02)


@pytest.mark.parametrize("name", ["grasp-place", "grasp-handover"])
def test_the_expert_masters_tasks_with_it(file: Callable[[str], str], name: str) -> None:
    assert mastered(played(name, file(SOMEBODYS))) >= 0.9


def test_a_gripper_too_weak_for_what_tasks_have_is_made_to_hold_it(file: Callable[[str], str]) -> None:
    strong = 'gainprm="-0.2352941" biasprm="60 -1500 -30"'
    assert strong in SOMEBODYS
    weak = SOMEBODYS.replace(strong, 'gainprm="-0.01568627" biasprm="4 -100 -10"')
    assert mastered(played("grasp-place", file(weak))) >= 0.9
    pressing = []
    for xml in (weak, SOMEBODYS):
        spec, found = load(file(xml))
        model = spec.compile()
        data = mujoco.MjData(model)
        for finger in found.gripper:
            data.joint(finger).qpos[:] = 0.02
        data.ctrl[model.actuator(found.grip).id] = 255.0
        mujoco.mj_forward(model, data)
        pressing.append(
            float(np.abs(data.qfrc_actuator[[model.joint(each).dofadr[0] for each in found.gripper]]).sum())
        )
    # A strong one stays as it is: 1,500 N/m at 2 cm.
    assert pressing[0] >= 9.0 and pressing[1] == pytest.approx(30.0, rel=0.02)


@pytest.mark.parametrize("how", ["through a filter", "with a joint that limits it"])
def test_what_a_gripper_really_presses_counts(file: Callable[[str], str], how: str) -> None:
    filtered = SOMEBODYS.replace(
        '<general name="gripper"', '<general name="gripper" dyntype="filterexact" dynprm="0.05"'
    )
    limited = re.sub(r'(<joint name="left"[^>]*?)/>', r'\1 actuatorfrcrange="-2 2"/>', SOMEBODYS)
    xml = filtered if how == "through a filter" else limited
    assert xml != SOMEBODYS
    spec, found = load(file(xml))
    gain = spec.actuator(found.grip).gainprm[0]
    # Strong enough already, or made so with all that limits it.
    assert (gain == pytest.approx(-0.2352941)) == (how == "through a filter")
    assert mastered(played("grasp-place", file(xml))) >= 0.9


def test_it_works_beside_metabots_own_and_each_keeps_its_parts(file: Callable[[str], str]) -> None:
    spec = played("grasp-place", file(SOMEBODYS), 3, which=(1, 2))
    assert mastered(spec, 8) >= 0.7
    world = BatchedWorld(spec, 1)
    arm = world.group("arm")
    assert isinstance(arm, Arm) and [len(names) for names in arm.joint_names] == [8, 9, 9]
    for row, robot in enumerate(spec.robots):
        owners = {world.model.actuator(int(each)).name.split("/")[0] for each in [*arm._drives[row], arm._grip[row]]}
        assert owners == {robot.name}


def test_arms_of_two_files_and_two_of_one_keep_the_motors_that_they_have_alone(file: Callable[[str], str]) -> None:
    """Names and default classes are the same in both files, strengths are not."""
    first = Path(file(SOMEBODYS))
    other = first.with_name("other.xml")
    other.write_text(re.sub(r'kp="(\d+)"', lambda found: f'kp="{1.25 * float(found[1])}"', SOMEBODYS))
    order = (first, other, first)
    spec = family("grasp-place").spec(3)
    robots = [{**robot.model_dump(), "mjcf": str(path)} for robot, path in zip(spec.robots, order, strict=True)]
    world = BatchedWorld(TaskSpec.parse({**spec.model_dump(), "robots": robots}), 1)
    gains = []
    for robot, path in zip(spec.robots, order, strict=True):
        alone = mujoco.MjModel.from_xml_path(str(path))
        for number in range(alone.nu):
            there = alone.actuator(number)
            here = world.model.actuator(f"{robot.name}/{there.name}")
            for part in ("gainprm", "biasprm", "ctrlrange", "forcerange", "gear"):
                # Damping follows from what hangs on a joint: the loader adds a light body, for payloads.
                assert getattr(here, part) == pytest.approx(getattr(there, part), rel=0.01), (here.name, part)
            turned = alone.joint(int(there.trnid[0])).name
            assert int(here.trnid[0]) == world.model.joint(f"{robot.name}/{turned}").id
        gains.append(float(world.model.actuator(f"{robot.name}/motor_j1").gainprm[0]))
    assert gains[0] == gains[2] == pytest.approx(gains[1] / 1.25)


def test_hidden_dynamics_act_on_it(file: Callable[[str], str]) -> None:
    spec = played("grasp-frames", file(SOMEBODYS))
    moved = {}
    for name, dynamics in (("healthy", RobotDynamics()), ("weak", RobotDynamics(drive_gain=0.5))):
        world = BatchedWorld(spec.with_dynamics([dynamics]), 1)
        world.reset()
        arm = world.group("arm")
        for _ in range(4):
            world.step(np.array([[[0.6, 0.0, 0.0, 0.0, 0.0]]]))
        for _ in range(30):
            world.step(np.zeros((1, 1, 5)))
        moved[name] = arm.positions()[0, 0, 0] - HOME_M[0]
    assert moved["weak"] == pytest.approx(0.5 * moved["healthy"], abs=0.005)


def test_a_robot_senses_with_it_what_training_showed(file: Callable[[str], str]) -> None:
    from metabot.deploy.contract import PolicyContract
    from metabot_sim.episodes import EpisodeBatch
    from metabot_sim.interface import robot_interface

    spec = played("grasp-place", file(SOMEBODYS), 1)
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    seen = env.reset(episodes=EpisodeBatch.of(spec, 1))[0]
    arm, name = env.world.group("arm"), spec.robots[0].name
    assert isinstance(arm, Arm)
    senses, contract = Senses(spec, name), PolicyContract(robot_interface(env), "hash")
    assert senses.shadow.joints_of(name) == (arm.joint_names[0], 2)
    for step in range(40):
        positions, velocities = arm.joint_states(0)
        senses.joints(name, positions[0], velocities[0], bool(arm.pressed()[0, 0]), float(step))
        places, rates = env.world.object_states()
        for number, thing in enumerate(spec.objects):
            senses.thing(thing.name, places[0, number], rates[0, number], float(step))
        assert senses.observe(contract) == pytest.approx(seen[0], abs=1e-5)
        actions = np.clip(env.expert(), -1.0, 1.0)
        senses.act(actions[0, 0])
        seen = env.step(actions).observations[0]


_FINGERS = re.compile(r'<body name="left.*?</body>\s*<body name="right.*?</body>', re.DOTALL)
_WRIST = 'joint="j5" kp="150" ctrlrange="-1.7 1.7"'
WRONG = {
    "an arm without a gripper cannot play grasp-place": re.sub(r"<general .*?/>", "", _FINGERS.sub("", SOMEBODYS))
    .replace("<equality>", "<!--")
    .replace("</equality>", "-->"),
    "2 actuators turn joint 'j3'": SOMEBODYS.replace(
        "</actuator>", '<position name="motor_j3_too" class="arm" joint="j3"/></actuator>'
    ),
    "0 actuators turn joint 'j3'": re.sub(r'<position name="motor_j3".*?/>', "", SOMEBODYS),
    "the actuator of joint 'j3' is no position servo": re.sub(
        r'<position name="motor_j3" class="arm" joint="j3".*?/>',
        '<intvelocity name="motor_j3" joint="j3" kp="9" actrange="-1 1"/>',
        SOMEBODYS,
    ),
    "2 actuators besides": SOMEBODYS.replace("</actuator>", '<motor name="lamp" joint="right"/></actuator>'),
    "has no ctrlrange": SOMEBODYS.replace(' ctrlrange="0 255"', ""),
    "its fingers open to": SOMEBODYS.replace('range="0 0.04"', 'range="0 0.02"'),
    "cannot point down at": SOMEBODYS.replace(_WRIST, _WRIST.replace("-1.7", "1.65")),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_breaks_the_contract_is_one_line(file: Callable[[str], str], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        FleetEnv(played("grasp-place", file(WRONG[said]), 1), 1)
    line = str(caught.value)
    assert line.startswith("robots.arm_1: mjcf ") and said in line and "wanted: " in line and "\n" not in line


def test_a_description_names_what_cannot_be_told(file: Callable[[str], str], tmp_path: Path) -> None:
    path = file(SOMEBODYS.replace("</actuator>", '<motor name="lamp" joint="right"/></actuator>'))
    (tmp_path / "robot.metabot.json").write_text('{"gripper": "gripper", "fingers": ["left", "right"]}')
    assert load(path)[1].grip == "gripper"
    (tmp_path / "robot.metabot.json").write_text('{"gripper": "gripper", "fingers": ["thumb", "right"]}')
    with pytest.raises(ValueError, match="no solid body 'thumb' of its description"):
        load(path)


def test_only_arms_and_robots_that_drive_take_files() -> None:
    with pytest.raises(SpecError, match=r"mjcf: kind 'diffdrive' takes no file; allowed: 'mjcf' and 'arm'"):
        TaskSpec.parse(
            {"robots": [{"name": "a", "mjcf": "x.xml", "goal": "red"}], "pads": [{"color": "red", "x": 1, "y": 0}]}
        )


def test_arms_of_a_task_are_replaced_and_its_cars_stay(file: Callable[[str], str]) -> None:
    path = file(SOMEBODYS)
    spec = with_mjcf(family("deliver").spec(3), path)
    assert [robot.mjcf for robot in spec.robots] == [path, None, path]
    with pytest.raises(SpecError, match=r"robots\.loader_1: mjcf nowhere\.xml: there is no such file"):
        with_mjcf(family("deliver").spec(3), "nowhere.xml")


def test_the_files_differ_from_the_one_with_position_servos() -> None:
    assert len(TORQUES) == 7
    for xml in OTHER_SERVOS.values():
        assert not _SERVO.search(xml)


@pytest.mark.parametrize("kind", OTHER_SERVOS)
def test_its_joints_become_position_servos_that_are_as_strong(file: Callable[[str], str], kind: str) -> None:
    spec, found = load(file(OTHER_SERVOS[kind]))
    assert found.joints == ("j1", "j2", "j7", "j3", "j4", "j5", "j6")
    model = spec.compile()
    for joint, name in zip(found.joints, found.drives, strict=True):
        servo = model.actuator(name).id
        strong = float(model.actuator_forcerange[servo, 1])
        # A motor with a gear of 2 turns its joint with twice its force.
        wanted = {"motors": 2.0 * TORQUES[joint], "velocity servos": TORQUES[joint]}.get(kind)
        assert strong == pytest.approx(wanted) if wanted else 0.1 < strong < 200.0
        assert model.actuator_ctrlrange[servo] == pytest.approx(model.joint(joint).range)


@pytest.mark.parametrize("kind", OTHER_SERVOS)
def test_it_goes_where_it_is_sent(file: Callable[[str], str], kind: str) -> None:
    world = BatchedWorld(played("grasp-frames", file(OTHER_SERVOS[kind])), 1)
    world.reset()
    arm = world.group("arm")
    assert isinstance(arm, Arm)
    for _ in range(5):
        world.step(np.array([[[0.8, 0.5, -0.5, 0.5, 0.0]]]))
    for _ in range(30):
        world.step(np.zeros((1, 1, 5)))
    wanted = np.array(HOME_M) + 5 * 0.03 * np.array([0.8, 0.5, -0.5])
    assert arm.to_base(arm.positions())[0, 0] == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("kind", OTHER_SERVOS)
def test_its_expert_masters_grasping(file: Callable[[str], str], kind: str) -> None:
    assert mastered(played("grasp-place", file(OTHER_SERVOS[kind]))) >= 0.9

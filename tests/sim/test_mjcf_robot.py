"""A user's own MJCF is a robot: what is read from it, how it drives, and what is refused in one line."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import ROBOT_DYNAMICS
from metabot_sim.families.registry import family
from metabot_sim.robots.mjcf import with_mjcf
from metabot_sim.robots.mjcf.prepare import load

PAGE = Path(__file__).parents[2] / "docs/tutorials/bring-your-own-robot.md"
XML = re.search(r"```xml\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)  # type: ignore[union-attr]
FOUR_WHEELS = """
<mujoco>
  <compiler angle="radian"/>
  <custom><numeric name="max_yaw_rate_radps" data="1.5"/></custom>
  <worldbody>
    <body name="base" pos="0 0 0.04">
      <freejoint name="root"/>
      <geom name="chassis" type="box" size="0.1 0.06 0.02" mass="2"/>
      <site name="bumper" type="box" size="0.11 0.07 0.02"/>
      WHEELS
    </body>
  </worldbody>
  <sensor><touch name="bumper" site="bumper"/></sensor>
  <actuator>ACTUATORS</actuator>
</mujoco>
"""
for _name, _x, _y in (
    ("left_a", 0.07, 0.08),
    ("left_b", -0.07, 0.08),
    ("right_a", 0.07, -0.08),
    ("right_b", -0.07, -0.08),
):
    FOUR_WHEELS = FOUR_WHEELS.replace(
        "WHEELS",
        f'<body pos="{_x} {_y} 0"><joint name="{_name}" axis="0 -1 0"/><geom size="0.04" mass="0.1"/></body>WHEELS',
    ).replace("ACTUATORS", f'<velocity name="{_name}" joint="{_name}" kv="0.3"/>ACTUATORS')
FOUR_WHEELS = FOUR_WHEELS.replace("WHEELS", "").replace("ACTUATORS", "")


def task(path: str, robots: int = 1) -> TaskSpec:
    return with_mjcf(family("drive-goal").spec(robots), path)


def test_radius_track_and_direction_are_read_from_the_file(file: Callable[[str], str]) -> None:
    _, contract = load(file(FOUR_WHEELS))
    assert contract.height_m == contract.wheels[0].radius_m == pytest.approx(0.04)
    assert [wheel.side_m for wheel in contract.wheels] == pytest.approx([0.08, 0.08, -0.08, -0.08])
    assert {wheel.sign for wheel in contract.wheels} == {-1.0}
    assert (contract.max_speed_mps, contract.max_yaw_rate_radps) == (1.0, 1.5)


@pytest.mark.parametrize("xml", [XML, FOUR_WHEELS], ids=["two wheels", "four wheels, axes reversed"])
def test_commands_mean_what_the_dynamics_say(file: Callable[[str], str], xml: str) -> None:
    world = BatchedWorld(task(file(xml)), 3, walls=False)
    world.episodes.robot_dynamics[:, 0, :3] = [(1, 1, 0), (-1, 1, 0), (1, 1, 0.3)]
    for _ in range(30):
        world.step(np.tile([0.4, 0.0], (3, 1, 1)))
    forward, turn = world.twists()[:, 0].T
    assert forward == pytest.approx([0.4, -0.4, 0.4], abs=0.04)
    assert turn[:2] == pytest.approx([0.0, 0.0], abs=0.05)
    # Four wheels skid in turns: the sign is what counts.
    assert turn[2] > 0.1


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_the_expert_drives_it_to_the_goals(file: Callable[[str], str], split: str) -> None:
    spec = task(file(XML), 2)
    env = FleetEnv(spec, 64, autoreset=Autoreset.DISABLED)
    numbers = np.arange(64)
    env.reset(episodes=family("drive-goal").draw(spec, split, numbers, numbers))  # type: ignore[arg-type]
    for _ in range(env.horizon):
        done = env.step(env.expert())
    assert done.success.all(axis=1).mean() >= 0.95


def test_robots_of_different_files_drive_side_by_side(file: Callable[[str], str]) -> None:
    both = task(file(XML, "one.xml"), 2)
    other = both.robots[1].model_copy(update={"mjcf": file(FOUR_WHEELS, "other.xml")})
    world = BatchedWorld(both.model_copy(update={"robots": (both.robots[0], other)}), 2, walls=False)
    world.episodes.robot_dynamics[1, :, 3:5] = (1.0, 0.5)
    world.reset()
    for _ in range(20):
        world.step(np.tile([0.5, 0.0], (2, 2, 1)))
    assert world.twists()[..., 0] == pytest.approx(np.full((2, 2), 0.5), abs=0.05)


def test_a_robot_without_a_bumper_gets_one_that_feels_robots_and_not_the_floor(file: Callable[[str], str]) -> None:
    world = BatchedWorld(task(file(XML), 2), 1, walls=False)
    world.episodes.spawns[0] = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)]
    world.reset()
    felt = []
    for _ in range(60):
        world.step(np.array([[[0.5, 0.0], [-0.5, 0.0]]]))
        felt.append(world.contacts()[0].all() and np.hypot(*(world.poses()[0, 0] - world.poses()[0, 1])[:2]) < 0.3)
    assert not any(felt[:10])
    assert any(felt[10:])


OTHERWISE = {
    "base has another name": XML.replace('name="base"', 'name="base_link"'),
    "no free joint": XML.replace('<freejoint name="root"/>', ""),
    "no names of geoms": XML.replace('name="chassis"', "").replace('name="caster"', ""),
    "motors have other names": XML.replace('velocity name="left"', 'velocity name="port"'),
    "motors have none": XML.replace('velocity name="left"', "velocity").replace('velocity name="right"', "velocity"),
    "above the floor": XML.replace('pos="0 0 0.06"', 'pos="0 0 0.2"'),
    "a scene around it": XML.replace(
        "<worldbody>",
        '<worldbody><geom type="plane" size="1 1 1"/><light pos="0 0 2"/><camera name="c" pos="0 0 2"/>'
        '<body pos="0.5 0 0"><geom size="0.1"/></body>',
    ),
    "a keyframe": XML.replace(
        "</mujoco>", '<keyframe><key name="home" qpos="1 2 0.06 1 0 0 0 0.3 0.4"/></keyframe></mujoco>'
    ),
    "gears": XML.replace('kv="0.2"', 'kv="0.02222" gear="3"'),
    "motors the other way round": XML.replace('kv="0.2"', 'kv="0.2" gear="-1"'),
    "one motor the other way round": XML.replace('joint="left" kv="0.2"', 'joint="left" kv="0.2" gear="-1"'),
    "one axis the other way round": XML.replace('name="left" axis="0 1 0"', 'name="left" axis="0 -1 0"'),
    "wheels with a range": XML.replace("damping=", 'limited="true" range="-180 180" damping='),
    "wheels with springs": XML.replace("damping=", 'stiffness="1" damping='),
    "looks to the left": XML.replace('pos="0 0 0.06"', 'pos="0 0 0.06" euler="0 0 90"'),
    "looks back": XML.replace('pos="0 0 0.06"', 'pos="0 0 0.06" quat="0 0 0 1"'),
    "on another layer": XML.replace("<geom ", '<geom contype="2" conaffinity="2" '),
    "damped in the air": XML.replace('<freejoint name="root"/>', '<joint name="root" type="free" damping="5"/>'),
    "aside": XML.replace('pos="0 0 0.06"', 'pos="0 0.5 0.06"'),
    "far aside": XML.replace('pos="0 0 0.06"', 'pos="-2 3 0.06"'),
    "options of its own": XML.replace("<worldbody>", '<option timestep="0.001" integrator="RK4"/><worldbody>'),
    "turned wheels": XML.replace(
        '<geom type="ellipsoid" size="0.06 0.012 0.06"', '<geom type="ellipsoid" size="0.06 0.012 0.06" euler="0 45 0"'
    ),
    "a mount without mass": XML.replace(
        '<body name="left_wheel"', '<body name="mount" pos="0 0 0.1"><site name="eye"/></body><body name="left_wheel"'
    ),
    "radians": XML.replace("<worldbody>", '<compiler angle="radian"/><worldbody>'),
}


def driven(spec: TaskSpec) -> tuple[np.ndarray, BatchedWorld]:
    """Twists and way of a robot that goes round a bend, (5,), and its world."""
    world = BatchedWorld(spec, 1, walls=False)
    world.reset()
    for _ in range(40):
        world.step(np.array([[[0.5, 0.3]]]))
    way = world.poses()[0, 0] - world.episodes.spawns[0, 0]
    return np.concatenate([world.twists()[0, 0], way]), world


@pytest.fixture(scope="module")
def nominal(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("nominal") / "robot.xml"
    path.write_text(XML)
    return driven(task(str(path)))[0]


@pytest.mark.parametrize("kind", OTHERWISE)
def test_the_same_robot_written_otherwise_moves_the_same(file: Callable[[str], str], kind: str, nominal) -> None:
    assert OTHERWISE[kind] != XML
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved, _ = driven(task(file(OTHERWISE[kind])))
    assert moved == pytest.approx(nominal, abs=0.02)


def test_masses_are_those_of_the_file_compiled_by_itself(file: Callable[[str], str]) -> None:
    xml = XML.replace("<worldbody>", '<compiler settotalmass="10"/><worldbody>')
    _, world = driven(task(file(xml)))
    body = world.model.body("robot_1/base").id
    assert world.model.body_subtreemass[body] == pytest.approx(10.0, rel=1e-6)


def test_what_an_included_file_says_holds(file: Callable[[str], str], nominal) -> None:
    file('<mujoco><default><geom friction="1.2 0.005 0.0001"/></default></mujoco>', "defaults.xml")
    xml = XML.replace(' friction="1.2 0.005 0.0001"', "").replace(
        "<worldbody>", '<include file="defaults.xml"/><worldbody>'
    )
    moved, world = driven(task(file(xml)))
    assert moved == pytest.approx(nominal, abs=0.02)
    wheel = int(world.model.body("robot_1/left_wheel").geomadr[0])
    assert world.model.geom_friction[wheel, 0] == 1.2


def test_the_scene_keeps_its_own_options(file: Callable[[str], str]) -> None:
    plain, other = (
        BatchedWorld(task(file(xml, f"{number}.xml"))).model.opt
        for number, xml in enumerate((XML, OTHERWISE["options of its own"]))
    )
    assert (plain.timestep, plain.integrator) == (other.timestep, other.integrator)


def test_a_robot_stands_two_and_four_times_in_a_world_each_with_its_own_parts(file: Callable[[str], str]) -> None:
    xml = XML.replace("</mujoco>", '<tendon><fixed name="t"><joint joint="left" coef="1"/></fixed></tendon></mujoco>')
    path = file(xml)
    for robots in (2, 4):
        world = BatchedWorld(task(path, robots), 1, walls=False)
        for group in world.groups:
            owners = [{world.model.actuator(int(a)).name.split("/")[0] for a in row} for row in group.actuators]
            assert owners == [{f"robot_{number + 1}"} for number in range(robots)]


RICH = (
    XML.replace(
        "<worldbody>", '<default><default class="drive"><geom friction="0.9"/></default></default><worldbody>', 1
    )
    .replace("<worldbody>", '<custom><numeric name="note" data="7"/></custom><worldbody>', 1)
    .replace(
        "</mujoco>",
        '<sensor><framelinvel name="speed" objtype="body" objname="base"/></sensor>'
        '<contact><exclude name="apart" body1="base" body2="left_wheel"/></contact>'
        '<keyframe><key name="home"/></keyframe></mujoco>',
    )
)


def test_three_of_one_file_with_everything_in_it_stand_in_a_world(file: Callable[[str], str], nominal) -> None:
    path = file(RICH)
    spec = task(path, 3)
    world = BatchedWorld(spec, 1, walls=False)
    model = world.model
    for number in (1, 2, 3):
        assert model.exclude_signature.size == 3
        assert model.sensor(f"robot_{number}/speed").objid == model.body(f"robot_{number}/base").id
    world.reset()
    for _ in range(40):
        world.step(np.tile([0.5, 0.3], (1, 3, 1)))
    for moved in world.twists()[0]:
        assert moved == pytest.approx(nominal[:2], abs=0.02)


def test_three_files_with_the_same_names_in_them_keep_their_own(file: Callable[[str], str], tmp_path: Path) -> None:
    """Default classes and meshes are called the same in all of them and are others."""
    spec = family("drive-goal").spec(3)
    robots, sizes = [], (0.02, 0.03, 0.04)
    for number, (robot, size) in enumerate(zip(spec.robots, sizes, strict=True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        corners = "".join(f"v {x} {y} {z}\n" for x in (-size, size) for y in (-size, size) for z in (0.0, size))
        (folder / "hull.obj").write_text(corners + "f 1 3 2\nf 2 3 4\nf 5 6 7\nf 6 8 7\nf 1 2 5\nf 2 6 5\n")
        xml = XML.replace(
            "<worldbody>",
            f'<default><default class="part"><geom friction="{1.0 + number / 10}" mass="0.1"/></default></default>'
            '<asset><mesh name="hull" file="hull.obj"/></asset><worldbody>',
            1,
        ).replace('<geom name="caster"', '<geom name="hull" class="part" type="mesh" mesh="hull"/><geom name="caster"')
        path = file(xml, f"{number}/robot.xml")
        robots.append(with_mjcf(spec.model_copy(update={"robots": (robot,), "pads": spec.pads}), path).robots[0])
    model = BatchedWorld(spec.model_copy(update={"robots": tuple(robots)}), 1, walls=False).model
    for number, size in enumerate(sizes):
        hull = model.geom(f"robot_{number + 1}/hull")
        assert hull.friction[0] == pytest.approx(1.0 + number / 10)
        mesh = int(model.geom_dataid[hull.id])
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        wide = np.ptp(model.mesh_vert[first : first + count], axis=0)
        assert sorted(wide.tolist()) == pytest.approx(sorted([2 * size, 2 * size, size]), abs=1e-6)


def test_speeds_follow_from_what_motors_may(file: Callable[[str], str]) -> None:
    path = file(XML.replace('kv="0.2"', 'kv="0.2" ctrlrange="-5 5"'))
    _, contract = load(path)
    assert contract.max_speed_mps == pytest.approx(0.3) and contract.max_yaw_rate_radps == pytest.approx(3.0)
    spec = task(path)
    assert spec.horizon_s == pytest.approx(4.0 / 0.3, rel=0.1)
    env = FleetEnv(spec, 32, autoreset=Autoreset.DISABLED)
    numbers = np.arange(32)
    env.reset(episodes=family("drive-goal").draw(spec, "train", numbers, numbers))
    for _ in range(env.horizon):
        done = env.step(env.expert())
    assert done.success.all(axis=1).mean() >= 0.95


def test_torque_motors_and_a_file_without_motors_get_servos(file: Callable[[str], str], nominal) -> None:
    torque = XML.replace(
        '<velocity name="left" joint="left" kv="0.2" forcerange="-1.5 1.5"/>',
        '<motor joint="left" ctrlrange="-1 1" gear="1.5"/>',
    )
    torque = torque.replace(
        '<velocity name="right" joint="right" kv="0.2" forcerange="-1.5 1.5"/>',
        '<motor joint="right" ctrlrange="-1 1" gear="1.5"/>',
    )
    for xml in (torque, re.sub(r"<actuator>.*</actuator>", "", XML, flags=re.DOTALL)):
        moved, _ = driven(task(file(xml)))
        assert moved[:2] == pytest.approx(nominal[:2], abs=0.08)


URDF = """
<robot name="cart">
  <link name="base_link">
    <inertial><origin xyz="0 0 0.05"/><mass value="3"/>
      <inertia ixx="0.02" iyy="0.03" izz="0.04" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><origin xyz="0 0 0.05"/><geometry><box size="0.24 0.16 0.06"/></geometry></collision>
    <collision><origin xyz="-0.1 0 -0.04"/><geometry><sphere radius="0.02"/></geometry></collision>
  </link>
  WHEELS
</robot>
"""
for _side, _y in (("left", 0.1), ("right", -0.1)):
    URDF = URDF.replace(
        "WHEELS",
        f"""<link name="{_side}_wheel">
    <inertial><mass value="0.2"/><inertia ixx="2e-4" iyy="3e-4" izz="2e-4" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><origin rpy="1.5707963 0 0"/><geometry><cylinder radius="0.06" length="0.02"/></geometry></collision>
  </link>
  <joint name="{_side}_wheel_joint" type="continuous">
    <parent link="base_link"/><child link="{_side}_wheel"/><origin xyz="0.04 {_y} 0"/><axis xyz="0 1 0"/>
  </joint>
  WHEELS""",
    )
URDF = URDF.replace("WHEELS", "")


def test_a_urdf_drives_to_its_pads(file: Callable[[str], str]) -> None:
    path = file(URDF, "cart.urdf")
    _, contract = load(path)
    assert [wheel.side_m for wheel in contract.wheels] == pytest.approx([0.1, -0.1])
    env = FleetEnv(task(path), 32, autoreset=Autoreset.DISABLED)
    body = env.world.model.body("robot_1/base_link").id
    assert env.world.model.body_subtreemass[body] == pytest.approx(3.4)
    numbers = np.arange(32)
    env.reset(episodes=family("drive-goal").draw(env.spec, "train", numbers, numbers))
    for _ in range(env.horizon):
        done = env.step(env.expert())
    assert done.success.all(axis=1).mean() >= 0.95


def test_a_description_beside_the_file_says_what_it_does_not(
    file: Callable[[str], str], tmp_path: Path, nominal
) -> None:
    # Nothing in the names tells left from right, and the base looks back.
    xml = (
        XML.replace('"left"', '"a"').replace('"right"', '"b"').replace("left_wheel", "w1").replace("right_wheel", "w2")
    )
    xml = xml.replace('pos="0 0 0.06"', 'pos="0 0 0.06" quat="0 0 0 1"')
    path = file(xml)
    (tmp_path / "robot.metabot.json").write_text(
        '{"left": ["a"], "right": ["b"], "max_speed_mps": 0.5, "chassis": "caster"}'
    )
    _, contract = load(path)
    assert contract.max_speed_mps == 0.5 and contract.chassis == "caster"
    spec = task(path)
    assert spec.horizon_s == pytest.approx(8.0, rel=0.1)
    world = BatchedWorld(spec, 1, walls=False)
    world.reset()
    for _ in range(40):
        world.step(np.array([[[1.0, 0.3]]]))
    assert world.twists()[0, 0] == pytest.approx(nominal[:2], abs=0.02)
    for text, line in (
        ('{"lefty": []}', "robot.metabot.json: lefty"),
        ('{"left": ["x"], "right": ["b"]}', "no joint 'x' of its description; joints: root, a, b"),
        ('{"base": "torso"}', "no body 'torso' of its description in the worldbody; bodies: base"),
        ('{"max_speed_mps": 0}', "max_speed_mps"),
        ("{", "robot.metabot.json"),
    ):
        (tmp_path / "robot.metabot.json").write_text(text)
        with pytest.raises(ValueError) as caught:
            load(path)
        assert line in str(caught.value) and "\n" not in str(caught.value)


LEGS = "".join(
    f'<body pos="{x} {y} 0"><joint axis="0 1 0"/><geom type="capsule" size="0.01 0.04" pos="0 0 -0.05"/>'
    '<body pos="0 0 -0.1"><joint axis="0 1 0"/><geom type="capsule" size="0.01 0.04" pos="0 0 -0.05"/></body></body>'
    for x in (-0.1, 0.1)
    for y in (-0.1, 0.1)
)
WRONG = {
    "legs": f'<mujoco><worldbody><body><freejoint/><geom size="0.1"/>{LEGS}</body></worldbody></mujoco>',
    "stands still and has 8 joints": f"<mujoco><worldbody><body>{LEGS}</body></worldbody></mujoco>",
    "no wheels": '<mujoco><worldbody><body name="base"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>',
    "nothing in it moves": '<mujoco><worldbody><body name="base"><geom size="0.1"/></body></worldbody></mujoco>',
    "2 moving bodies in the worldbody (a, b)": '<mujoco><worldbody><body name="a"><freejoint/><geom size="0.1"/></body>'
    '<body name="b"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>',
    "hangs on joints (slide)": XML.replace('<freejoint name="root"/>', '<joint type="slide" axis="1 0 0"/>'),
    "2 actuators turn 'left'": XML.replace("</actuator>", '<velocity name="up" joint="left"/></actuator>'),
    "no ctrlrange": XML.replace('velocity name="left" joint="left" kv="0.2"', 'motor name="left" joint="left"'),
    "is a position servo": XML.replace('velocity name="left" joint="left" kv="0.2"', 'position joint="left" kp="1"'),
    "wheels are 0.000 m apart": XML.replace('name="left" axis="0 1 0"', 'name="left" axis="0 0 1"'),
    "its parts reach": XML.replace('size="0.13 0.09 0.03"', 'size="1.6 0.09 0.03"'),
    "wanted: left and right ones at least 0.02 m apart": XML.replace("0.04 0.1 0", "0.04 -0.1 0"),
    "numeric 'max_speed_mps' is -1": XML.replace(
        "<worldbody>", '<custom><numeric name="max_speed_mps" data="-1"/></custom><worldbody>'
    ),
    "the ctrlrange of its actuators allows 0.3 m/s": XML.replace(
        'kv="0.2" forcerange="-1.5 1.5"', 'kv="0.2" ctrllimited="true" ctrlrange="-5 5"'
    ).replace("<worldbody>", '<custom><numeric name="max_speed_mps" data="1"/></custom><worldbody>'),
    "holds 'base' fast in the world": XML.replace("</mujoco>", '<equality><weld body1="base"/></equality></mujoco>'),
    "ties left to right": XML.replace(
        "</mujoco>", '<equality><joint joint1="left" joint2="right"/></equality></mujoco>'
    ),
    "too weak": XML.replace('mass="3"', 'mass="300"'),
    "told to drive 1 m/s it f": XML.replace('kv="0.2" forcerange="-1.5 1.5"', 'kv="200"'),
    "told to drive 20 m/s": XML.replace(
        "<worldbody>", '<custom><numeric name="max_speed_mps" data="20"/></custom><worldbody>'
    ),
    'mass="nan": not a number': XML.replace('mass="3"', 'mass="nan"'),
    "hangs": XML.replace('size="0.02" pos="-0.1 0 -0.04"', 'size="0.02" pos="-0.1 0 -0.06"'),
    "Element 'gem', line": XML.replace("<geom ", "<gem ", 1),
    "nope.stl": XML.replace("<worldbody>", '<asset><mesh name="m" file="nope.stl"/></asset><worldbody>'),
    "XML_ERROR": XML.replace("</worldbody>", ""),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_breaks_the_contract_is_one_line_that_names_robot_and_file(file: Callable[[str], str], said: str) -> None:
    path = file(WRONG[said])
    with pytest.raises(SpecError) as caught:
        task(path)
    message = str(caught.value)
    assert message.startswith(f"robots.robot_1: mjcf {path}: ") and said in message and "\n" not in message


def steady(spec: TaskSpec, **hidden: float) -> float:
    """Speed at full command under hidden dynamics."""
    world = BatchedWorld(spec, 1, walls=False)
    for name, value in hidden.items():
        world.episodes.robot_dynamics[:, 0, ROBOT_DYNAMICS.index(name)] = value
    world.reset()
    for _ in range(80):
        world.step(np.array([[[1.0, 0.0]]]))
    return float(world.twists()[0, 0, 0])


def test_a_mount_without_mass_changes_nothing_when_the_robot_is_loaded(file: Callable[[str], str]) -> None:
    for hidden in ({"payload_kg": 0.5}, {"link_mass": 1.2}):
        plain, mounted = (steady(task(file(xml)), **hidden) for xml in (XML, OTHERWISE["a mount without mass"]))
        assert mounted == pytest.approx(plain, abs=1e-3) and plain > 0.9


def test_hidden_damping_scales_all_terms_of_a_robots_own(file: Callable[[str], str]) -> None:
    both, five_times = (XML.replace('damping="0.002"', f'damping="{d} {d}"') for d in (0.002, 0.01))
    found = steady(task(file(both)), damping=5.0)
    assert found == pytest.approx(steady(task(file(five_times)))) == pytest.approx(0.63, abs=0.01)


def test_a_task_file_finds_its_robot_beside_it_wherever_it_is_read(
    file: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(XML)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.json").write_text(task("robot.xml").model_dump_json())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    spec = TaskSpec.read(Path("../task.json"))
    assert driven(spec)[0][0] == pytest.approx(0.5, abs=0.05)
    with pytest.raises(SpecError, match="no such file"):
        FleetEnv(TaskSpec.parse((tmp_path / "task.json").read_text()), 1)


def test_a_missing_file_is_one_line() -> None:
    with pytest.raises(SpecError, match=r"^robots.robot_1: mjcf nowhere.xml: there is no such file; wanted: .*$"):
        FleetEnv(task("nowhere.xml"), 1)


def test_a_mesh_beside_the_file_is_found(file: Callable[[str], str], tmp_path: Path) -> None:
    corners = "".join(f"v {x} {y} {z}\n" for x in (-0.05, 0.05) for y in (-0.05, 0.05) for z in (0.0, 0.05))
    (tmp_path / "meshes").mkdir()
    (tmp_path / "meshes" / "hull.obj").write_text(corners + "f 1 3 2\nf 2 3 4\nf 5 6 7\nf 6 8 7\nf 1 2 5\nf 2 6 5\n")
    xml = XML.replace(
        "<worldbody>",
        '<compiler meshdir="meshes"/><asset><mesh name="hull" file="hull.obj"/></asset><worldbody>',
    ).replace('<geom name="caster"', '<geom type="mesh" mesh="hull" mass="0.1"/><geom name="caster"')
    assert BatchedWorld(task(file(xml)), 1).model.nmesh == 1

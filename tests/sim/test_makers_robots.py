"""Robots' files as their makers publish them: each trait that once was refused, or meant something else in silence."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest

from metabot.task import KINDS, SpecError, TaskSpec
from metabot.task.kinds import KindFacts
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.registry import family
from metabot_sim.robots.mjcf import with_mjcf
from metabot_sim.robots.mjcf.prepare import load
from metabot_sim.robots.registry import ROBOTS

PAGE = Path(__file__).parents[2] / "docs/tutorials/bring-your-own-robot.md"
XML = re.search(r"```xml\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)  # type: ignore[union-attr]


def task(path: str, robots: int = 1) -> TaskSpec:
    return with_mjcf(family("drive-goal").spec(robots), path)


def driven(spec: TaskSpec) -> np.ndarray:
    """Twist and way of a robot that goes round a bend, (5,)."""
    world = BatchedWorld(spec, 1, walls=False)
    for _ in range(40):
        world.step(np.array([[[0.5, 0.3]]]))
    return np.concatenate([world.twists()[0, 0], world.poses()[0, 0] - world.episodes.spawns[0, 0]])


@pytest.fixture(scope="module")
def nominal(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("nominal") / "robot.xml"
    path.write_text(XML)
    return driven(task(str(path)))


def tyre(radius_m: float, half_m: float, sides: int = 48) -> str:
    """A wheel about the y axis as the text of an OBJ file."""
    turn = 2.0 * np.pi * np.arange(sides) / sides
    rims = [(radius_m * np.cos(a), y, radius_m * np.sin(a)) for y in (-half_m, half_m) for a in turn]
    faces = [(0, k + 1, k) for k in range(1, sides - 1)] + [
        (sides, sides + k, sides + k + 1) for k in range(1, sides - 1)
    ]
    for k in range(sides):
        after = (k + 1) % sides
        faces += [(k, after, sides + k), (after, sides + after, sides + k)]
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in rims]
    return "".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in faces)])


_WHEEL = """
  <body name="wheel_SIDE_link" pos="0 Y 0.023">
    <inertial pos="0 0 0" mass="0.03" diaginertia="1e-5 2e-5 1e-5"/>
    <joint name="wheel_SIDE_joint" axis="0 1 0" damping="0.001" armature="0.001"/>
    <geom type="mesh" mesh="tyre" euler="0 45 0"/>
  </body>"""
SMALL = f"""
<mujoco>
  <compiler meshdir="assets"/>
  <asset><mesh name="tyre" file="tyre.obj"/></asset>
  <default><default class="drive">
    <velocity kv="0.5" ctrllimited="true" ctrlrange="-6.6667 6.6667" forcerange="-0.9 0.9"/>
  </default></default>
  <worldbody><body name="base_link" pos="0 0 0.01">
    <inertial pos="-0.03 0 0.05" mass="0.95" diaginertia="0.003 0.003 0.004"/>
    <geom type="box" size="0.069 0.069 0.06" pos="-0.032 0 0.07"/>
    <geom type="sphere" size="0.004" pos="-0.081 0 -0.006" condim="1" priority="1"/>
    {_WHEEL.replace("SIDE", "left").replace("Y", "0.08")}
    {_WHEEL.replace("SIDE", "right").replace("Y", "-0.08")}
  </body></worldbody>
  <actuator>
    <velocity class="drive" joint="wheel_left_joint"/>
    <velocity class="drive" joint="wheel_right_joint"/>
  </actuator>
</mujoco>
"""
"""No free joint, no `chassis`, actuators without names, wheels that are meshes turned within their bodies, and a
ctrlrange for the top speed straight on alone: with it no wheel goes at 0.22 m/s and 2.75 rad/s at once."""


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_a_small_slow_robot_on_wheels_that_are_meshes_drives_with_its_own_limits(
    file: Callable[..., str], tmp_path: Path, split: str
) -> None:
    (tmp_path / "assets").mkdir()
    file(tyre(0.033, 0.009), "assets/tyre.obj")
    path = file(SMALL)
    _, found = load(path)
    assert found.max_speed_mps == pytest.approx(0.22, abs=1e-3)
    assert found.max_yaw_rate_radps == pytest.approx(2.75, abs=0.01)
    # It stands on its tyres, not on the corners of a box around them.
    assert found.height_m == pytest.approx(0.01, abs=2e-4)
    spec = task(path)
    assert spec.horizon_s == pytest.approx(family("drive-goal").spec(1).horizon_s / 0.22, rel=0.05)
    env, numbers = FleetEnv(spec, 32, autoreset=Autoreset.DISABLED), np.arange(32)
    env.reset(episodes=family("drive-goal").draw(spec, split, numbers, numbers))  # type: ignore[arg-type]
    for _ in range(env.horizon):
        done = env.step(env.expert())
    assert done.success.all(axis=1).mean() >= 0.95


_CHASSIS = '<geom name="chassis" type="box" size="0.13 0.09 0.03" pos="0 0 0.03" mass="3"/>'
_CASTER = re.search(r'<geom name="caster".*?/>', XML)[0]  # type: ignore[index]
_LID = '<body name="lid" pos="0 0 0.07"><joint name="hatch" axis="1 0 0"/><geom size="0.01" mass="0.001"/>{}</body>'
_LIGHT = (
    '<body name="mast" pos="0 0 0.1"><joint name="pan" axis="0 0 1" damping="0.1"/><geom size="0.01" mass="0.001"/>'
)
_LIGHT += '<site name="tip"/></body>'


def beside(part: str, end: str = "") -> str:
    """The page's robot with something more on its base, and something more at the file's end."""
    return XML.replace(_CASTER, _CASTER + part).replace("</mujoco>", f"{end}</mujoco>")


TRAITS = {
    "its largest part is on a body of its own": XML.replace(_CHASSIS, f'<body name="top">{_CHASSIS}</body>'),
    "its base has no geom": XML.replace(_CHASSIS, f'<body name="top">{_CHASSIS}</body>').replace(
        _CASTER, f'<body name="back">{_CASTER}</body>'
    ),
    "a mast that a motor turns": beside(_LIGHT, '<actuator><position joint="pan" kp="0.1"/></actuator>'),
    "a mast that a tendon turns": beside(
        _LIGHT,
        '<tendon><fixed name="t"><joint joint="pan" coef="1"/></fixed></tendon>'
        '<actuator><motor tendon="t"/></actuator>',
    ),
    "something that sticks": beside("", '<actuator><adhesion body="left_wheel" ctrlrange="0 1" gain="1"/></actuator>'),
    "a lid that is held shut": beside(
        '<site name="here" pos="0 0 0.07"/>' + _LID.format('<site name="there"/>'),
        '<equality><weld site1="here" site2="there"/></equality>',
    ),
    "memory and user data of a scene": XML.replace(
        "<worldbody>",
        '<size memory="1M" nuserdata="3" nkey="2" nuser_body="2" nuser_geom="1" nuser_jnt="1"/><worldbody>',
    ),
    "sizes of an older time": XML.replace("<worldbody>", '<size njmax="500" nconmax="100" nstack="9000"/><worldbody>'),
    "the looks of a scene": XML.replace(
        "<worldbody>",
        '<visual><global offwidth="64" offheight="48"/><headlight ambient="1 0 0"/><map znear="0.3"/></visual>'
        '<statistic extent="2" center="0 0 1" meansize="0.1"/><worldbody>',
    ),
}


@pytest.mark.parametrize("trait", TRAITS)
def test_a_robot_with_something_more_about_it_moves_as_without(
    file: Callable[..., str], nominal: np.ndarray, trait: str, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = task(file(TRAITS[trait], "more.xml"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert driven(spec) == pytest.approx(nominal, abs=0.02)
    looks = [BatchedWorld(each).model.vis for each in (spec, task(file(XML)))]
    assert len({(each.global_.offwidth, each.map.znear, *each.headlight.ambient.tolist()) for each in looks}) == 1
    # MuJoCo itself would print here, and write into the working folder.
    assert capfd.readouterr() == ("", "") and not Path("MUJOCO_LOG.TXT").exists()


_SOLID = '<geom type="box" size="0.01 0.01 0.03" mass="0.05"/>'
_JAWS = "".join(
    f'<body name="{name}" pos="0 {y} 0.05"><joint name="{name}" axis="0 {way} 0" type="slide" range="0 0.04"/>{_SOLID}'
    "</body>"
    for name, y, way in (("a", 0.03, 1), ("b", -0.03, -1))
)
_ROTORS = [(x, y) for x in (-0.1, 0.1) for y in (-0.1, 0.1)]


def _hanging(name: str, x: float) -> str:
    links = "".join(
        f'<body pos="0 0 0.1"><joint axis="{"0 0 1" if k % 2 else "0 1 0"}"/><geom type="capsule" size="0.02 0.04"/>'
        for k in range(6)
    )
    return f'<body name="{name}" pos="{x} 0 0">{links}{"</body>" * 6}</body>'


NONE_OF_OURS = {
    "a gripper": f'<mujoco><worldbody><body name="hand">{_SOLID}{_JAWS}</body></worldbody>'
    '<actuator><position joint="a" ctrlrange="0 0.04"/></actuator></mujoco>',
    "a gripper whose jaws turn": f'<mujoco><worldbody><body name="hand">{_SOLID}{_JAWS}</body></worldbody>'
    '<actuator><position joint="a" ctrlrange="0 40"/></actuator></mujoco>'.replace(
        'type="slide" range="0 0.04"', 'range="0 40"'
    ),
    "two arms": f"<mujoco><worldbody>{_hanging('left', -0.4)}{_hanging('right', 0.4)}</worldbody></mujoco>",
    "a quadrotor": '<mujoco><worldbody><body name="drone" pos="0 0 0.1"><freejoint/>'
    '<geom type="box" size="0.1 0.1 0.02" mass="1"/>'
    + "".join(f'<site name="rotor_{k}" pos="{x} {y} 0"/>' for k, (x, y) in enumerate(_ROTORS))
    + "</body></worldbody><actuator>"
    + "".join(f'<motor site="rotor_{k}" gear="0 0 1 0 0 0" ctrlrange="0 5"/>' for k in range(4))
    + "</actuator></mujoco>",
}


@pytest.mark.parametrize("name", ["drive-goal", "grasp-place"])
@pytest.mark.parametrize("what", NONE_OF_OURS)
def test_what_is_no_robot_for_any_task_is_refused_at_once_in_one_line(
    file: Callable[..., str], what: str, name: str
) -> None:
    path, spec = file(NONE_OF_OURS[what]), family(name).spec(1)
    with pytest.raises(SpecError) as caught:
        with_mjcf(spec, path)
    line = str(caught.value)
    assert line.startswith(f"robots.{spec.robots[0].name}: mjcf {path}: ") and "\n" not in line


def test_all_that_is_wrong_is_said_at_once(file: Callable[..., str]) -> None:
    xml = (
        XML.replace('name="left" axis="0 1 0"', 'name="left" axis="1 1 0"')
        .replace('<freejoint name="root"/>', '<joint type="ball"/>')
        .replace("</mujoco>", '<equality><weld body1="base"/></equality></mujoco>')
    )
    with pytest.raises(SpecError) as caught:
        task(file(xml))
    assert all(said in str(caught.value) for said in ("apart across", "hangs on joints (ball)", "fast in the world"))


_TIES = '<fixed name="a"><joint joint="left" coef="1"/></fixed><fixed name="b"><joint joint="right" coef="1"/></fixed>'
_DIFFERENCE = '<joint joint="left" coef="1"/><joint joint="right" coef="-1"/>'
GOES_ASTRAY = {
    "tendons that are equal": beside(
        "", f'<tendon>{_TIES}</tendon><equality><tendon tendon1="a" tendon2="b"/></equality>'
    ),
    "a tendon with an end": beside(
        "", f'<tendon><fixed limited="true" range="-0.01 0.01">{_DIFFERENCE}</fixed></tendon>'
    ),
    "a weak motor on one side": XML.replace('<joint name="left"', '<joint name="left" actuatorfrcrange="-.001 .001"'),
    "held by a site": XML.replace("<worldbody>", '<worldbody><site name="here"/>')
    .replace(_CASTER, _CASTER + '<site name="there"/>')
    .replace("</mujoco>", '<equality><weld site1="here" site2="there"/></equality></mujoco>'),
    "held by a point": beside("", '<equality><connect body1="base" anchor="0 0 0"/></equality>'),
}


@pytest.mark.parametrize("how", GOES_ASTRAY)
def test_a_robot_that_would_not_go_where_it_is_told_is_refused(file: Callable[..., str], how: str) -> None:
    with pytest.raises(SpecError) as caught:
        task(file(GOES_ASTRAY[how]))
    assert "wanted: " in str(caught.value) and "\n" not in str(caught.value)


def test_numbers_that_are_none_are_found_in_included_files_too(file: Callable[..., str]) -> None:
    speed = '<mujoco><custom><numeric name="max_speed_mps" data="{}"/></custom></mujoco>'
    file('<mujoco><include file="inner.xml"/></mujoco>', "outer.xml")
    path = file(XML.replace("<worldbody>", '<include file="outer.xml"/><worldbody>'))
    # What was read before is read again when a part of it has changed.
    for value in (0.5, 0.75):
        file(speed.format(value), "inner.xml")
        assert load(path)[1].max_speed_mps == value
    file(speed.format("NaN"), "inner.xml")
    with pytest.raises(ValueError, match="not a number"):
        load(path)


def whole(model: mujoco.MjModel, body: str) -> tuple[float, np.ndarray]:
    """Mass of a robot as it stands, and its centre of mass as seen from its body."""
    data, number = mujoco.MjData(model), model.body(body).id
    mujoco.mj_forward(model, data)
    from_body = data.xmat[number].reshape(3, 3).T @ (data.subtree_com[number] - data.xpos[number])
    return float(model.body_subtreemass[number]), from_body


_CASE = (
    '<body pos="0 0 0.02">'
    '<geom type="box" size="0.1 0.1 0.02" pos="0.03 0 0" mass="0.7" contype="0" conaffinity="0"/></body>'
)


@pytest.mark.parametrize("said", ["", 'settotalmass="7"', 'boundmass="0.5" boundinertia="0.001"'])
@pytest.mark.parametrize("fused", ["", 'fusestatic="true"', 'fusestatic="true" discardvisual="true"'])
def test_masses_are_as_in_the_file_alone_whatever_its_compiler_is_told(
    file: Callable[..., str], said: str, fused: str
) -> None:
    path = file(XML.replace("<worldbody>", f"<compiler {said} {fused}/><worldbody>").replace(_CASTER, _CASTER + _CASE))
    mass, center = whole(mujoco.MjModel.from_xml_path(path), "base")
    world = BatchedWorld(task(path, 2))
    for robot in ("robot_1", "robot_2"):
        found = whole(world.model, f"{robot}/base")
        assert found[0] == pytest.approx(mass, rel=1e-9) and found[1] == pytest.approx(center, abs=1e-9)


URDF = """
<robot name="cart">
  <mujoco><compiler fusestatic="FUSED" discardvisual="VISUAL"/></mujoco>
  <link name="base_link">
    <inertial><origin xyz="0.01 0 0.05"/><mass value="3"/>
      <inertia ixx="0.02" iyy="0.03" izz="0.04" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><origin xyz="0 0 0.05"/><geometry><box size="0.24 0.16 0.06"/></geometry></collision>
    <collision><origin xyz="-0.1 0 -0.04"/><geometry><sphere radius="0.02"/></geometry></collision>
  </link>
  <link name="scanner">
    <inertial><origin xyz="0 0 0.02"/><mass value="0.4"/>
      <inertia ixx="1e-3" iyy="1e-3" izz="1e-3" ixy="0" ixz="0" iyz="0"/></inertial>
    <visual><geometry><cylinder radius="0.03" length="0.04"/></geometry></visual>
  </link>
  <joint name="mount" type="fixed"><parent link="base_link"/><child link="scanner"/><origin xyz="0.05 0 0.09"/></joint>
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


def test_a_urdf_weighs_and_drives_the_same_whatever_is_fused_or_discarded(file: Callable[..., str]) -> None:
    ways = []
    for number, (fused, visual) in enumerate((("true", "true"), ("false", "false"), ("true", "false"))):
        path = file(URDF.replace("FUSED", fused).replace("VISUAL", visual), f"{number}.urdf")
        spec = task(path)
        model = BatchedWorld(spec).model
        mass, center = whole(model, "robot_1/base_link")
        assert mass == pytest.approx(3.8, rel=1e-9)
        assert center[0] == pytest.approx((3 * 0.01 + 0.4 * 0.05 + 0.4 * 0.04) / 3.8, abs=1e-9)
        ways.append(driven(spec))
    assert np.ptp(ways, axis=0) == pytest.approx(np.zeros(5), abs=1e-6) and ways[0][0] > 0.4


_OF_ACTUATORS = ("gainprm", "biasprm", "dynprm", "ctrlrange", "forcerange", "gear", "ctrllimited", "forcelimited")


def test_each_of_two_files_and_two_of_one_keep_the_motors_that_they_have_alone(
    file: Callable[..., str], tmp_path: Path
) -> None:
    """Default classes are called the same in both files and say something else."""
    paths = {}
    for name, kv, force, damping in (("light", 0.2, 1.5, 0.002), ("heavy", 0.4, 2.5, 0.004)):
        xml = XML.replace(' kv="0.2" forcerange="-1.5 1.5"', ' class="drive"')
        xml = xml.replace(' damping="0.002"', ' class="drive"')
        drive = f'<velocity kv="{kv}" forcerange="-{force} {force}"/><joint damping="{damping}"/>'
        drive = f'<default><default class="drive">{drive}</default></default>'
        paths[name] = file(xml.replace("<worldbody>", drive + "<worldbody>"), f"{name}.xml")
    spec = task(paths["light"], 3)
    order = ("light", "heavy", "light")
    robots = [robot.model_copy(update={"mjcf": paths[name]}) for robot, name in zip(spec.robots, order, strict=True)]
    model = BatchedWorld(spec.model_copy(update={"robots": tuple(robots)})).model
    told = set()
    for robot, name in zip(robots, order, strict=True):
        alone = mujoco.MjModel.from_xml_path(paths[name])
        for motor in ("left", "right"):
            here, there = model.actuator(f"{robot.name}/{motor}"), alone.actuator(motor)
            for part in _OF_ACTUATORS:
                assert np.array_equal(getattr(here, part), getattr(there, part)), (robot.name, part)
            joint = model.joint(f"{robot.name}/{motor}")
            assert int(here.trnid[0]) == joint.id
            assert joint.damping == pytest.approx(alone.joint(motor).damping)
            told.add((robot.name, float(here.gainprm[0])))
    assert told == {("robot_1", 0.2), ("robot_2", 0.4), ("robot_3", 0.2)}


def test_motors_of_tendons_sites_bodies_and_cranks_belong_to_the_robot_that_they_are_on(
    file: Callable[..., str],
) -> None:
    xml = beside(
        _LIGHT + '<site name="thrust"/><body name="slider" pos="0 0 0.12"><joint name="lift" type="slide"/>'
        '<geom size="0.01" mass="0.01"/><site name="rod"/></body>',
        '<tendon><fixed name="t"><joint joint="pan" coef="1"/></fixed>'
        '<spatial name="s"><site site="tip"/><site site="thrust"/></spatial></tendon>'
        '<actuator><motor name="by_joint" joint="lift"/><motor name="by_tendon" tendon="t"/>'
        '<motor name="by_cable" tendon="s"/><motor name="by_site" site="thrust"/>'
        '<adhesion name="by_body" body="mast" ctrlrange="0 1" gain="1"/>'
        '<motor name="by_crank" cranksite="tip" slidersite="rod" cranklength="0.1"/></actuator>',
    )
    for robots in (2, 3):
        world = BatchedWorld(task(file(xml), robots))
        (group,) = world.groups
        for number, row in enumerate(group.actuators):
            names = {world.model.actuator(int(each)).name for each in row}
            own = ("left", "right", "by_joint", "by_tendon", "by_cable", "by_site", "by_body", "by_crank")
            assert names == {f"robot_{number + 1}/{name}" for name in own}


def test_a_files_options_change_nothing_of_the_scene_and_nothing_is_written_beside_it(
    file: Callable[..., str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = (
        '<option timestep="0.0007" integrator="RK4" gravity="0 0 -1" cone="elliptic" jacobian="sparse" solver="PGS"'
        ' iterations="3" impratio="7" wind="1 0 0" density="1000" noslip_iterations="4" o_margin="0.1">'
        '<flag contact="disable" override="enable" eulerdamp="disable" multiccd="enable"/></option>'
    )
    plain, other = task(file(XML, "plain.xml"), 2), task(file(XML.replace("<worldbody>", own + "<worldbody>")), 2)
    options = []
    for spec in (plain, other, other):
        found = BatchedWorld(spec).model.opt
        options.append({name: getattr(found, name) for name in dir(found) if not name.startswith("_")})
        assert found.timestep == pytest.approx(1.0 / spec.simulation_hz) and not found.disableflags
        assert found.gravity.tolist() == [0.0, 0.0, -9.81]
    for name, value in options[0].items():
        assert callable(value) or all(np.array_equal(value, each[name]) for each in options[1:]), name
    # Tests run in the folder that files are written to.
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists() and Path.cwd() == tmp_path
    assert capfd.readouterr() == ("", "")


def test_a_new_kind_of_robot_comes_by_the_pages_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder like `diffdrive`, a line in the registry, one in `KINDS`, and its name in a family's `also_kinds`."""
    (said,) = re.findall(
        r"is a class in a folder of its own.*?\n\n|is a class in a folder of its own.*?\n- ", PAGE.read_text(), re.S
    )
    assert all(place in said for place in ("`diffdrive/`", "`registry.py`", "`metabot/task/kinds.py`", "`also_kinds`"))
    source = Path(sys.modules[ROBOTS["diffdrive"].__module__].__file__)  # type: ignore[arg-type]
    shutil.copytree(source.parent, tmp_path / "mine")
    found = importlib.util.spec_from_file_location("mine", tmp_path / "mine" / "__init__.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    text = family("drive-goal").spec(2).model_dump_json().replace('"diffdrive"', '"mine"')
    with pytest.raises(SpecError, match=r"robots\.0\.kind: .*allowed: diffdrive, ackermann"):
        TaskSpec.parse(text)
    monkeypatch.setitem(ROBOTS, "mine", module.DiffDrive)
    monkeypatch.setitem(KINDS, "mine", KindFacts(radius_m=0.18))
    usual = family("drive-goal").spec(2)
    with pytest.raises(SpecError, match=r"robots\.robot_1\.kind: mine cannot play drive-goal"):
        FleetEnv(TaskSpec.parse(text))
    monkeypatch.setattr(type(family("drive-goal")), "also_kinds", frozenset({"mine"}))
    ways = []
    for spec in (TaskSpec.parse(text), usual):
        env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
        env.reset()
        for _ in range(30):
            env.step(env.expert())
        ways.append(env.world.poses().copy())
    assert np.array_equal(*ways) and np.abs(ways[0][0, :, :2] - env.episodes.spawns[0, :, :2]).max() > 0.2
    # Beside one of another kind, too.
    robots = (usual.robots[0], usual.robots[1].model_copy(update={"kind": "mine"}))
    mixed = BatchedWorld(usual.model_copy(update={"robots": robots}))
    assert [type(group).__name__ for group in mixed.groups] == ["DiffDrive", "DiffDrive"]

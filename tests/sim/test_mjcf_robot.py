"""A user's own MJCF is a robot: what is read from it, how it drives, and what is refused in one line."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.registry import family
from metabot_sim.robots.mjcf import with_mjcf
from metabot_sim.robots.mjcf.contract import load

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


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    def write(xml: str, name: str = "robot.xml") -> str:
        path = tmp_path / name
        path.write_text(xml)
        return str(path)

    return write


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


WRONG = {
    "no body 'base'": XML.replace('name="base"', 'name="body"'),
    "no free joint 'root'": XML.replace('<freejoint name="root"/>', ""),
    "no geom 'chassis'": XML.replace('name="chassis"', 'name="hull"'),
    "no actuator 'left'": XML.replace('velocity name="left"', 'velocity name="port"'),
    "actuator 'up'": XML.replace("</actuator>", '<velocity name="up" joint="left"/></actuator>'),
    "no velocity servo": XML.replace('velocity name="left" joint="left" kv="0.2"', 'motor name="left" joint="left"'),
    "turns no wheel": XML.replace('name="left" axis="0 1 0"', 'name="left" axis="0 0 1"'),
    "the lowest part": XML.replace('pos="0 0 0.06"', 'pos="0 0 0.2"'),
    "its parts reach": XML.replace('size="0.13 0.09 0.03"', 'size="0.5 0.09 0.03"'),
    "holds more than the body 'base'": XML.replace("<worldbody>", '<worldbody><geom type="plane" size="1 1 1"/>'),
    "wanted: at least 0.02 m": XML.replace("0.04 0.1 0", "0.04 -0.1 0"),
    "numeric 'max_speed_mps' is -1": XML.replace(
        "<worldbody>", '<custom><numeric name="max_speed_mps" data="-1"/></custom><worldbody>'
    ),
    "the ctrlrange of actuator 'left'": XML.replace(
        'kv="0.2" forcerange="-1.5 1.5"', 'kv="0.2" ctrllimited="true" ctrlrange="-5 5"'
    ),
    "Element 'gem', line": XML.replace("<geom ", "<gem ", 1),
    "nope.stl": XML.replace("<worldbody>", '<asset><mesh name="m" file="nope.stl"/></asset><worldbody>'),
    "XML_ERROR": XML.replace("</worldbody>", ""),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_breaks_the_contract_is_one_line_that_names_robot_and_file(file: Callable[[str], str], said: str) -> None:
    path = file(WRONG[said])
    with pytest.raises(SpecError) as caught:
        FleetEnv(task(path), 1)
    message = str(caught.value)
    assert message.startswith(f"robots.robot_1: mjcf {path}: ") and said in message and "\n" not in message


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

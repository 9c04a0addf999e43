"""Robots of users that are large, glide on slides, or carry an arm: room, motion and posture."""

import re
from collections.abc import Callable

import mujoco
import numpy as np
import pytest

from metabot.bringup.world import rehearsed
from metabot.task import SpecError, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.registry import family
from metabot_sim.robots.mjcf import with_mjcf
from metabot_sim.robots.mjcf.prepare import load

LARGE = """
<mujoco>
  <worldbody>
    <body name="base_link" pos="0 0 0.06">
      <freejoint/>
      <geom type="box" size="0.25 0.2 0.08" pos="-0.1 0 0.06" mass="20"/>
      <geom size="0.02" pos="-0.3 0 -0.04" mass="0.1" condim="1" priority="1"/>
      <geom size="0.02" pos="0.13 0 -0.04" mass="0.1" condim="1" priority="1"/>
      <body pos="0 0.22 0"><joint name="left" axis="0 1 0"/>
        <geom type="ellipsoid" size="0.06 0.012 0.06" mass="0.5"/></body>
      <body pos="0 -0.22 0"><joint name="right" axis="0 1 0"/>
        <geom type="ellipsoid" size="0.06 0.012 0.06" mass="0.5"/></body>
      ON_TOP
    </body>
  </worldbody>
  <actuator><velocity joint="left" kv="10"/><velocity joint="right" kv="10"/>MOTORS</actuator>
  KEYS
</mujoco>
"""
PLAIN = re.sub("ON_TOP|MOTORS|KEYS", "", LARGE)
ARMED = (
    LARGE.replace(
        "ON_TOP",
        '<body pos="-0.1 0 0.2"><joint name="lift" type="slide" axis="0 0 1" range="0 1" damping="50"/>'
        '<geom type="box" size="0.04 0.04 0.04" mass="1"/><body pos="0 0 0.05"><joint axis="0 1 0" damping="2"/>'
        '<geom type="capsule" fromto="0 0 0 0.8 0 0" size="0.03" mass="1"/></body></body>',
    )
    .replace("MOTORS", '<position name="lift" joint="lift" kp="2000"/>')
    .replace("KEYS", '<keyframe><key name="stow" qpos="9 9 9 1 0 0 0 0 0 0.3 -1.5" ctrl="0 0 0.3"/></keyframe>')
)
GLIDER = """
<mujoco>
  <worldbody>
    <body name="base" pos="1 2 0">
      <joint name="forward" type="slide" axis="1 0 0" pos="-0.2 0 0" frictionloss="250" range="-2 2"/>
      <joint name="side" type="slide" axis="0 1 0" pos="-0.2 0 0" frictionloss="250"/>
      <joint name="yaw" type="hinge" axis="0 0 1" pos="-0.2 0 0" frictionloss="250"/>
      <body name="box" pos="-0.2 0 0.19"><geom name="box" type="box" size="0.35 0.25 0.19" mass="80"/></body>
    </body>
  </worldbody>
  <actuator>
    <velocity joint="forward" kv="1000" ctrlrange="-1 1" forcerange="-600 600"/>
    <velocity joint="side" kv="1000" ctrlrange="-1 1" forcerange="-600 600"/>
    <velocity joint="yaw" kv="1500" ctrlrange="-1.5 1.5" forcerange="-600 600"/>
  </actuator>
</mujoco>
"""
# The same kind of base, as crooked as a file may have it: bodies in a row, slides that lie and look anywhere,
# a hinge that turns the other way, motors of two other kinds.
CROOKED = """
<mujoco>
  <worldbody>
    <body name="track" pos="2 1 0" euler="0 0 90">
      <joint name="sideways" type="slide" axis="0 -1 0"/>
      <geom size="0.02" mass="1" contype="0" conaffinity="0"/>
      <body name="cart">
        <joint name="onward" type="slide" axis="1 0 0"/>
        <geom size="0.02" mass="1" contype="0" conaffinity="0"/>
        <body name="hull" pos="0.1 0.05 0.15" euler="0 0 30">
          <joint name="spin" axis="0 0 -1" pos="-0.08 0 0"/>
          <geom name="box" type="box" size="0.3 0.2 0.15" mass="60"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="sideways" kp="1000"/>
    <motor joint="onward" ctrlrange="-100 100" gear="2"/>
  </actuator>
</mujoco>
"""


def task(path: str, robots: int = 1) -> TaskSpec:
    return with_mjcf(family("drive-goal").spec(robots), path)


def as_placed(world: BatchedWorld) -> mujoco.MjData:
    """MuJoCo's own state of the first simulation."""
    placed = mujoco.MjData(world.model)
    placed.qpos[:] = world.qpos[0]
    mujoco.mj_forward(world.model, placed)
    return placed


def solved(spec: TaskSpec, split: str) -> tuple[float, float]:
    """Success of the expert, and share of robots that were ever touched."""
    env = FleetEnv(spec, 32, autoreset=Autoreset.DISABLED)
    numbers = np.arange(32)
    env.reset(episodes=family("drive-goal").draw(spec, split, numbers, numbers))  # type: ignore[arg-type]
    touched = np.zeros((32, env.num_robots), dtype=bool)
    for _ in range(env.horizon):
        done = env.step(env.expert())
        touched |= env.world.contacts()
    return float(done.success.mean()), float(touched.mean())


@pytest.mark.parametrize("split", ["train", "held-out"])
@pytest.mark.parametrize("xml", [PLAIN, GLIDER], ids=["wheels", "slides"])
def test_a_large_robot_has_as_much_room_for_its_size_as_a_small_one(
    file: Callable[[str], str], xml: str, split: str
) -> None:
    spec = task(file(xml), 3)
    usual = family("drive-goal").spec(3)
    size = spec.robots[0].footprint_m
    assert 0.4 < size < 0.5 and spec.world.length_m > usual.world.length_m
    success, touched = solved(spec, split)
    assert success >= 0.95 and touched <= 0.05


def test_time_grows_with_the_floor_and_places(file: Callable[[str], str]) -> None:
    spec, usual = task(file(PLAIN), 3), family("drive-goal").spec(3)
    grown = spec.world.length_m / usual.world.length_m
    assert grown > 1.2 and spec.horizon_s == pytest.approx(usual.horizon_s * grown, rel=0.05)
    assert spec.pads[0].y == pytest.approx(usual.pads[0].y * grown)
    # Once more changes nothing more.
    again = with_mjcf(spec, str(spec.robots[0].mjcf))
    assert again == spec


def test_starts_of_large_robots_that_overlap_are_refused(file: Callable[[str], str]) -> None:
    spec = task(file(PLAIN), 2)
    near = [{**robot.model_dump(), "spawn": {"x": 0.5 * number}} for number, robot in enumerate(spec.robots)]
    with pytest.raises(SpecError, match=r"overlap: 0\.50 m apart; allowed: at least 0\.82 m"):
        TaskSpec.parse({**spec.model_dump(), "robots": near})


@pytest.mark.parametrize("half_m", [0.25, 0.19], ids=["large", "usual but for its corners"])
def test_two_robots_that_meet_feel_each_other(file: Callable[[str], str], half_m: float) -> None:
    xml = PLAIN.replace('size="0.25 0.2 0.08" pos="-0.1 0 0.06"', f'size="{half_m} 0.2 0.08" pos="0 0 0.06"')
    xml = xml.replace("-0.3 0 -0.04", "-0.18 0 -0.04")
    spec = task(file(xml), 2)
    assert (spec.robots[0].radius_m is None) == (half_m < 0.2)
    world = BatchedWorld(spec, 1, walls=False)
    # Side by side, corner to corner.
    reach = world.cars.reaches[0]
    world.episodes.spawns[0] = [(0.0, 0.0, 0.0), (1.0 + 2.0 * half_m, 0.35, np.pi)]
    world.reset()
    felt = False
    for _ in range(60):
        world.step(np.array([[[0.5, 0.0], [0.5, 0.0]]]))
        felt |= bool(world.contacts().all())
    assert felt and reach > half_m


def test_a_slow_robot_rehearses_as_long_alone_as_it_has_in_its_task(file: Callable[[str], str]) -> None:
    slow = PLAIN.replace('kv="10"', 'kv="10" ctrlrange="-4 4"')
    alone, scene = task(file(slow, "slow.xml")), rehearsed(task(file(slow, "slow.xml"), 3)).scene
    assert scene is not None and scene.horizon_s == alone.horizon_s > 15.0
    assert solved(scene, "train")[0] >= 0.95


def test_sixteen_of_the_largest_robots_stand_apart(file: Callable[[str], str]) -> None:
    spec = task(file(PLAIN.replace('size="0.25 0.2 0.08"', 'size="1.2 0.2 0.08"')), 16)
    assert spec.robots[0].footprint_m > 1.3
    world = BatchedWorld(spec, 1)
    world.step(np.zeros((1, 16, 2)))
    assert not world.contacts().any()


def test_a_robot_of_usual_size_leaves_the_floor_as_it_was(file: Callable[[str], str]) -> None:
    spec = task(
        file(
            PLAIN.replace('0.25 0.2 0.08" pos="-0.1', '0.1 0.1 0.08" pos="0')
            .replace("-0.3 0 -0.04", "-0.1 0 -0.04")
            .replace("0.13 0 -0.04", "0.1 0 -0.04")
        ),
        3,
    )
    assert spec.robots[0].radius_m is None and spec.world == family("drive-goal").spec(3).world


def test_a_robot_larger_than_its_task_says_is_refused_with_its_size(file: Callable[[str], str]) -> None:
    spec = task(file(PLAIN))
    small = spec.robots[0].model_copy(update={"radius_m": 0.3})
    with pytest.raises(ValueError, match=r"robots\.robot_1: radius_m: 0\.3.* allowed: at least 0\.41") as caught:
        BatchedWorld(spec.model_copy(update={"robots": (small,)}))
    assert "\n" not in str(caught.value)


def test_a_large_robot_rehearses_alone_on_a_floor_of_its_size(file: Callable[[str], str]) -> None:
    scene = rehearsed(task(file(PLAIN), 3)).scene
    assert scene is not None and len(scene.robots) == 1
    assert scene.robots[0].footprint_m > 0.4 and scene.world.length_m > family("drive-goal").spec(1).world.length_m
    assert solved(scene, "train")[0] == 1.0


@pytest.mark.parametrize("xml", [GLIDER, CROOKED], ids=["straight", "crooked"])
def test_a_planar_base_does_what_it_is_told_wherever_it_looks(file: Callable[[str], str], xml: str) -> None:
    world = BatchedWorld(task(file(xml)), 2, walls=False)
    world.episodes.spawns[:, 0] = [(0.5, -1.0, 2.0), (0.0, 0.0, -0.7)]
    world.reset()
    assert world.poses()[:, 0] == pytest.approx(np.array(world.episodes.spawns[:, 0]))
    limits = world.cars.limits[0]
    for _ in range(40):
        world.step(np.tile([0.25, 0.0], (2, 1, 1)))
    assert world.twists()[:, 0] / limits == pytest.approx(np.tile([0.25, 0.0], (2, 1)), abs=0.01)
    # Ahead is where its body's x axis points.
    moved = (world.poses() - world.episodes.spawns)[:, 0]
    assert np.arctan2(moved[:, 1], moved[:, 0]) == pytest.approx([2.0, -0.7], abs=0.01)
    for _ in range(60):
        world.step(np.tile([0.25, 0.5], (2, 1, 1)))
    assert world.twists()[:, 0] / limits == pytest.approx(np.tile([0.25, 0.5], (2, 1)), abs=0.03)
    # It goes where it looks, and not aside.
    yaw, velocity = world.poses()[:, 0, 2], world.cars.velocities()[:, 0]
    aside = velocity[:, 1] * np.cos(yaw) - velocity[:, 0] * np.sin(yaw)
    assert aside == pytest.approx([0.0, 0.0], abs=0.03)


def test_slides_with_a_reference_are_where_their_pose_says(file: Callable[[str], str]) -> None:
    xml = GLIDER.replace('name="forward"', 'name="forward" ref="1.5"').replace('name="yaw"', 'name="yaw" ref="0.5"')
    world = BatchedWorld(task(file(xml)), 1, walls=False)
    world.episodes.spawns[0, 0] = (0.5, -1.0, 2.0)
    world.reset()
    placed = as_placed(world)
    box = placed.geom("robot_1/box")
    assert box.xpos[:2] == pytest.approx([0.5, -1.0]) and world.poses()[0, 0] == pytest.approx([0.5, -1.0, 2.0])
    assert np.arctan2(box.xmat[3], box.xmat[0]) == pytest.approx(2.0)


def test_a_planar_base_looks_somewhere_within_a_turn_and_goes_there_in_a_curve(file: Callable[[str], str]) -> None:
    stiff = re.sub(r'kv="\d+" (ctrlrange="[^"]*") forcerange="[^"]*"', r'kv="100000" \1', GLIDER)
    world = BatchedWorld(task(file(stiff)), 1, walls=False)
    for _ in range(100):
        world.step(np.array([[[0.5, 1.0]]]))
        yaw = world.poses()[0, 0, 2]
        assert -np.pi <= yaw <= np.pi
    # Told where it looks at the start of a step, it would slip aside by half of what it turns in one: 2 cm/s.
    before = world.poses()[0, 0]
    world.step(np.array([[[0.5, 1.0]]]))
    moved = (world.poses()[0, 0] - before)[:2] * world.spec.control_hz
    course = before[2] + 0.5 * world.cars.limits[0, 1] / world.spec.control_hz
    assert moved[1] * np.cos(course) - moved[0] * np.sin(course) == pytest.approx(0.0, abs=0.005)


@pytest.mark.parametrize(
    ("joint", "said"),
    [("forward", "m/s along x"), ("side", "m/s along y"), ("yaw", "rad/s")],
)
def test_a_planar_base_that_is_weak_one_way_is_refused(file: Callable[[str], str], joint: str, said: str) -> None:
    weak = re.sub(rf'(<velocity joint="{joint}"[^>]*)forcerange="[^"]*"', r'\1forcerange="-0.01 0.01"', GLIDER)
    assert weak != GLIDER
    with pytest.raises(SpecError, match=f"motors are too weak: told to go .* {said}"):
        task(file(weak))


def test_limits_beyond_what_actuators_may_are_refused(file: Callable[[str], str]) -> None:
    fast = GLIDER.replace("<worldbody>", '<custom><numeric name="max_yaw_rate_radps" data="6"/></custom><worldbody>')
    with pytest.raises(SpecError, match=r"allows 1\.5 rad/s; wanted: at least max_yaw_rate_radps 6"):
        task(file(fast))
    for xml in (
        GLIDER.replace('ctrlrange="-1.5 1.5"', 'ctrlrange="0 1.5"'),
        PLAIN.replace('kv="10"', 'kv="10" ctrlrange="0 5"'),
    ):
        with pytest.raises(SpecError, match=r"is 0 to .*; wanted: below 0 to above it"):
            task(file(xml))


@pytest.mark.parametrize("xml", [GLIDER, CROOKED], ids=["straight", "crooked"])
def test_the_parts_of_a_planar_base_are_where_its_pose_says(file: Callable[[str], str], xml: str) -> None:
    alone = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(alone)
    mujoco.mj_forward(alone, data)
    hull = data.geom("box")
    hinge = alone.joint("yaw" if xml is GLIDER else "spin").id
    turned = hull.xmat.reshape(3, 3)
    offset = turned.T @ (hull.xpos - data.xanchor[hinge])
    world = BatchedWorld(task(file(xml)), 1, walls=False)
    world.episodes.spawns[0, 0] = (0.5, -1.0, 2.0)
    world.reset()
    placed = as_placed(world)
    found = placed.geom("robot_1/box")
    turn = found.xmat.reshape(3, 3)
    assert np.arctan2(turn[1, 0], turn[0, 0]) == pytest.approx(2.0)
    assert (found.xpos - turn @ offset)[:2] == pytest.approx([0.5, -1.0])


def test_planar_bases_and_wheels_share_a_world(file: Callable[[str], str]) -> None:
    both = task(file(GLIDER, "one.xml"), 3)
    other = with_mjcf(both, file(PLAIN, "other.xml")).robots[1]
    spec = both.model_copy(update={"robots": (both.robots[0], other, both.robots[2])})
    world = BatchedWorld(spec, 2, walls=False)
    assert world.poses() == pytest.approx(np.array(world.episodes.spawns))
    for _ in range(40):
        world.step(np.tile([0.4, 0.0], (2, 3, 1)))
    assert world.twists()[..., 0] / world.cars.limits[:, 0] == pytest.approx(np.full((2, 3), 0.4), abs=0.03)
    world.cars.put(1, np.array([3.0, 2.0, 1.0]), np.array([0.1, 0.2, 0.3]))
    world.cars.put(2, np.array([-3.0, 2.0, -1.0]), np.array([0.3, 0.2, 0.1]))
    assert world.poses()[0, 1:] == pytest.approx(np.array([(3.0, 2.0, 1.0), (-3.0, 2.0, -1.0)]))
    assert world.cars.velocities()[0, 1:] == pytest.approx(np.array([(0.1, 0.2, 0.3), (0.3, 0.2, 0.1)]))
    assert world.poses()[1, 1] != pytest.approx(np.array((3.0, 2.0, 1.0)))


@pytest.mark.parametrize("name", ["wheel_left", "friction"])
def test_what_a_planar_base_has_not_cannot_be_wrong_with_it(file: Callable[[str], str], name: str) -> None:
    spec = task(file(GLIDER))
    robot = spec.robots[0]
    broken = robot.model_copy(update={"dynamics": robot.dynamics.model_copy(update={name: 0.5})})
    with pytest.raises(SpecError, match=f"robots.robot_1.dynamics.{name}: 0.5"):
        family("drive-goal").check(spec.model_copy(update={"robots": (broken,)}))
    family("drive-goal").check(spec)
    # A family all of whose faults are those of wheels.
    with pytest.raises(SpecError, match="has no wheels"):
        family("drive-blind").check(with_mjcf(family("drive-blind").spec(1), file(GLIDER)))


def test_slides_that_turn_with_their_hinge_are_refused_in_one_line(file: Callable[[str], str]) -> None:
    hinge = re.search(r"<joint name=\"yaw\".*?/>", GLIDER)
    assert hinge is not None
    first = GLIDER.replace(hinge[0], "").replace('<joint name="forward"', f'{hinge[0]}<joint name="forward"')
    with pytest.raises(SpecError, match="'yaw' turns it before its slides") as caught:
        task(file(first))
    assert "\n" not in str(caught.value)


def test_an_arm_on_a_robot_is_held_as_the_files_keyframe_has_it(file: Callable[[str], str]) -> None:
    path = file(ARMED)
    _, found = load(path)
    # Stretched out it would reach 0.7 m.
    assert found.radius_m < 0.45
    world = BatchedWorld(task(path), 2, walls=False)
    lift = int(world.model.joint("robot_1/lift").qposadr[0])
    for _ in range(2):
        assert world.qpos[:, lift] == pytest.approx([0.3, 0.3])
        for _ in range(40):
            world.step(np.tile([0.3, 0.0], (2, 1, 1)))
        # It sags a little under its weight.
        assert world.qpos[:, lift] == pytest.approx([0.3, 0.3], abs=0.02)
        assert world.twists()[:, 0, 0] == pytest.approx([0.3, 0.3], abs=0.02)
        world.reset()
    # What carries the robot stays where the task has it.
    assert world.poses() == pytest.approx(np.array(world.episodes.spawns))


@pytest.mark.parametrize("motors", ["", '<velocity joint="forward"/>'], ids=["as it is", "with motors"])
def test_a_base_without_shapes_is_refused_in_one_line(file: Callable[[str], str], motors: str) -> None:
    bare = re.sub(r'<geom name="box"[^>]*/>', '<inertial pos="0 0 0" mass="1" diaginertia="1 1 1"/>', GLIDER)
    with pytest.raises(SpecError, match="nothing in it touches things") as caught:
        task(file(re.sub(r"<actuator>.*</actuator>", f"<actuator>{motors}</actuator>", bare, flags=re.DOTALL)))
    assert "\n" not in str(caught.value)


_FOLDED = 'qpos="9 9 9 1 0 0 0 0 0 0.3 -1.5"'
_POSITION = '<position name="lift" joint="lift" kp="2000"/>'


@pytest.mark.parametrize(
    ("motors", "keys"),
    [
        (_POSITION + '<position joint="fold" kp="500"/>', _FOLDED),
        (
            '<motor joint="lift" ctrlrange="-60 60"/><velocity joint="fold" kv="20"/>',
            _FOLDED,
        ),
        (
            '<motor joint="lift" ctrlrange="-60 60"/><motor joint="fold" ctrlrange="-40 40"/>',
            _FOLDED + ' ctrl="0 0 7 7"',
        ),
    ],
    ids=["no controls", "motor and velocity servo", "torques as controls"],
)
def test_what_motors_turn_is_held_as_the_keyframe_has_it(file: Callable[[str], str], motors: str, keys: str) -> None:
    xml = ARMED.replace('<joint axis="0 1 0" damping="2"/>', '<joint name="fold" axis="0 1 0" damping="2"/>')
    xml = re.sub(r'<key name="stow"[^>]*/>', f'<key name="stow" {keys}/>', xml.replace(_POSITION, motors))
    path = file(xml)
    assert load(path)[1].radius_m < 0.45
    world = BatchedWorld(task(path), 2, walls=False)
    at = [int(world.model.joint(f"robot_1/{name}").qposadr[0]) for name in ("lift", "fold")]
    for _ in range(2):
        assert world.qpos[:, at] == pytest.approx(np.tile([0.3, -1.5], (2, 1)))
        for _ in range(40):
            world.step(np.tile([0.3, 0.0], (2, 1, 1)))
        assert world.qpos[:, at] == pytest.approx(np.tile([0.3, -1.5], (2, 1)), abs=0.06)
        world.reset()


def test_a_joint_without_a_motor_is_left_free_beside_others_that_have_one(file: Callable[[str], str]) -> None:
    world = BatchedWorld(task(file(ARMED)), 1, walls=False)
    swing = [each for each in range(world.model.njnt) if world.model.joint(each).name.startswith("robot_1/joint_")]
    assert len(swing) == 1
    at = int(world.model.jnt_qposadr[swing[0]])
    for _ in range(40):
        world.step(np.zeros((1, 1, 2)))
    # Its arm has fallen from where the keyframe had it.
    assert abs(world.qpos[0, at] + 1.5) > 0.5


def test_names_that_are_made_up_keep_out_of_the_way_of_those_of_the_file(file: Callable[[str], str]) -> None:
    taken = re.sub(r'<velocity joint="forward"[^>]*/>', '<motor joint="forward" ctrlrange="-99 99"/>', GLIDER).replace(
        'joint="side"', 'name="forward_speed" joint="side"'
    )
    world = BatchedWorld(task(file(taken)), 1, walls=False)
    for _ in range(40):
        world.step(np.array([[[0.25, 0.0]]]))
    assert world.twists()[0, 0, 0] == pytest.approx(0.25, abs=0.01)


def test_a_robots_file_is_read_again_when_what_it_includes_has_changed(file: Callable[[str], str]) -> None:
    part = re.search(r"<actuator>.*</actuator>", PLAIN)
    assert part is not None
    file(f"<mujocoinclude>{part[0]}</mujocoinclude>", "motors.xml")
    path = file(PLAIN.replace(part[0], '<include file="motors.xml"/>'))
    assert load(path)[1].max_speed_mps == 1.0
    changed = part[0].replace('kv="10"', 'kv="10" ctrlrange="-4 4"')
    file(f"<mujocoinclude>{changed}</mujocoinclude>", "motors.xml")
    assert load(path)[1].max_speed_mps == pytest.approx(0.24)

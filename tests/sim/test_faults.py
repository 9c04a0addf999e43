"""Faults that feedback does not swallow: each does to a robot what its name says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import Pad, Pose, RobotDynamics, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import ROBOT_DYNAMICS
from metabot_sim.families.registry import family
from metabot_sim.frames import in_frame, wrap

START = Pose(x=0.4, y=-0.3, yaw=0.5)


def world(kind: str = "diffdrive", spawn: Pose = START, **faults: float) -> BatchedWorld:
    robot = RobotSpec(name="robot", kind=kind, goal="red", spawn=spawn, dynamics=faults)  # type: ignore[arg-type]
    return BatchedWorld(TaskSpec(robots=(robot,), pads=(Pad(color="red", x=1.0, y=0.0),)), walls=False)


def drive(cars: BatchedWorld, command: tuple[float, float], steps: int) -> np.ndarray:
    for _ in range(steps):
        cars.step(np.array([[command]]))
    return cars.poses()[0, 0]


def twist(command: tuple[float, float], kind: str = "diffdrive", **faults: float) -> np.ndarray:
    cars = world(kind, **faults)
    drive(cars, command, 30)
    return cars.twists()[0, 0]


def test_a_reversed_left_wheel_makes_a_car_that_is_told_to_drive_spin_and_told_to_spin_drive() -> None:
    assert twist((0.3, 0.0), wheel_left=-1.0) == pytest.approx([0.0, 0.3 / 0.12], abs=0.03)
    assert twist((0.0, 1.0), wheel_left=-1.0) == pytest.approx([0.36, 0.0], abs=0.01)


def test_swapped_wheels_turn_the_other_way_and_drive_as_ever() -> None:
    assert twist((0.5, 0.2), wheels_swapped=1) == pytest.approx([0.5, -0.6], abs=0.02)


def test_a_weak_wheel_pulls_to_its_side() -> None:
    speed, turn = twist((0.5, 0.0), wheel_right=0.6)
    assert speed == pytest.approx(0.4, abs=0.01) and turn == pytest.approx(-0.2 / 0.24, abs=0.03)


def test_miswired_wheels_of_an_ackermann_car_pull_against_each_other() -> None:
    assert abs(twist((0.5, 0.0), "ackermann", wheel_left=-1.0)[0]) < 0.1
    assert twist((0.5, 0.0), "ackermann")[0] == pytest.approx(0.5, abs=0.02)


def test_healthy_odometry_is_the_truth() -> None:
    cars = world()
    drive(cars, (0.6, 0.4), 20)
    assert np.array_equal(cars.odometry.poses(cars.poses()), cars.poses())


def test_a_turned_compass_believes_the_same_way_in_another_direction() -> None:
    cars = world(heading_offset=1.2)
    true = drive(cars, (0.6, 0.3), 30)
    believed = cars.odometry.poses(cars.poses())[0, 0]
    start = np.array([START.x, START.y])
    turned = np.array([[np.cos(1.2), -np.sin(1.2)], [np.sin(1.2), np.cos(1.2)]])
    assert believed[:2] - start == pytest.approx(turned @ (true[:2] - start), abs=1e-9)
    assert wrap(believed[2] - true[2]) == pytest.approx(1.2)


def test_a_wrong_scale_counts_more_metres_and_as_much_speed() -> None:
    cars = world(odometry_scale=1.25)
    true = drive(cars, (0.5, 0.0), 40)
    believed = cars.odometry.poses(cars.poses())[0, 0]
    start = np.array([START.x, START.y])
    assert np.linalg.norm(believed[:2] - start) == pytest.approx(1.25 * np.linalg.norm(true[:2] - start))
    assert cars.groups[0].proprio()[0, 0, 0] == pytest.approx(1.25 * cars.twists()[0, 0, 0])


def test_a_drift_bends_what_was_straight() -> None:
    cars = world(odometry_drift=0.3)
    true = drive(cars, (1.0, 0.0), 60)
    way = np.linalg.norm(true[:2] - [START.x, START.y])
    believed = cars.odometry.poses(cars.poses())[0, 0]
    assert wrap(believed[2] - true[2]) == pytest.approx(0.3 * way, rel=0.01)
    # An arc: its chord is turned by half of what its end is.
    bearing = np.arctan2(believed[1] - START.y, believed[0] - START.x)
    assert wrap(bearing - START.yaw) == pytest.approx(0.15 * way, rel=0.02)


def test_odometry_starts_anew_where_a_simulation_does_and_only_there() -> None:
    env = FleetEnv("drive-odometry", 3, robots=1, autoreset=Autoreset.DISABLED)
    env.reset(0)
    for _ in range(10):
        env.step(np.ones((3, 1, 2)))
    before = env.world.odometry.poses(env.world.poses())
    env.reset(ids=np.array([1]))
    after = env.world.odometry.poses(env.world.poses())
    assert np.array_equal(after[[0, 2]], before[[0, 2]])
    assert after[1, 0, :2] == pytest.approx(env.episodes.spawns[1, 0, :2])


def test_within_an_episode_nothing_tells_a_turned_compass_from_a_turned_map() -> None:
    """Two robots that believe the same are shown the same, whatever is true."""
    seen = []
    for offset in (0.0, 2.0):
        spec = family("drive-odometry").spec(1)
        robot = spec.robots[0].model_copy(
            update={"spawn": Pose(yaw=-offset), "dynamics": RobotDynamics(heading_offset=offset)}
        )
        env = FleetEnv(TaskSpec.parse({**spec.model_dump(), "robots": [robot.model_dump()]}), 1)
        shown = [env.reset(0)]
        for k in range(40):
            shown.append(env.step(np.array([[[0.8, np.sin(0.3 * k)]]])).observations)
        seen.append(np.concatenate(shown))
    assert seen[0] == pytest.approx(seen[1], abs=1e-5)


def test_what_is_paid_is_progress_towards_the_true_pad() -> None:
    env = FleetEnv("drive-odometry", 8, robots=1, autoreset=Autoreset.DISABLED)
    env.reset(0)
    before = env.world.distances()
    step = env.step(np.tile([1.0, 0.0], (8, 1, 1)))
    assert step.rewards == pytest.approx(before - env.world.distances() - 0.01, abs=1e-6)


def test_who_only_drives_over_the_pad_has_not_found_it() -> None:
    spec = family("drive-odometry").spec(1)
    env = FleetEnv(spec, 1, autoreset=Autoreset.DISABLED)
    env.reset()
    near = False
    for _ in range(45):
        step = env.step(np.array([[[1.0, 0.0]]]))
        near |= bool(env.world.distances()[0, 0] < spec.success.radius_m)
        assert not step.success.any()
    assert near


def test_who_stands_there_for_half_a_second_has() -> None:
    env = FleetEnv(family("drive-odometry").spec(1), 1, autoreset=Autoreset.DISABLED)
    env.reset()
    stood = 0
    for _ in range(env.horizon):
        step = env.step(env.expert())
        stood += bool(env.world.distances()[0, 0] < 0.25 and abs(env.world.twists()[0, 0, 0]) < 0.15)
        if step.terminated[0]:
            break
    assert step.success.all() and stood == 10


def test_a_blind_robot_sees_nothing_of_what_it_does() -> None:
    env = FleetEnv("drive-blind", 2, robots=1, tasks=np.array([3, 3]))
    env.reset(0)
    shown = [env.step(np.array([[[1.0, 0.5]], [[-1.0, 0.1]]])).observations for _ in range(20)]
    clock = env.observation_names[0].index("clock_0")
    assert np.array_equal(shown[0][:, :, :4], shown[-1][:, :, :4])
    assert np.array_equal(shown[-1][0, :, clock:8], shown[-1][1, :, clock:8])
    assert shown[-1][0, 0, clock] > shown[0][0, 0, clock] > 0.0


@pytest.mark.parametrize("name", ["drive-search", "drive-escort", "grasp-bin"])
def test_a_hidden_place_is_the_tasks_and_is_not_shown(name: str) -> None:
    found = family(name)
    spec = found.spec()
    tasks = np.array([5, 5, 6])
    hidden = found.hidden(found.draw(spec, "train", tasks, np.arange(3)))
    assert hidden[0] == pytest.approx(hidden[1]) and np.linalg.norm(hidden[0] - hidden[2]) > 0.01
    # Two tasks, the same episode otherwise: the same is seen.
    seen = []
    for task in (5, 6):
        episodes = found.draw(spec, "train", np.array([5]), np.zeros(1, dtype=np.int64))
        other = found.draw(spec, "train", np.array([task]), np.zeros(1, dtype=np.int64))
        episodes.pads[:, -1] = other.pads[:, -1]
        env = FleetEnv(spec, 1)
        seen.append(env.reset(episodes=episodes))
    assert np.array_equal(*seen)


def test_an_arms_command_frame_can_be_turned_about_every_axis() -> None:
    ends = []
    for faults in ({}, {"steer_bias": np.pi / 2}, {"frame_roll": 1.0}, {"frame_pitch": 1.0}):
        spec = family("grasp-frames").spec()
        robot = spec.robots[0].model_copy(update={"dynamics": RobotDynamics(**faults)})
        arm = BatchedWorld(TaskSpec.parse({**spec.model_dump(), "robots": [robot.model_dump()]}))
        start = arm.positions()[0, 0].copy()
        for _ in range(4):
            arm.step(np.array([[[0.0, 0.6, 0.0, 0.0, 0.0]]]))
        ends.append(arm.positions()[0, 0] - start)
    healthy, yawed, rolled, pitched = ends
    assert healthy[1] > 0.02 and abs(healthy[[0, 2]]).max() < 0.01
    assert yawed[0] < -0.02 and abs(yawed[1]) < 0.01
    assert rolled[2] == pytest.approx(np.tan(1.0) * rolled[1], abs=0.012) and rolled[2] > 0.015
    assert pitched == pytest.approx(healthy, abs=0.002)


def test_a_knocked_camera_shows_box_and_bin_elsewhere_and_the_hand_where_it_is() -> None:
    spec = family("grasp-eye").spec()
    shown = []
    for faults in ({}, {"eye_yaw": 0.5, "eye_x": 0.05, "eye_y": -0.02}):
        robot = spec.robots[0].model_copy(update={"dynamics": RobotDynamics(**faults)})
        env = FleetEnv(TaskSpec.parse({**spec.model_dump(), "robots": [robot.model_dump()]}), 1)
        shown.append((env.reset()[0, 0], env))
    (true, env), (knocked, _) = shown
    tip = env.rules.arm.to_base(env.world.positions())[0, 0, :2]
    cos, sin = np.cos(0.5), np.sin(0.5)
    for first in (0, 6):
        place = true[first : first + 2] * 0.5 + tip
        turned = [cos * place[0] - sin * place[1] + 0.05, sin * place[0] + cos * place[1] - 0.02]
        assert knocked[first : first + 2] * 0.5 + tip == pytest.approx(turned, abs=1e-5)
    assert np.array_equal(true[8:], knocked[8:]) and true[2] == knocked[2]


@pytest.mark.parametrize(
    ("name", "kind", "faults", "field"),
    [
        ("drive-push", "diffdrive", {"heading_offset": 0.5}, "heading_offset"),
        ("grasp-place", "arm", {"wheel_left": 0.5}, "wheel_left"),
        ("grasp-place", "arm", {"eye_yaw": 0.5}, "eye_yaw"),
        ("drive-goal", "diffdrive", {"frame_roll": 0.5}, "frame_roll"),
        ("drive-goal", "diffdrive", {"gripper": 0.5}, "gripper"),
        ("arm-reach", "arm", {"gripper": 0.5}, "gripper"),
        ("arm-reach", "arm", {"friction": 0.5}, "friction"),
    ],
)
def test_faults_that_would_do_nothing_are_refused(name: str, kind: str, faults: dict[str, float], field: str) -> None:
    spec = family(name).spec()
    robots = [spec.robots[0].model_copy(update={"dynamics": RobotDynamics(**faults)}).model_dump()]
    changed = TaskSpec.parse({**spec.model_dump(), "robots": [*robots, *(r.model_dump() for r in spec.robots[1:])]})
    with pytest.raises(SpecError, match=rf"^robots\.\w+\.dynamics\.{field}: .*allowed: "):
        FleetEnv(changed, 1)


def test_standing_still_is_refused_where_nobody_judges_it() -> None:
    spec = family("drive-race").spec().model_copy(update={"success": Success(hold_s=1.0)})
    with pytest.raises(SpecError, match=r"^success\.hold_s: 1, .*allowed: 0$"):
        FleetEnv(spec, 1)


def test_an_angle_that_is_hidden_is_told_by_its_direction() -> None:
    found = family("drive-odometry")
    batch = found.draw(found.spec(1), "test", np.arange(64), np.arange(64))
    offset = batch.robot_dynamics[:, 0, ROBOT_DYNAMICS.index("heading_offset")]
    assert found.hidden(batch)[:, :2] == pytest.approx(np.stack([np.cos(offset), np.sin(offset)], axis=1))
    assert offset.min() < -2.5 and offset.max() > 2.5


def test_the_escort_keeps_a_place_that_moves_along() -> None:
    env = FleetEnv("drive-escort", 4, autoreset=Autoreset.DISABLED)
    env.reset(0)
    kept = []
    for _ in range(60):
        env.step(env.expert())
        rules = env.rules
        kept.append(in_frame(rules._leader, env.world.poses()[:, 0, :2]) - rules._offset)
    assert np.linalg.norm(kept[-1], axis=1).max() < 0.2

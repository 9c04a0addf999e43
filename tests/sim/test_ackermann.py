"""The Ackermann car drives as the kinematic bicycle model says, and where it is sent."""

import mujoco
import numpy as np
import pytest

from metabot.task import COLOR_NAMES, KINDS, Arena, Pad, Pose, RobotDynamics, RobotSpec, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import DEAD, DRIVE_GAIN, PAYLOAD, STEER_BIAS, STEER_GAIN
from metabot_sim.families.registry import family
from metabot_sim.robots import ackermann


def world(sims: int, robots: tuple[RobotSpec, ...] = ()) -> BatchedWorld:
    spec = TaskSpec(
        world=Arena(length_m=40, width_m=40),
        robots=robots or (RobotSpec(name="car", kind="ackermann", goal="red"),),
        pads=(Pad(color="red", x=1, y=0),),
    )
    return BatchedWorld(spec, sims, walls=False)


def drive(cars: BatchedWorld, commands: np.ndarray, seconds: float) -> np.ndarray:
    for _ in range(round(seconds * 20)):
        cars.step(commands[:, None])
    return cars.twists()[:, 0]


def test_it_drives_straight() -> None:
    cars = world(2)
    forward, turn = drive(cars, np.array([[1.0, 0.0], [-1.0, 0.0]]), 5.0).T
    assert np.allclose(forward, [1.0, -1.0], atol=0.05)
    assert np.abs(turn).max() < 0.01
    assert np.abs(cars.poses()[:, 0, 1:]).max() < 0.02


@pytest.mark.parametrize("turn", [1.0, 0.5, -0.25])
@pytest.mark.parametrize("forward", [1.0, 0.4, -0.6])
def test_it_turns_on_the_circle_of_the_bicycle_model(forward: float, turn: float) -> None:
    cars = world(1)
    speed, rate = drive(cars, np.array([[forward, turn]]), 2.0)[0]
    assert speed == pytest.approx(forward, rel=0.05)
    assert rate / speed == pytest.approx(turn * ackermann.MAX_CURVATURE_PER_M, rel=0.05)


def test_the_inner_wheel_turns_in_more_and_rolls_less() -> None:
    healthy = np.array([RobotDynamics().as_tuple()])
    left, right, *wheels = ackermann.targets(np.array([[0.5, 1.0]]), healthy)[0]
    radius = 1.0 / ackermann.MAX_CURVATURE_PER_M
    assert np.tan(left) == pytest.approx(ackermann.WHEELBASE_M / (radius - ackermann.TRACK_M / 2))
    assert np.tan(right) == pytest.approx(ackermann.WHEELBASE_M / (radius + ackermann.TRACK_M / 2))
    front_left, front_right, rear_left, rear_right = wheels
    assert 0 < rear_left < rear_right < front_right and rear_left < front_left < front_right


def test_hidden_dynamics_act_on_speed_and_curvature() -> None:
    cars = world(4)
    dynamics = cars.episodes.robot_dynamics[:, 0]
    dynamics[1, DRIVE_GAIN], dynamics[2, STEER_GAIN], dynamics[3, STEER_BIAS] = -0.7, -1.0, 0.3
    speed, rate = drive(cars, np.tile([0.5, 0.4], (4, 1)), 2.0).T
    assert np.allclose(speed, [0.5, -0.35, 0.5, 0.5], atol=0.03)
    assert np.allclose(rate / speed * 0.36, [0.4, 0.4, -0.4, 0.7], atol=0.04)


def test_one_dead_motor_or_a_payload_leaves_it_drivable() -> None:
    cars = world(5)
    dynamics = cars.episodes.robot_dynamics[:, 0]
    dynamics[:4, DEAD], dynamics[4, PAYLOAD] = [2, 3, 4, 5], 2.0
    cars.reset()
    speed, rate = drive(cars, np.tile([0.8, 0.5], (5, 1)), 3.0).T
    assert speed.min() > 0.5
    assert (rate / speed).min() > 0.5


def test_a_dead_motor_lets_its_wheel_roll_along() -> None:
    cars = world(2)
    cars.episodes.robot_dynamics[1, 0, DEAD] = 4
    wheel = cars.model.actuator("car/wheel_rear_left").id
    drive(cars, np.tile([1.0, 0.0], (2, 1)), 3.0)
    assert cars.batch.bind("actuator_force")[1, wheel] == 0.0
    healthy, dead = cars.batch.bind("actuator_velocity")[:, wheel]
    assert dead == pytest.approx(healthy, rel=0.05)


def test_the_bumper_feels_another_car_and_not_the_floor() -> None:
    cars = world(
        1,
        (
            RobotSpec(name="a", kind="ackermann"),
            RobotSpec(name="b", kind="ackermann", spawn=Pose(x=0.8)),
            RobotSpec(name="c", kind="ackermann", spawn=Pose(y=2.0)),
        ),
    )
    assert not cars.contacts().any()
    felt = np.zeros(3, dtype=bool)
    for _ in range(40):
        cars.step(np.array([[[0.7, 0.0], [0.0, 0.0], [0.7, 0.0]]]))
        felt |= cars.contacts()[0]
    assert felt.tolist() == [True, True, False]


def test_its_footprint_lies_within_its_radius() -> None:
    model = mujoco.MjModel.from_xml_path(str(ackermann.MJCF))
    half = model.geom("chassis").size[:2]
    assert np.hypot(*half) <= KINDS["ackermann"].radius_m


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_a_fleet_of_cars_comes_home_without_contact(split: str) -> None:
    goal = family("drive-goal")
    template = goal.spec(3)
    robots = [{**robot.model_dump(), "kind": "ackermann"} for robot in template.robots]
    spec = TaskSpec.parse({**template.model_dump(), "robots": robots, "horizon_s": 25.0})
    assert [robot.goal for robot in spec.robots] == list(COLOR_NAMES[:3])
    numbers = np.arange(20)
    env = FleetEnv(spec, len(numbers), autoreset=Autoreset.DISABLED)
    env.reset(episodes=goal.draw(spec, split, numbers, numbers))  # type: ignore[arg-type]
    success = np.zeros((len(numbers), 3), dtype=bool)
    for _ in range(env.horizon):
        step = env.step(env.expert())
        success = step.success
        if not step.alive.any():
            break
    assert success.all(axis=1).mean() >= 0.95

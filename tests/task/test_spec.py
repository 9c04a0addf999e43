import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabot.task import (
    PAD_COLORS,
    Arena,
    Interval,
    Mission,
    Pad,
    Pose,
    RobotDynamics,
    RobotSpec,
    TaskDistribution,
    TaskSpec,
    place,
)
from metabot.task.model import SpecError
from metabot.task.placement import CLEARANCE_M


def minimal(**changes: object) -> dict[str, object]:
    robot = {"name": "robot_1", "goal": "red"}
    return {"robots": [robot], "pads": [{"color": "red", "x": 1.0, "y": 0.0}], **changes}


@given(count=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_placed_task_round_trips_through_json(count: int, seed: int) -> None:
    spec = place(Mission(goals=PAD_COLORS[:count]), seed)
    again = TaskSpec.parse(spec.model_dump_json())
    assert again == spec
    assert again.digest == spec.digest


def test_placement_depends_on_the_seed_alone() -> None:
    mission = Mission(goals=("red", "green", "blue"))
    assert place(mission, 7) == place(mission, 7)
    assert place(mission, 7) != place(mission, 8)


@pytest.mark.parametrize("seed", range(20))
def test_lanes_keep_their_clearance(seed: int) -> None:
    spec = place(Mission(goals=PAD_COLORS), seed)
    t = np.linspace(0, 1, 50)[:, None]
    lanes = []
    for robot in spec.robots:
        pad = spec.pad_of(robot.name)
        start, end = np.array([robot.spawn.x, robot.spawn.y]), np.array([pad.x, pad.y])
        assert 0.85 < math.dist(start, end) < 1.95
        lanes.append(start + t * (end - start))
    for index, a in enumerate(lanes):
        for b in lanes[:index]:
            assert np.linalg.norm(a[:, None] - b[None], axis=-1).min() > CLEARANCE_M - 0.05


def test_robots_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SpecError, match=r"world: 6 robots do not fit into 2.0 x 2.0 m"):
        place(Mission(goals=PAD_COLORS), arena=Arena(length_m=2, width_m=2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (minimal(robots=[]), "robots: "),
        (minimal(robots=[{"name": "Robot 1", "goal": "red"}]), "robots.0.name: "),
        (minimal(robots=[{"name": "robot_1", "goal": "pink"}]), "robots.0.goal: .*'red'.*got 'pink'"),
        (minimal(robots=[{"name": "robot_1", "goal": "blue"}]), "no blue pad; pads: red"),
        (minimal(pads=[{"color": "red", "x": 9.0, "y": 0.0}]), "pads.red: .* is outside"),
        (minimal(robots=[{"name": "a", "goal": "red"}] * 2), "'a' appears twice"),
        (minimal(robots=[{"name": "a", "goal": "red"}, {"name": "b", "goal": "red", "spawn": {"x": 0.1}}]), "overlap"),
        (minimal(horizon_s=-1), "horizon_s: .*greater than 0.*got -1"),
        (minimal(colour="red"), "colour: Extra inputs are not permitted"),
        (minimal(reward={"glory": 1.0}), "reward.glory"),
        ("not json", "Invalid JSON"),
        ("# A page of something else.\n" * 200, "Invalid JSON"),
    ],
)
def test_a_wrong_spec_is_one_line_naming_the_field(data: object, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        TaskSpec.parse(data)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_specs_are_frozen() -> None:
    spec = TaskSpec(robots=(RobotSpec(name="a", goal="red", spawn=Pose()),), pads=(Pad(color="red", x=1, y=0),))
    with pytest.raises(ValueError, match="frozen"):
        spec.horizon_s = 3.0  # type: ignore[misc]


def test_a_distribution_says_what_is_otherwise_and_refuses_what_there_is_not() -> None:
    drawn = TaskDistribution.parse({"dynamics": {"delay_steps": {"low": 1, "high": 3}}, "horizon_s": 3.0})
    assert TaskDistribution.parse(drawn.model_dump_json()) == drawn and not drawn.own
    assert TaskDistribution().own and TaskDistribution.of("") == TaskDistribution()
    scene = TaskSpec(robots=(RobotSpec(name="a", goal="red"),), pads=(Pad(color="red", x=1, y=0),))
    assert drawn.scened(scene) == scene.model_copy(update={"horizon_s": 3.0})
    assert TaskDistribution(success_hold_s=0.5).scened(scene).success.hold_s == 0.5
    for wrong, line in (
        (
            {"dynamics": {"wheels": {"low": 0, "high": 1}}},
            r"dynamics\.wheels: no such hidden dynamics",
        ),
        ({"robots": 2, "scene": scene.model_dump()}, "robots: 2, but the scene has 1"),
        ({"family": "drive-push", "scene": scene.model_dump()}, "scene.family: drive-goal; allowed: drive-push"),
    ):
        with pytest.raises(SpecError, match=line):
            TaskDistribution.parse(wrong)


def test_an_interval_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(SpecError, match=r"low 2.0 is above high 1.0"):
        Interval.parse({"low": 2, "high": 1})


@pytest.mark.parametrize(
    ("dynamics", "words"),
    [
        (RobotDynamics(), "healthy"),
        (RobotDynamics(steer_gain=-1), "steering reversed"),
        (RobotDynamics(drive_gain=0.65, steer_bias=0.28), "drive at 65%, steering pulls left by 28%"),
        (RobotDynamics(drive_gain=-1, steer_gain=-1), "drive reversed, steering reversed"),
        (RobotDynamics(drive_gain=1.2, steer_gain=-1.35), "steering reversed, drive at 120%, steering at 135%"),
        (RobotDynamics(drive_gain=0.95, steer_gain=1.1), "healthy"),
        (RobotDynamics(heading_offset=-1.3963, delay_steps=2), "compass turned 80° right, commands 2 steps late"),
        (RobotDynamics(wheel_left=0.8, delay_steps=1), "left wheel at 80%, commands 1 step late"),
        (RobotDynamics(dead=0, noise=0.05), "actuator 0 dead, observations noisy by 0.05"),
        (RobotDynamics(payload_kg=2.5, friction=0.5), "carries 2.5 kg, grip at 50%"),
        (RobotDynamics(link_mass=1.5, damping=3.0), "mass at 150%, damping at 300%"),
    ],
)
def test_a_fault_is_said_in_words(dynamics: RobotDynamics, words: str) -> None:
    assert dynamics.describe() == words

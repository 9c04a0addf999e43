"""Tasks that a specification states, and distributions that differ from the family's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metabot.demo.tasks import in_words
from metabot.problems.family import FamilyProblem
from metabot.task import FAMILIES, Interval, RobotDynamics, SpecError, TaskDistribution
from metabot_sim.episodes import OBJECT_DYNAMICS, ROBOT_DYNAMICS, EpisodeBatch
from metabot_sim.families.registry import family
from metabot_sim.robots.mjcf import with_mjcf


def began(problem: FamilyProblem, rows: np.ndarray, seed: int = 0) -> EpisodeBatch:
    problem.begin(rows, np.random.default_rng(seed))
    return problem._current.episodes


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_specification_hides_is_hidden_in_fresh_places(name: str) -> None:
    problem, spec = FamilyProblem(name), family(name).sample(7, "held-out", family(name).robots[0])
    row = problem.state(spec)
    assert np.array_equal(problem.state(spec), row)  # told twice it is one task
    rows = np.tile(row, (5, 1))
    episodes = began(problem, rows)
    wanted = [robot.dynamics.as_tuple() for robot in spec.robots]
    assert np.allclose(episodes.robot_dynamics, np.array([wanted] * 5))
    sizes = episodes.object_dynamics[..., OBJECT_DYNAMICS.index("size")]
    for number, (own, usual) in enumerate(zip(spec.objects, problem.spec.objects, strict=True)):
        assert np.allclose(sizes[:, number] * usual.size_m, own.size_m)
    stated = EpisodeBatch.of(spec, 1)
    told = family(name).hidden(episodes)
    sized = stated.object_dynamics.copy()
    sized[..., OBJECT_DYNAMICS.index("size")] = sizes[:1]
    stated.object_dynamics[:] = sized
    assert np.allclose(told, family(name).hidden(stated))
    assert (
        len(np.unique(episodes.spawns.reshape(5, -1).round(6), axis=0))
        + len(np.unique(episodes.objects.reshape(5, -1).round(6), axis=0))
        + len(np.unique(episodes.pads.reshape(5, -1).round(6), axis=0))
        >= 7
    )
    again = began(problem, rows)
    assert np.array_equal(again.spawns, episodes.spawns) and np.array_equal(again.pads, episodes.pads)


def test_no_box_lies_in_its_bin_from_the_start() -> None:
    problem = FamilyProblem("grasp-bin")
    row = problem.state(family("grasp-bin").sample(2, "test"))
    episodes = began(problem, np.tile(row, (200, 1)))
    away = np.hypot(*(episodes.objects[:, 0, :2] - episodes.pads[:, 0]).T)
    assert away.min() >= 2.0 * problem.spec.success.radius_m


def test_one_arm_of_several_rehearses_with_its_own_faults_and_objects() -> None:
    problem, spec = FamilyProblem("grasp-place"), family("grasp-place").sample(4, "test", 2)
    for number, arm in enumerate(spec.robots):
        episodes = began(problem, problem.state(spec, arm.name)[None])
        assert np.allclose(episodes.robot_dynamics[0, 0], arm.dynamics.as_tuple())
        masses = [thing.mass_kg for thing in spec.objects[3 * number : 3 * number + 3]]
        assert np.allclose(episodes.object_dynamics[0, :, 0], masses)


def test_a_task_that_nobody_rehearses_is_refused() -> None:
    problem, spec = FamilyProblem("drive-goal"), family("drive-goal").sample(1)
    with pytest.raises(SpecError, match="its family is drive-blind; allowed: that of the training, drive-goal"):
        problem.state(family("drive-blind").sample(1))
    with pytest.raises(SpecError, match="its control_hz is 10; allowed: that of the training, 20"):
        # Two steps late are another delay at another rate.
        problem.state(spec.model_copy(update={"control_hz": 10}))
    with pytest.raises(SpecError, match="its robots are ackermann; allowed: those of the training, diffdrive"):
        robots = (spec.robots[0].model_copy(update={"kind": "ackermann"}),)
        problem.state(spec.model_copy(update={"robots": robots}))


def test_ranges_of_its_own_take_the_place_of_the_familys_and_leave_the_others_alone() -> None:
    late = TaskDistribution(
        dynamics={"delay_steps": Interval(low=1, high=3), "steer_bias": Interval(low=0.3, high=0.3)},
        held_out={"delay_steps": Interval(low=5, high=5)},
    )
    own, usual = FamilyProblem(late), FamilyProblem("drive-goal")
    rows = own.sample(np.random.default_rng(0), 200)
    found, before = own.episodes_of(rows).robot_dynamics[:, 0], usual.episodes_of(rows).robot_dynamics[:, 0]
    column = {name: number for number, name in enumerate(ROBOT_DYNAMICS)}
    assert set(found[:, column["delay_steps"]]) == {1.0, 2.0, 3.0} and (found[:, column["steer_bias"]] == 0.3).all()
    kept = [column["drive_gain"], column["steer_gain"]]
    assert np.array_equal(found[:, kept], before[:, kept])
    held_out = own.episodes_of(own.sample(np.random.default_rng(0), 9, "held-out")).robot_dynamics[:, 0]
    assert (held_out[:, column["delay_steps"]] == 5.0).all() and (np.abs(held_out[:, column["drive_gain"]]) < 0.7).all()
    # What differs from task to task is told, whoever made it differ.
    assert own.hidden(rows).shape[1] == usual.hidden(rows).shape[1] + 1


@pytest.mark.parametrize(
    ("family_name", "dynamics", "line"),
    [
        ("grasp-place", {"wheel_left": Interval(low=0.5, high=0.9)}, "wheel_left: 0.[59], but arm has no wheels"),
        ("drive-blind", {"heading_offset": Interval(low=0.0, high=1.0)}, "heading_offset: 1, but robots see places"),
        ("drive-goal", {"object_size": Interval(low=0.5, high=1.0)}, "object_size: there are no objects in drive-goal"),
        ("drive-goal", {"noise": Interval(low=0.0, high=7.0)}, "noise: Input should be less than or equal to 1"),
    ],
)
def test_a_range_without_effect_is_refused(family_name: str, dynamics: dict[str, Interval], line: str) -> None:
    with pytest.raises(SpecError, match=line):
        FamilyProblem(TaskDistribution(family=family_name, dynamics=dynamics))


def test_a_faulty_robot_is_judged_in_the_task_as_it_is() -> None:
    """Case 0: whose wheel is dead masters nothing, however well the rest of it is adapted to."""
    problem = FamilyProblem("drive-goal")
    scene = problem.spec
    rows = [problem.state(scene.with_dynamics([RobotDynamics(**fault)])) for fault in ({}, {"dead": 0})]  # type: ignore[arg-type]
    for row, mastered in zip(rows, (True, False), strict=True):
        problem.begin(np.tile(row, (16, 1)), np.random.default_rng(1))
        for _ in range(problem.horizon):
            done = problem.step(problem.expert())
        assert (done.success.mean() > 0.9) == mastered


OUTSIDE: dict[str, float] = {
    "drive_gain": -0.6,
    "steer_gain": -0.7,
    "steer_bias": 0.3,
    "payload_kg": 3.0,
    "friction": 0.4,
    "link_mass": 1.4,
    "damping": 4.0,
    "gripper": 0.5,
    "delay_steps": 8,
    "noise": 1.0,
    "dead": 1,
    "wheel_left": 0.6,
    "wheel_right": -0.9,
    "wheels_swapped": 1,
    "heading_offset": 1.0,
    "odometry_scale": 1.6,
    "odometry_drift": 0.5,
    "frame_roll": 0.5,
    "frame_pitch": 0.4,
    "eye_yaw": 0.3,
    "eye_x": 0.1,
    "eye_y": -0.1,
}
"""A fault of every kind, most of them in no family's ranges."""


@pytest.mark.parametrize("name", ["drive-goal", "drive-odometry", "grasp-place", "grasp-eye"])
@pytest.mark.parametrize("fault", OUTSIDE)
def test_a_fault_is_in_the_twin_or_refused_and_never_called_healthy(name: str, fault: str) -> None:
    """Case 0: three numbers of a robot were rehearsed, and one with any other fault was a healthy one."""
    assert set(OUTSIDE) == set(RobotDynamics.model_fields)
    problem = FamilyProblem(name)
    dynamics = RobotDynamics(**{fault: OUTSIDE[fault]})  # type: ignore[arg-type]
    try:
        row = problem.state(problem.spec.with_dynamics([dynamics]))
    except SpecError as refused:
        assert fault in str(refused)
        return
    assert began(problem, row[None]).robot_dynamics[0, 0].tolist() == pytest.approx(dynamics.as_tuple())
    if fault == "gripper" and name.startswith("drive"):
        return  # who has none is healthy
    assert in_words(problem, row, problem.spec.robots[0].model_copy(update={"dynamics": dynamics})) != "healthy"


@pytest.mark.parametrize("fault", [{}, {"delay_steps": 8}, {"noise": 1.0}, {"dead": 0}])
def test_a_policy_for_healthy_robots_is_judged_under_the_fault(fault: dict[str, float]) -> None:
    """The same policy in the task as it is: it turns to its pad and drives."""
    problem = FamilyProblem("drive-goal")
    cos, sin = 2, 3
    noise, shares = [], []
    for dynamics in (RobotDynamics(), RobotDynamics(**fault)):  # type: ignore[arg-type]
        row = problem.state(problem.spec.with_dynamics([dynamics]))
        seen = problem.begin(np.tile(row, (64, 1)), np.random.default_rng(1))
        # It stands: its speeds are zero.
        noise.append(float(np.std(seen[:, 4:])))
        for _ in range(problem.horizon):
            done = problem.step(np.clip(np.stack([0.8 * seen[:, cos], 1.2 * seen[:, sin]], axis=1), -1.0, 1.0))
            seen = done.observations
        shares.append(float(done.success.mean()))
    assert shares[0] >= 0.9 and (shares[1] <= shares[0] - 0.15) == (fault.get("noise") is None and bool(fault)), shares
    # Who looks at its pad again and again copes with noise; that there is some shows in what it sees.
    assert noise == [0.0, pytest.approx(fault.get("noise", 0.0), rel=0.2)]


def test_a_specification_of_another_robots_file_is_refused_and_the_same_file_elsewhere_is_not(tmp_path: Path) -> None:
    welder = (Path(__file__).parents[1] / "welder.xml").read_text()
    for name, text in (("one", welder), ("same", welder), ("other", welder.replace("0.36", "0.34"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "arm.xml").write_text(text)
    one, same, other = (
        with_mjcf(family("arm-reach").sample(3, robots=1), str(tmp_path / name / "arm.xml"))
        for name in ("one", "same", "other")
    )
    problem = FamilyProblem(TaskDistribution(family="arm-reach", scene=one))
    with pytest.raises(SpecError, match=r"robots\.arm_1\.mjcf: .*other.*; allowed: that of the training, .*one"):
        problem.state(other)
    with pytest.raises(SpecError, match=r"robots\.arm_1\.mjcf: none; allowed: that of the training"):
        problem.state(family("arm-reach").sample(3, robots=1))
    assert np.array_equal(problem.state(same), problem.state(one))

"""Worlds that no sentence asks for: any family, robots of one's own; what a fleet cannot serve."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from metabot.bringup.world import drawn, rehearsed
from metabot.cli.app import app
from metabot.demo.config import DemoConfig, resumed
from metabot.demo.summary import Summary
from metabot.demo.tasks import with_others
from metabot.deploy.runtime import PolicySession
from metabot.problems.family import FamilyProblem
from metabot.task import FAMILIES, RobotDynamics, SpecError
from metabot_sim.families.registry import family

MODELS = Path(__file__).parents[2] / "models"
PLACING = MODELS / "ridge-dynamics-grasp-place"


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_arms_with_unknown_faults_place_objects_from_a_released_model(start_demo) -> None:
    """The second act of `make demo`."""
    words = ("--resume", str(PLACING), "--rounds", "0", "--episodes", "2", "--trials", "8", "--quick", "--robots", "2")
    demo = start_demo("--family", "grasp-place", *words)
    assert demo.finish(200) == 0, demo.text()
    folder = demo.folder()
    summary = Summary.model_validate_json((folder / "summary.json").read_text())
    assert summary.fleet_reached == 2 and summary.algorithm == "ridge-dynamics"
    assert all(robot.after > 0.8 and robot.reached for robot in summary.robots)
    # Somebody has carried what it was told to, and the others' things lie where they lay.
    paths = {name: np.array(path) for name, path in json.loads((folder / "paths.json").read_text()).items()}
    moved = {name: float(np.hypot(*(path[-1, 1:3] - path[0, 1:3]))) for name, path in paths.items()}
    carried = {thing.name for thing in summary.task.objects if thing.goal is not None}
    assert len(carried) == 2 and all(moved[name] > 0.1 for name in carried)
    for robot in summary.task.robots:
        contract = PolicySession(folder / f"{robot.name}.onnx").contract
        assert (contract.robot_kind, contract.method, contract.control_hz) == ("arm", "ridge-dynamics", 25)
    assert "arm_1: " in (folder / "report.html").read_text() or (folder / "fleet.gif").exists()


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "grasp-eye"])
def test_every_family_has_a_world_and_tasks_that_are_rehearsed_for_it(name: str) -> None:
    world = drawn(name, None, 3)
    twin = FamilyProblem(rehearsed(world))
    for number in (0, 1, 2):
        task = with_others(world, number, 3)
        for robot in task.robots:
            twin.state(task, robot.name)
    assert with_others(world, 1, 3) != world and with_others(world, 0, 3) == world
    assert twin.agents in (1, len(world.robots))


def test_a_rehearsal_is_judged_as_its_world_is() -> None:
    world = drawn("drive-goal", 3, 0)
    success = world.success.model_copy(update={"radius_m": 0.1, "hold_s": 1.0})
    twin = FamilyProblem(rehearsed(world.model_copy(update={"success": success})))
    assert (twin.spec.success.radius_m, twin.spec.success.hold_s) == (0.1, 1.0)
    assert twin.spec.robots[0].dynamics == RobotDynamics()
    push = drawn("drive-push", 3, 0)
    assert FamilyProblem(rehearsed(push)).agents == 3


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"sentence": "go", "family": "drive-goal"}, "family: sentence says already what the fleet is to do"),
        ({"robots": 2}, "robots: 2; allowed with --family alone"),
        ({"family": "dancing"}, "family: no 'dancing' of robots; allowed: drive-goal"),
        ({"family": "drive-blind", "robots": 2}, "robots: 2 cannot play drive-blind; allowed: 1 to 1"),
        ({"family": "grasp-eye"}, "grasp-eye"),
        ({"family": "drive-push", "method": "dagger"}, "robots: 2 act in an episode of drive-push; "),
        ({"family": "drive-goal", "method": "magic"}, "algorithm: no meta-learner 'magic'"),
        (
            {"family": "drive-blind", "resume": PLACING, **{}},
            "resume: .* was learned by ridge-dynamics, not task-infer",
        ),
        (
            {"spec": "other kinds"},
            "robots: ackermann, diffdrive in one fleet, which share a policy",
        ),
        ({"spec": "dead wheel of an arm"}, "wheel_left: 0.5, but arm has no wheels"),
    ],
)
def test_what_a_fleet_cannot_serve_is_refused_before_any_process_starts(options: dict, line: str) -> None:
    if options.get("spec") == "other kinds":
        spec = family("drive-odometry").spec(2)
        robots = (spec.robots[0], spec.robots[1].model_copy(update={"kind": "ackermann"}))
        options = {"spec": spec.model_copy(update={"robots": robots})}
    elif options.get("spec") == "dead wheel of an arm":
        options = {"spec": family("grasp-place").spec(1).with_dynamics([RobotDynamics(wheel_left=0.5)])}
    with pytest.raises((SpecError, ValueError), match=line):
        DemoConfig(**options)


@pytest.mark.parametrize("idle", [(), ("robot_2",), ("robot_1", "robot_2")])
def test_a_robot_that_did_not_do_its_part_is_in_the_exit_code(
    idle: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    robots = [SimpleNamespace(name=name, reached=name not in idle) for name in ("robot_1", "robot_2")]
    monkeypatch.setattr("metabot.demo.run.Demo.run", lambda self: SimpleNamespace(robots=robots))
    done = CliRunner().invoke(app, ["demo", "two robots go to red and blue", "--runs", str(tmp_path)])
    assert done.exit_code == (1 if idle else 0), done.output
    assert all(name in done.stderr for name in idle) and done.stderr.count("\n") == bool(idle)


def test_a_released_model_of_another_family_brings_its_world_along() -> None:
    options = resumed(PLACING)
    assert options["method"] == "ridge-dynamics" and options["distribution"].family == "grasp-place"
    config = DemoConfig(family="grasp-place", robots=2, resume=PLACING, rounds=0, **options)
    world = config.world()
    assert world is not None and len(world.robots) == 2
    assert config.command.startswith("metabot demo --family grasp-place --robots 2 --seed 0 --resume ")
    assert "--rounds 0" in config.command

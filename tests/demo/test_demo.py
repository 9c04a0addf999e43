"""The main job end to end, on a shorter budget, and what may happen to it on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from metabot.bringup.domain import DomainLease
from metabot.demo.config import CHECKPOINT, DISTRIBUTION, SETTINGS, DemoConfig, resumed
from metabot.demo.summary import Summary
from metabot.meta import make_meta_learner
from metabot.params import Origin, load_checkpoint, save_checkpoint
from metabot.problems import make_problem
from metabot.task import TaskDistribution

pytestmark = [pytest.mark.processes, pytest.mark.slow]

MODELS = Path(__file__).parents[2] / "models"


SHORT = ("--tasks", "4", "--set", "outer_steps=5", "--trials", "16", "--rounds", "3", "--no-baselines", "--no-video")


@pytest.mark.timeout(400)
def test_the_main_job_from_sentence_to_report_though_nodes_are_killed(start_demo, tmp_path: Path) -> None:
    """Enough rounds to learn; in every phase something is killed. A method and tasks that learn the quickest."""
    (tmp_path / "tasks.json").write_text('{"family": "drive-goal"}')
    method = ("--method", "meta-sgd", "--tasks", "8", "--practice", "8", "--rounds", "22")
    others = (*method, "--distribution", str(tmp_path / "tasks.json"))
    demo = start_demo("two robots go to blue and yellow", "--seed", "3", "--no-baselines", *others)
    demo.wait_for_rounds(2, 90)
    learner = demo.node("robot_learner", "/robot_2")
    assert learner is not None
    learner.send_signal(signal.SIGKILL)
    demo.wait_for_rounds(5, 60)
    meta_learner = demo.node("meta_learner")
    assert meta_learner is not None
    meta_learner.send_signal(signal.SIGKILL)
    demo.wait_for("Driving before adaptation:", 180)
    learner = demo.node("robot_learner", "/robot_1")
    assert learner is not None
    learner.send_signal(signal.SIGKILL)  # while it adapts
    demo.wait_for("Adapting to the faults:", 120)
    policy = demo.node("nodes.policy", "/robot_2")
    assert policy is not None
    policy.send_signal(signal.SIGKILL)  # while it is about to drive
    assert demo.finish(300) == 0, demo.text()
    summary = Summary.model_validate_json((demo.folder() / "summary.json").read_text())

    assert summary.instruction == "two robots go to blue and yellow"
    assert [robot.goal for robot in summary.task.robots] == ["blue", "yellow"]
    assert [entry.version for entry in summary.rounds] == list(range(22)), "no round is lost"
    assert any("robot_2.robot_learner killed by SIGKILL; started again" in event for event in summary.events)
    assert any("meta_learner killed by SIGKILL; started again" in event for event in summary.events)
    assert any("robot_1.robot_learner killed by SIGKILL" in event for event in summary.events)
    assert any("robot_2.policy killed by SIGKILL" in event for event in summary.events)
    for robot in summary.robots:
        assert robot.trials >= 64 and robot.adaptation_episodes == 8
        assert robot.after >= 0.9, demo.text()
        assert robot.reached and robot.contacts == 0
    assert sum(robot.before for robot in summary.robots) / 2 <= 0.3
    matrix = summary.cross_matrix
    assert matrix is not None and len(matrix.faults) == 5 and not any(fault.foreign for fault in matrix.faults)
    # Robots share out the faults that none of them has. These ask for one bit: more than one policy masters another.
    assert [fault.after for fault in matrix.faults] == [row[index] for index, row in enumerate(matrix.success)]
    assert matrix.largest is not None and matrix.largest >= 0.9
    assert summary.unadapted is not None and summary.unadapted.reached == [False, False]
    assert summary.fleet_reached == 2
    assert summary.onnx.parity_max_abs <= 1e-5
    assert summary.control.rate_hz == 20 and summary.control.ticks > 40
    assert summary.peak_rss_mb < 4000
    assert summary.bytes_per_round > 0 and summary.wall_s > 0 and summary.seed == 3
    files = {path.name for path in demo.folder().iterdir()}
    assert {
        "summary.json",
        "report.html",
        "paths.json",
        "paths-unadapted.json",
        "unadapted.onnx",
        "robot_1.onnx",
        "robot_2.onnx",
        CHECKPOINT,
        "logs",
    } <= files
    assert "Traceback" not in demo.text()
    for log in (demo.folder() / "logs").glob("*.log"):
        assert "Traceback" not in log.read_text(), log.read_text()


@pytest.mark.parametrize("sentence", ["fly to the moon", "pick up the red cube", ""])
def test_what_metabot_cannot_do_is_said_in_one_line(start_demo, sentence: str) -> None:
    demo = start_demo(sentence)
    assert demo.finish(60) == 2
    errors = [line for line in demo.text().splitlines() if line.startswith("metabot: ")]
    assert len(errors) == 1 and "I can send 1 to 6 robots" in errors[0]
    assert "Traceback" not in demo.text()


def test_a_domain_or_port_in_use_is_said_in_one_line(start_demo) -> None:
    with DomainLease() as taken:
        demo = start_demo(*SHORT, "--domain", str(taken.domain))
        assert demo.finish(60) == 2
        assert f"metabot: domain: {taken.domain} is in use by another run of metabot" in demo.text()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("", 7400 + 250 * taken.domain))
        demo = start_demo(*SHORT, "--domain", str(taken.domain))
        assert demo.finish(60) == 2
        assert f"metabot: domain: {taken.domain} is in use by another ROS program" in demo.text()
    assert "Traceback" not in demo.text()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--rounds", "-1"), "rounds: -1 is below 0"),
        (("--rounds", "0"), "rounds: 0 leaves nothing to adapt; allowed with --resume alone"),
        (("--distribution", "/nowhere.json"), "distribution: /nowhere.json: "),
        (("--trials", "0"), "trials: 0 is below 1"),
        (("--resume", "/nowhere"), "resume: /nowhere has no meta.checkpoint"),
        (("--method", "magic"), "algorithm: no meta-learner 'magic'; allowed: anil, "),
        (("--domain", "999"), "domain: 999 is not between 0 and 232"),
    ],
)
def test_wrong_options_are_one_line_and_exit_code_2(start_demo, arguments: tuple[str, ...], line: str) -> None:
    demo = start_demo(*arguments)
    assert demo.finish(60) == 2
    assert f"metabot: {line}" in demo.text()
    assert "Traceback" not in demo.text()


@pytest.mark.parametrize(
    ("method", "settings", "line"),
    [
        ("meta-sgd", {}, "resume: .* was learned by meta-sgd, not task-inference; allowed: --method meta-sgd"),
        (
            "task-inference",
            {},
            "resume: .* meta-parameters, .* of another layout are wanted; allowed: the --distribution",
        ),
    ],
)
def test_only_what_the_same_method_has_learned_is_gone_on_with(
    tmp_path: Path, method: str, settings: dict, line: str
) -> None:
    def learned(folder: str, **values: object) -> Path:
        layout = make_meta_learner(method, make_problem(DISTRIBUTION), **values).layout
        facts = {"method": method, "version": 3, "seed": 0}
        (tmp_path / folder).mkdir()
        save_checkpoint(tmp_path / folder / CHECKPOINT, np.zeros(layout.size, np.float32), layout, facts)
        return tmp_path / folder

    with pytest.raises(ValueError, match=line):
        DemoConfig(resume=learned("other", **settings))
    whole = SETTINGS if method == "task-inference" else {}
    assert DemoConfig(resume=learned("same", **whole), method=method).resume is not None


def test_what_a_training_or_a_fleet_has_learned_says_how_it_was_learned(tmp_path: Path) -> None:
    model = MODELS / "meta-sgd-drive-goal"
    options = resumed(model)
    config = DemoConfig(resume=model, **options)
    assert (config.method, config.all_settings()) == ("meta-sgd", {})
    assert config.task_distribution().family == "drive-goal"
    fleets = Origin("maml", 2, {"inner_step": 0.2}, TaskDistribution(horizon_s=3.0).model_dump(mode="json"))
    layout = make_meta_learner("maml", make_problem("drive-goal")).layout
    save_checkpoint(tmp_path / CHECKPOINT, np.zeros(layout.size, np.float32), layout, fleets.facts())
    config = DemoConfig(resume=tmp_path, **resumed(tmp_path))
    assert config.method == "maml" and config.all_settings() == {"inner_step": 0.2}
    assert config.task_distribution().horizon_s == 3.0
    placing = MODELS / "ridge-dynamics-grasp-place"
    assert DemoConfig(resume=placing, family="grasp-place", **resumed(placing)).method == "ridge-dynamics"
    with pytest.raises(ValueError, match="no sentence asks for grasp-place; allowed: drive-goal"):
        DemoConfig(resume=placing, **resumed(placing))
    save_checkpoint(tmp_path / CHECKPOINT, np.zeros(layout.size, np.float32), layout, {"success_after": 1.0})
    with pytest.raises(ValueError, match="holds no meta-parameters"):
        resumed(tmp_path)


@pytest.mark.timeout(240)
def test_a_released_model_starts_a_fleet(start_demo, tmp_path: Path) -> None:
    words = ("one robot drives to the red pad", "--tasks", "4", "--trials", "16", "--rounds", "1")
    words = (*words, "--no-baselines", "--no-video")
    demo = start_demo(*words, "--resume", str(MODELS / "meta-sgd-drive-goal"))
    assert demo.finish(200) == 0, demo.text()
    summary = json.loads((demo.folder() / "summary.json").read_text())
    assert summary["algorithm"] == "meta-sgd"
    # After the 29 updates of its training comes the round of the fleet.
    assert [entry["version"] for entry in summary["rounds"]] == [29]
    assert all(robot["after"] > 0.8 for robot in summary["robots"])


@pytest.mark.parametrize("moment", ["at start", "while reading", "in a round", "while adapting"])
def test_ctrl_c_ends_every_process_within_three_seconds(start_demo, moment: str) -> None:
    demo = start_demo(*SHORT, *(("--rounds", "500") if moment == "in a round" else ()))
    if moment == "at start":
        time.sleep(0.7)
    elif moment == "while reading":
        demo.wait_for("run folder", 60)
        time.sleep(0.5)
    elif moment == "in a round":
        demo.wait_for_rounds(2, 90)
    else:
        demo.wait_for("Learning to learn", 120)
        time.sleep(1.0)
    nodes = demo.nodes()
    asked = time.monotonic()
    demo.process.send_signal(signal.SIGINT)
    assert demo.finish(10) == 130, demo.text()
    assert time.monotonic() - asked < 3.0
    assert not [node for node in nodes if node.is_running() and node.status() != psutil.STATUS_ZOMBIE]
    assert "Traceback" not in demo.text()
    if moment == "in a round":
        kept = demo.folder() / CHECKPOINT
        version = load_checkpoint(kept).info["version"]
        assert version >= 2
        assert str(kept.parent) in demo.text(), "the line says where what was learned is kept"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_and_impatience_end_it_as_well(start_demo, number: signal.Signals) -> None:
    demo = start_demo(*SHORT)
    demo.wait_for("run folder", 60)
    deadline = time.monotonic() + 30
    while not (nodes := demo.nodes()):
        assert time.monotonic() < deadline, demo.text()
        time.sleep(0.05)
    demo.process.send_signal(number)
    while demo.process.poll() is None:  # to the very end: on its way out, too, the interpreter must not die of it
        assert time.monotonic() < deadline, demo.text()
        demo.process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert demo.finish(10) == 130, demo.text()
    assert not [node for node in nodes if node.is_running() and node.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.timeout(600)
def test_two_demos_at_once_do_not_disturb_each_other_and_one_resumes(start_demo) -> None:
    # So few rounds teach little: the time limit ends the drive, and the exit code says whose part is not done.
    one = "one robot goes to blue within 5 seconds"
    arguments = [("two robots go to red and green within 5 seconds", *SHORT), (one, *SHORT, "--seed", "6")]
    demos = [start_demo(*each) for each in arguments]
    summaries = []
    for demo in demos:
        code = demo.finish(400)
        summaries.append(json.loads((demo.folder() / "summary.json").read_text()))
        idle = [robot["name"] for robot in summaries[-1]["robots"] if not robot["reached"]]
        assert code == (1 if idle else 0), demo.text()
        assert not idle or f"metabot: {', '.join(idle)} did not do what the fleet was asked to" in demo.text()
    assert [len(summary["robots"]) for summary in summaries] == [2, 1]
    for summary in summaries:
        names = [robot["name"] for robot in summary["robots"]]
        assert all(entry["received"] == names and not entry["rejected"] for entry in summary["rounds"])
        assert not summary["events"]
    again = start_demo(one, *SHORT, "--rounds", "1", "--resume", str(demos[1].folder()))
    assert again.finish(120) in (0, 1), again.text()
    resumed = json.loads((again.folder() / "summary.json").read_text())
    assert [entry["version"] for entry in resumed["rounds"]] == [0, 1, 2, 3]
    assert os.path.exists(demos[1].folder() / CHECKPOINT)

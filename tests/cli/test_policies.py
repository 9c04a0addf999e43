"""What was trained drives in `sim view` and `sim video`: with its memory, adapted to what is hidden there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from metabot.base import drive_policy, rollout
from metabot.cli.app import app
from metabot.cli.policies import drivers
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.deploy.runtime import PolicySession
from metabot.harness.driving import ExportedDriver, TrainedDriver
from metabot.harness.training import Training, TrainingConfig
from metabot.problems import make_problem
from metabot.problems.family import FamilyProblem
from metabot.problems.interface import interface_of
from metabot.task import SpecError, Term
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.robots import diffdrive
from metabot_sim.view.session import Session


def untrained(method: str, folder: Path | None = None, family: str = "drive-goal") -> Training:
    training = Training(TrainingConfig(method, family, tasks=1, episodes=1), folder)
    training.save()
    return training


def shown(robots: int = 1, family: str = "drive-goal") -> FleetEnv:
    env = FleetEnv(family, 1, robots=robots, tasks=np.array([3]), autoreset=Autoreset.DISABLED)
    env.reset(5)
    return env


class Same(FamilyProblem):
    """Every episode is the one that is shown."""

    shown: EpisodeBatch

    def episodes_of(self, tasks: np.ndarray, seed: int = 0) -> EpisodeBatch:
        return self.shown.take(np.zeros(len(tasks), dtype=np.int64))


@pytest.mark.parametrize(("method", "family"), [("rl2", "drive-goal"), ("meta-sgd", "drive-push")])
def test_a_policy_drives_as_it_was_trained_to_with_its_memory(method: str, family: str) -> None:
    training = untrained(method, family=family)
    env = shown(training.problem.agents, family)
    # Fresh networks hardly command anything: what a reward changes would be lost in rounding.
    parameters = 4.0 * training.learner.start(training.meta)
    problem = Same(family)
    problem.shown = env.episodes.take(np.arange(1))
    expected = rollout(
        problem,
        training.learner.policy,
        parameters[None],
        np.zeros((1, 2), dtype=np.int64),
        1,
        np.random.default_rng(0),
        deterministic=True,
    )
    driver = TrainedDriver(training, "it", env, parameters=parameters)
    for _ in range(2):
        env.reset(episodes=problem.shown)
        driver.begin(3)
        for step in range(20):
            actions = driver()
            assert np.allclose(actions[0], expected.actions[0, :, step], atol=1e-5), step
            driver.hear(env.step(actions))


def test_it_adapts_to_what_the_episode_hides_and_again_only_when_that_has_changed() -> None:
    training = untrained("meta-sgd")
    seen: list[np.ndarray] = []
    gather = training.learner.gather

    def counted(meta, problem, tasks, episodes, rng):
        seen.append(problem.hidden(tasks)[0, :3])
        return gather(meta, problem, tasks, episodes, rng)

    training.learner.gather = counted  # type: ignore[method-assign]
    made = {"it": lambda env: TrainedDriver(training, "it", env, episodes=2)}
    session = Session("drive-goal", robots=2, task=3, driver="it", others=made)
    hidden = session.env.episodes.robot_dynamics[0, :, :3].copy()
    assert np.array_equal(seen, hidden), "each robot on its own"
    start = training.learner.start(training.meta)
    parameters = session._policy._driver._parameters
    assert not torch.equal(parameters[0], start) and not torch.equal(parameters[0], parameters[1])
    session.step()
    session.again()
    session.new_episode()
    assert len(seen) == 2
    gain = next(knob for knob in session.knobs if knob.name == "drive_gain")
    session.turn(gain, 1, -0.5)
    assert len(seen) == 2
    session.again()
    assert len(seen) == 4 and seen[-1][0] == -0.5 and np.array_equal(seen[2], hidden[0])


def test_what_is_hidden_in_a_place_is_adapted_to_as_well() -> None:
    training = untrained("meta-sgd", family="drive-search")
    driver = TrainedDriver(training, "it", shown(family="drive-search"), episodes=1)
    seen: list[np.ndarray] = []
    gather = training.learner.gather

    def counted(meta, problem, tasks, episodes, rng):
        seen.append(problem.hidden(tasks)[0])
        return gather(meta, problem, tasks, episodes, rng)

    training.learner.gather = counted  # type: ignore[method-assign]
    driver.begin(3)
    assert np.allclose(seen[0], driver._env.episodes.pads[0, 0])


def test_an_onnx_file_drives_each_robot_by_what_the_file_asks_for(tmp_path: Path) -> None:
    policy = drive_policy()
    contract = PolicyContract(interface_of(make_problem("drive-goal")), policy.layout.hash, 1)
    path = tmp_path / "robot_1.onnx"
    export_policy(path, policy, policy.initial(np.random.default_rng(0)), contract)
    name, made, robots = drivers("drive-goal", str(path), 0, 0)
    assert (name, robots) == ("robot_1.onnx", None)
    env = shown(3)
    driver = made[name](env)
    driver.begin(3)
    names = list(env.observation_names[0])
    seen = env.observe()[0][:, [names.index(each) for each in diffdrive.OBSERVATION_NAMES]]
    assert np.array_equal(driver()[0], PolicySession(path, "cpu").act(seen))
    for changed, line in (
        ({"kind": "ackermann"}, "drives a ackermann, robot_1 is a diffdrive"),
        ({"control_hz": 50}, "acts at 50 Hz, drive-goal at 20 Hz"),
        ({"observation": (Term("smell"),)}, "observes smell, which robot_1 of drive-goal does not"),
    ):
        session = PolicySession(path, "cpu")
        session.contract = replace(contract, robot=replace(contract.robot, **changed))
        with pytest.raises(SpecError, match=line):
            ExportedDriver(session, "it", env)


def test_a_folder_and_adapted_parameters_can_be_named(tmp_path: Path) -> None:
    training = untrained("fomaml", tmp_path / "run")
    name, made, robots = drivers("drive-goal", str(tmp_path / "run"), 1, 0)
    assert (name, robots) == ("run", 1)
    driver = made[name](shown())
    driver.begin(3)
    assert driver().shape == (1, 1, 2)
    assert drivers("drive-push", str(tmp_path / "run"), 0, 0)[2] is None
    words = ["adapt", str(tmp_path / "run"), "--episodes", "1", "--trials", "1"]
    assert CliRunner().invoke(app, words).exit_code == 0
    name, made, _ = drivers("drive-goal", str(tmp_path / "run" / "adapted.checkpoint"), 0, 0)
    driver = made[name](shown())
    driver.begin(3)
    assert not torch.equal(driver._parameters[0], training.learner.start(training.meta))


def test_the_simulator_knows_neither_torch_nor_ros() -> None:
    import subprocess
    import sys

    code = (
        "import sys, metabot_sim.film, metabot_sim.view.session; sys.exit(bool({'torch', 'rclpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("command", ["sim view drive-goal", "sim video drive-goal --out film.mp4"])
@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--policy me", "policy: no 'me'; allowed: expert, random, idle, the folder of a training or of a model, "),
        ("--policy expert --adapt 3", "adapt: expert does not adapt; allowed: the folder of a training or of a model"),
        ("--policy empty", "empty has no meta.checkpoint"),
        ("--policy bad.onnx", "bad.onnx: not a readable ONNX file"),
        ("--policy adapted", "policy: adapted is not beside the meta.checkpoint of its training"),
        (
            "--policy elsewhere",
            "policy: elsewhere was trained on navigation-2d; allowed: on a family of the simulation",
        ),
        (
            "--policy pushing",
            "policy: pushing was trained with 2 robots on drive-push; allowed: that family with --robots 2",
        ),
        ("--policy placing", "policy: placing observes target_x, which robot_1 of drive-goal does not"),
    ],
)
def test_mistakes_end_with_one_line(
    command: str, words: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("viser", reason="the extra `view` is not installed")
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.onnx").write_text("bad")
    (tmp_path / "adapted").write_text("bad")
    for folder, family in (("elsewhere", "navigation-2d"), ("pushing", "drive-push"), ("placing", "grasp-place")):
        if folder in words:
            untrained("fomaml", tmp_path / folder, family)
    done = CliRunner().invoke(app, [*command.split(), *words.split()])
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(f"metabot: {line}") and done.stderr.count("\n") == 1
    assert not (tmp_path / "film.mp4").exists()

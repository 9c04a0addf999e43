"""`--spec FILE`: a scene and robots of one's own to train on, a task of one's own to adapt to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.harness.training import Training, TrainingConfig, load_trained
from metabot.problems.family import FamilyProblem
from metabot.task import TaskDistribution
from metabot_sim.families.registry import family

RUN = CliRunner()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a specification: two robots, another reward, a shorter episode."""
    monkeypatch.chdir(tmp_path)
    spec = family("drive-goal").sample(3, "held-out", 2)
    changed = spec.model_copy(update={"horizon_s": 1.0, "reward": {"success": 5.0}})
    (tmp_path / "mine.json").write_text(changed.model_dump_json())
    return tmp_path


def test_training_keeps_the_scene_and_draws_what_is_hidden(here: Path) -> None:
    words = "train fomaml --spec mine.json --env-steps 160 --tasks 2 --episodes 2 --out run"
    assert RUN.invoke(app, words.split()).exit_code == 0
    again = RUN.invoke(app, words.split())
    assert again.exit_code == 0 and "1 updates, 160 steps" in again.stdout
    training = load_trained(here / "run")
    problem = training.problem
    assert isinstance(problem, FamilyProblem)
    assert (training.config.family, problem.agents, problem.horizon) == ("drive-goal", 2, 20)
    assert problem.spec.reward == {"success": 5.0}
    hidden = problem.hidden(problem.sample(np.random.default_rng(0), 4))
    assert len(np.unique(hidden, axis=0)) == 4
    other = RUN.invoke(app, ["train", "fomaml", *words.split()[4:]])
    assert other.exit_code == 2 and "was trained with spec" in other.stderr


@pytest.fixture
def own(here: Path) -> str:
    """A specification with the tutorial's robot in it."""
    from metabot_sim.robots.mjcf import with_mjcf

    page = Path(__file__).parents[2] / "docs/tutorials/bring-your-own-robot.md"
    (xml,) = re.findall(r"```xml\n(.*?)```", page.read_text(), re.DOTALL)
    (here / "robot.xml").write_text(xml)
    (here / "own.json").write_text(with_mjcf(family("drive-goal").spec(1), "robot.xml").model_dump_json())
    return "own.json"


@pytest.mark.usefixtures("own")
def test_a_robot_of_ones_own_is_trained_and_adapts(here: Path) -> None:
    words = "train fomaml --spec own.json --env-steps 640 --tasks 2 --episodes 2 --out run"
    assert RUN.invoke(app, words.split()).exit_code == 0
    assert load_trained(here / "run").problem.spec.robots[0].kind == "mjcf"  # type: ignore[attr-defined]
    done = RUN.invoke(app, ["adapt", "run", "--spec", "own.json", "--episodes", "1", "--trials", "1"])
    assert done.exit_code == 0 and done.stdout.startswith("own.json: success"), done.output


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_methods_are_measured_with_a_robot_of_ones_own(here: Path) -> None:
    words = "evaluate fomaml --spec own.json --seeds 1 --env-steps 160 --tasks 1 --trials 1 --train-tasks 1"
    words += " --train-episodes 1 --rivals none --out measured"
    done = RUN.invoke(app, words.split())
    assert done.exit_code == 0, done.output
    found = json.loads((here / "measured" / "evaluation.json").read_text())
    assert found["config"]["spec"]["robots"][0]["kind"] == "mjcf"
    problem = load_trained(here / "measured" / "fomaml-seed-0").problem
    assert isinstance(problem, FamilyProblem) and problem.spec.robots[0].kind == "mjcf"


def test_adaptation_meets_the_dynamics_of_the_file_in_fresh_places(here: Path) -> None:
    Training(TrainingConfig("fomaml", "drive-goal", robots=2)).save_released(here / "run")
    done = RUN.invoke(app, ["adapt", "run", "--spec", "mine.json", "--episodes", "1", "--trials", "2", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["spec"] == "mine.json" and facts["return_before"] != facts["return_after"]
    scene = family("drive-goal").spec(2)
    stated = family("drive-goal").sample(3, "held-out", 2)
    problem = FamilyProblem(TaskDistribution(scene=scene))
    tasks = np.tile(problem.state(stated), (3, 1))
    wanted = [robot.dynamics.as_tuple() for robot in stated.robots]
    for seed in (1, 2):
        problem.begin(tasks, np.random.default_rng(seed))
        assert np.allclose(problem._current.episodes.robot_dynamics, np.array([wanted] * 3))
    assert len(np.unique(problem._current.episodes.pads[:, 0], axis=0)) == 3
    assert np.allclose(problem.hidden(tasks), problem.hidden(tasks)[0])


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("train fomaml --spec none.json", "[Errno 2] No such file or directory: 'none.json'"),
        ("train fomaml --spec bad.json", "spec: bad.json: TaskSpec: Invalid JSON"),
        ("train fomaml --spec mine.json --family drive-push", "family: drive-push, but mine.json is of drive-goal"),
        ("train fomaml --spec mine.json --robots 3", "spec: it is of 2 robots in drive-goal; allowed: no others"),
        ("evaluate fomaml --spec bad.json", "spec: bad.json: TaskSpec: Invalid JSON"),
        (
            "adapt run --spec mine.json",
            "spec: its robots are diffdrive, diffdrive; allowed: those of the training, diffdrive",
        ),
        ("adapt run --spec push.json", "spec: its family is drive-push; allowed: that of the training, drive-goal"),
        ("adapt navigation --spec mine.json", "spec: navigation was trained on navigation-2d; allowed: on a family"),
    ],
)
def test_mistakes_end_with_one_line(command: str, line: str, here: Path) -> None:
    (here / "bad.json").write_text("{")
    for name in ("push",):
        (here / f"{name}.json").write_text(family(f"drive-{name}").sample(1).model_dump_json())
    for folder, name in (("run", "drive-goal"), ("search", "drive-search"), ("navigation", "navigation-2d")):
        if command.startswith(f"adapt {folder}"):
            Training(TrainingConfig("fomaml", name)).save_released(here / folder)
    done = RUN.invoke(app, command.split())
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(f"metabot: {line}") and done.stderr.count("\n") == 1


def test_a_scene_goes_with_its_family_alone() -> None:
    with pytest.raises(ValueError, match=r"spec: it is of 2 robots in drive-push"):
        TrainingConfig("maml", "drive-goal", spec=family("drive-push").spec(2).model_dump(mode="json")).problem()

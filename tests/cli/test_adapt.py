"""`metabot adapt`: what it tells of families that can be mastered, and of those that cannot."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.harness.training import Training, TrainingConfig
from metabot.meta import RobotLearner
from metabot.params import load_checkpoint

WORDS = ["--episodes", "2", "--trials", "3", "--task", "4"]


@pytest.mark.parametrize(
    ("family", "told"),
    [
        ("navigation-2d", r"return -\d+\.\d\d before, -\d+\.\d\d after 2 episodes \(3 trials\)"),
        ("drive-goal", r"success \d+% before, \d+% after 2 episodes \(3 trials\)"),
    ],
)
def test_the_return_is_told_where_nothing_can_be_mastered(family: str, told: str, tmp_path: Path) -> None:
    training = Training(TrainingConfig("fomaml", family))
    training.save_released(tmp_path)
    done = CliRunner().invoke(app, ["adapt", str(tmp_path), *WORDS])
    assert done.exit_code == 0, done.output
    assert re.match(f"held-out task 4: {told}; parameters in ", done.stdout), done.stdout
    facts = json.loads(CliRunner().invoke(app, ["adapt", str(tmp_path), *WORDS, "--json"]).stdout)
    assert facts["return_before"] != facts["return_after"] and 0.0 <= facts["success_after"] <= 1.0


def test_a_robot_of_a_fleet_adapts_to_the_same_parameters(tmp_path: Path) -> None:
    import numpy as np

    training = Training(TrainingConfig("meta-sgd", "drive-goal"))
    training.save_released(tmp_path)
    assert CliRunner().invoke(app, ["adapt", str(tmp_path), *WORDS]).exit_code == 0
    row = training.problem.sample(np.random.default_rng([4, 20]), 1, "held-out")[0]
    robot = RobotLearner("robot_1", training.learner, training.problem)
    expected = robot.adapt(training.meta.numpy(), row, episodes=2, trials=3, seed=4)
    found = load_checkpoint(tmp_path / "adapted.checkpoint")
    assert np.array_equal(found.vector, expected.parameters)
    assert found.info["success_before"] == expected.success_before
    assert found.info["success_after"] == expected.success_after

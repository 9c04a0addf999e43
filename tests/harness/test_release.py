"""An artefact holds what is needed to adapt, and a card with where it is from and what it can do."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.harness.evaluation import EvaluationConfig, evaluate
from metabot.harness.training import Training, load_trained
from metabot.params import load_checkpoint

CONFIG = EvaluationConfig(
    ("fomaml",),
    "navigation-2d",
    seeds=1,
    env_steps=2 * 2 * 2 * 100,
    tasks=3,
    trials=2,
    episodes=(0, 2),
    splits=("test",),
    train_tasks=2,
    train_episodes=2,
    settings={"fomaml": {"inner_step": "0.2"}},
)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    facts = {"date": "2026-11-26", "machine": "a machine", "versions": {"torch": "2"}, "command": "metabot evaluate"}
    result = evaluate(CONFIG, folder)
    (folder / "evaluation.json").write_text(json.dumps({**facts, **result.as_dict()}))
    return folder


def released(evaluated: Path, training: Path, out: Path) -> tuple[int, str]:
    words = ["release", str(training), "--evaluation", str(evaluated / "evaluation.json"), "--out", str(out)]
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output


def test_an_artefact_adapts_as_the_training_does_and_says_what_it_is(evaluated: Path, tmp_path: Path) -> None:
    training, out = evaluated / "fomaml-seed-0", tmp_path / "artefact"
    code, said = released(evaluated, training, out)
    assert code == 0, said
    was, given = (load_checkpoint(folder / "meta.checkpoint") for folder in (training, out))
    assert np.array_equal(was.vector, given.vector) and was.moments and not given.moments
    assert np.array_equal(load_trained(out).meta.numpy(), was.vector)
    card = (out / "README.md").read_text()
    assert hashlib.sha256((out / "meta.checkpoint").read_bytes()).hexdigest() in card
    command = "metabot train fomaml --family navigation-2d --seed 0 --env-steps 800 --tasks 2 --episodes 2"
    assert f"{command} --set inner_step=0.2" in card
    assert "| test | pre-trained |" in card and "license: apache-2.0" in card and "metabot evaluate" in card


def test_an_artefact_that_is_released_again_leaves_nothing_of_the_old_one(evaluated: Path, tmp_path: Path) -> None:
    for _ in range(2):
        code, said = released(evaluated, evaluated / "fomaml-seed-0", tmp_path)
        assert code == 0, said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "meta.checkpoint"]


@pytest.mark.parametrize("name", ["README.md", "config.json", "meta.checkpoint"])
def test_a_folder_with_files_of_somebody_else_is_refused(name: str, evaluated: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    code, said = released(evaluated, evaluated / "fomaml-seed-0", tmp_path)
    assert code == 2 and said.count("\n") == 1
    assert f"out: {tmp_path / name} is there already and of no artefact" in said.replace("\n", "")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_training_is_not_released_over_itself(evaluated: Path) -> None:
    training = evaluated / "fomaml-seed-0"
    before = (training / "meta.checkpoint").read_bytes()
    code, said = released(evaluated, training, training)
    assert code == 2 and "is there already and of no artefact" in said
    assert (training / "meta.checkpoint").read_bytes() == before


def test_an_evaluation_of_something_else_is_refused(evaluated: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    config = dataclasses.replace(CONFIG, settings={}).training("fomaml", 0)
    Training(config, other).run()
    code, said = released(evaluated, other, tmp_path / "artefact")
    assert code == 2 and "it trained fomaml in another way than this training" in said
    assert not (tmp_path / "artefact").exists()

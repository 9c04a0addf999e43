"""`--threads` are the simulation's: torch computes in one, so that no default is slower than one thread."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from metabot.cli.adapt import adapt
from metabot.cli.app import app
from metabot.cli.continual import continual
from metabot.cli.evaluate import evaluate
from metabot.cli.learn import learn
from metabot.cli.train import train_method
from metabot.harness.training import Training, TrainingConfig

TINY = "--family navigation-2d --env-steps 800"


@pytest.fixture(autouse=True)
def torch_as_it_comes() -> Iterator[None]:
    """Two torch threads, as torch would take by itself on two cores."""
    former = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(former)


@pytest.mark.parametrize(
    "command",
    [
        f"train fomaml {TINY} --tasks 2 --episodes 2 --out trained",
        "adapt run --episodes 1 --trials 1",
        "learn ppo --family navigation-2d --episodes 1 --trials 1",
        f"evaluate fomaml {TINY} --seeds 1 --tasks 1 --trials 1 --train-tasks 2 --train-episodes 2 --out evaluated",
        "continual naive --tasks 2 --seeds 1 --steps 4 --looks 1 --out stream",
    ],
)
def test_torch_has_one_thread_whatever_the_simulation_has(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Baselines take a while and change nothing here.
    monkeypatch.setattr("metabot.harness.evaluation.train_pretrained", interrupt)
    Training(TrainingConfig("fomaml", "navigation-2d")).save_released(tmp_path / "run")
    done = CliRunner().invoke(app, [*command.split(), "--threads", "2"])
    assert done.exit_code == (130 if command.startswith("evaluate") else 0), done.output
    assert torch.get_num_threads() == 1


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("command", [train_method, adapt, learn, evaluate, continual])
def test_one_simulation_thread_is_the_default(command: object) -> None:
    assert inspect.signature(command).parameters["threads"].default == 1  # type: ignore[arg-type]

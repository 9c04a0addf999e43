"""Training from scratch: short, real, interruptible."""

from pathlib import Path

import pytest
import torch

from metabot.language import TaskReader
from metabot.language.grammar import Grammar
from metabot.language.train import Progress, train


def test_a_few_steps_lower_the_loss_and_leave_a_loadable_model(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    seen: list[Progress] = []
    done = train(tmp_path / "model", steps=10, samples=10, progress=seen.append)
    assert done.steps == len(seen) == 10 and not done.interrupted
    assert seen[-1].loss < seen[0].loss
    assert {file.name for file in (tmp_path / "model").iterdir()} >= {"README.md", "metrics.json", "model.safetensors"}
    assert [folder.name for folder in tmp_path.iterdir()] == ["model"]
    reading = TaskReader.load(tmp_path / "model").read("drive to the red pad")
    assert reading.mission is None, "an untrained model is sure of nothing"


def test_ctrl_c_keeps_what_was_learned(tmp_path: Path) -> None:
    def stop(now: Progress) -> None:
        if now.step == 2:
            raise KeyboardInterrupt

    done = train(tmp_path / "model", steps=1000, samples=10, progress=stop)
    assert done.interrupted and done.steps == 2
    assert TaskReader.load(tmp_path / "model").read("red").mission is None


def test_a_schema_that_cannot_be_compiled_is_an_error(reader: TaskReader) -> None:
    with pytest.raises(ValueError, match="llguidance"):
        Grammar(reader.tokenizer, {"type": "nonsense"})

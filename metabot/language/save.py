"""Writing a model folder: weights, tokenizer, threshold, figures and card, all or nothing."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from metabot.language.card import model_card
from metabot.language.reader import CALIBRATION_FILE, WORDS_FILE

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from metabot.language.evaluate import Figures

METRICS_FILE = "metrics.json"


@dataclass(frozen=True)
class Run:
    """How a model came to be."""

    seed: int
    steps: int
    """Asked for."""
    done: int
    """Taken."""
    batch: int
    threads: int
    wall_s: float
    loss: float | None
    """Of the answer tokens, in nats, smoothed; None before the first step."""
    minutes: float
    interrupted: bool
    timed_out: bool
    """Whether the minutes, not the steps, set the pace of the learning rate."""


def save(output: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, figures: Figures, run: Run) -> None:
    """Write a model folder beside `output` and swap it in when it is complete.

    Raises:
        ValueError: see `check_output`.
    """
    output = Path(output)
    check_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    folder.chmod(0o755)
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
        calibration = {"threshold": figures.threshold, "probability": "smallest raw token log-probability, natural log",
                       **figures.calibration}  # fmt: skip
        _write_json(folder / CALIBRATION_FILE, calibration)
        (folder / WORDS_FILE).write_text("\n".join(figures.known) + "\n")
        metrics = {
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "run": asdict(run),
            "threshold": figures.threshold,
            "calibration": figures.calibration,
            "splits": figures.splits,
            "held_out_phrases_by_kind": figures.by_phrase,
            "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("torch", "transformers", "tokenizers", "llguidance")},
            },
        }
        _write_json(folder / METRICS_FILE, metrics)
        (folder / "README.md").write_text(model_card(metrics))
        _swap(folder, output)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def check_output(output: Path) -> None:
    """Refuse to replace what is no model's folder.

    Raises:
        ValueError: if there is a file, or a folder that holds something else; one line.
    """
    if output.exists() and not output.is_dir():
        raise ValueError(f"output: {output} is a file; allowed: a folder, new or of an earlier model")
    if output.is_dir() and any(output.iterdir()) and not (output / CALIBRATION_FILE).is_file():
        raise ValueError(f"output: {output} holds something else; allowed: a folder, new or of an earlier model")


def _swap(folder: Path, output: Path) -> None:
    """Put the new folder in place of the old one; the old one is only dropped afterwards."""
    if not output.exists():
        folder.rename(output)
        return
    old = folder.with_name(f"{folder.name}.old")
    output.rename(old)
    folder.rename(output)
    shutil.rmtree(old)


def _write_json(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n")

"""A trained method as an artefact for others: its parameters, and a card that says what they are and can do."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metabot.harness.evaluation import Evaluation, Row
from metabot.harness.measure.contestants import NO_ADAPTATION
from metabot.harness.training import CHECKPOINT, CONFIG, Training, TrainingConfig
from metabot.params.atomic import atomic_file

CARD = "README.md"
_MARK = f"\nSHA-256 of `{CHECKPOINT}`: "
"""By this line a card is known to be one."""


def release(training: Training, out: Path, result: Evaluation, made_by: Mapping[str, Any]) -> None:
    """Write a trained method without what only going on with the training needs, and its card.

    Args:
        training: finished.
        out: folder of the artefact.
        result: an evaluation in which the method took part.
        made_by: date, machine, versions and command of that evaluation.

    Raises:
        ValueError: if the evaluation is of another family, or not of this method as it was trained, or if the
            folder holds files of these names that are of no artefact.
    """
    _refuse_foreign(out)
    config = training.config
    if config.spec is not None:
        raise ValueError("folder: trained on a specification of one's own, which no command on a card can name")
    if result.config.family != config.family:
        raise ValueError(f"evaluation: it is of {result.config.family}, the training of {config.family}")
    if config.method not in result.config.methods:
        raise ValueError(f"evaluation: {config.method} took no part; allowed: {', '.join(result.config.methods)}")
    asked = result.config.training(config.method, config.seed)
    if dataclasses.replace(asked, settings=dict(config.settings)) != config or _words(asked) != _words(config):
        raise ValueError(f"evaluation: it trained {config.method} in another way than this training")
    out.mkdir(parents=True, exist_ok=True)
    training.save_released(out)
    text = _card(training, hashlib.sha256((out / CHECKPOINT).read_bytes()).hexdigest(), result, made_by)
    with atomic_file(out / CARD) as file:
        file.write(text.encode())


def _refuse_foreign(out: Path) -> None:
    """Refuse a folder in which something else than an artefact would be overwritten."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"out: {out} is a file; allowed: a folder")
    card = out / CARD
    if card.is_file() and _MARK in card.read_text(errors="replace"):
        return
    for name in (CARD, CHECKPOINT, CONFIG):
        if (out / name).exists():
            raise ValueError(f"out: {out / name} is there already and of no artefact; allowed: a folder without it")


def _words(config: TrainingConfig) -> dict[str, str]:
    return {name: str(value) for name, value in config.settings.items()}


def train_command(config: TrainingConfig) -> str:
    """The words that repeat a training."""
    words = ["metabot", "train", config.method, "--family", config.family, "--seed", str(config.seed)]
    words += ["--env-steps", str(config.env_steps), "--tasks", str(config.tasks), "--episodes", str(config.episodes)]
    if config.robots is not None:
        words += ["--robots", str(config.robots)]
    for name, value in config.settings.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def _card(training: Training, digest: str, result: Evaluation, made_by: Mapping[str, Any]) -> str:
    config, learner = training.config, training.learner
    versions = ", ".join(f"{name} {version}" for name, version in made_by["versions"].items())
    settings = json.dumps(dict(config.settings)) if config.settings else "none"
    return f"""---
license: apache-2.0
---

# {config.method} on {config.family}

Meta-parameters of `{config.method}` ({learner.kind}; {learner.source}) for the tasks of `{config.family}`:
{learner.layout.size:,} numbers, of which {learner.policy.layout.size:,} are the policy's. Trained in simulation
alone.

    metabot adapt models/{config.method}-{config.family.replace(":", "-")} --split held-out --task 3 --episodes 2

## How it was made

    {train_command(config)}

{training.updates} updates, {training.env_steps:,} control steps, {training.seconds:.0f} s on
{made_by["machine"]}. Settings that differ from the default: {settings}.
Versions: {versions}. The same command with the same versions gives the same parameters.
What only a continued training needs (moments of the optimiser) was left out.
{_MARK}`{digest}`

## Figures

{_what(result)} after adaptation episodes on fresh tasks, interquartile mean with its 95 % bootstrap interval and
(in brackets) the mean, over {result.config.seeds} trainings with seeds from 0, {result.config.tasks} tasks and
{result.config.trials} trials of each; beside it what has to be beaten, on the same budget. Measured
{made_by["date"]} by

    {made_by["command"]}

{_table(result, config.method)}

Beside these, an expert that knows the hidden task: {_expert(result)}.

## Limits

Meta-trained and measured in `metabot_sim` with that family's ranges of hidden dynamics; nothing is promised
beyond its held-out ranges, or on a real robot before it was tried there behind the safety filter.
"""


def _what(result: Evaluation) -> str:
    return "Success" if result.has_success else "Return"


def _table(result: Evaluation, method: str) -> str:
    rows = [row for row in result.rows if row.name == method or row.kind in ("baseline", NO_ADAPTATION)]
    episodes = max((row.episodes for row in rows if row.name == method), key=len)
    lines = [
        f"| split | method | {' | '.join(str(each) for each in episodes)} |",
        f"|---|---|{'---:|' * len(episodes)}",
    ]
    lines += [f"| {row.split} | {row.name} | {' | '.join(_cells(result, row, len(episodes)))} |" for row in rows]
    return "\n".join(lines)


def _cells(result: Evaluation, row: Row, count: int) -> list[str]:
    if result.has_success:
        return [
            f"{100 * v.iqm:.0f} {100 * v.low:.0f}-{100 * v.high:.0f} ({100 * v.mean:.0f})" for v in row.success[:count]
        ]
    return [f"{v.iqm:.1f} {v.low:.1f} to {v.high:.1f} ({v.mean:.1f})" for v in row.returns[:count]]


def _expert(result: Evaluation) -> str:
    if not result.expert:
        return "nobody knows how to master it"
    index = 0 if result.has_success else 1
    return ", ".join(
        f"{split} {bound[index]:.0%}" if result.has_success else f"{split} {bound[index]:.1f}"
        for split, bound in result.expert.items()
    )

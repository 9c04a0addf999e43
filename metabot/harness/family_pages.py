"""What stored measures say of a family, for its page: what there is to adapt to, and who masters it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metabot.harness.board.show import BEST, Board, board
from metabot.harness.measure.config import MeasureConfig
from metabot.harness.measure.measure import adaptive_problems
from metabot.harness.measure.stored import measured, row_of


def sections(
    name: str,
    adaptation: Mapping[str, Any] | None = None,
    methods: Mapping[str, Any] | None = None,
    learners: Mapping[str, Any] | None = None,
) -> list[str]:
    """Lines of Markdown; none where nothing is known.

    Args:
        name: the family's.
        adaptation: what `metabot sim adaptation --json` wrote.
        methods: what `metabot board` wrote.
        learners: what `metabot bench learners --json` wrote.
    """
    return [*_adaptation(name, adaptation), *_methods(name, methods), *_learners(name, learners)]


def _adaptation(name: str, report: Mapping[str, Any] | None) -> list[str]:
    if report is None or name not in adaptive_problems():
        return []
    line = measured(name, report).removeprefix(f"{name}: ")
    return [
        "## What there is to adapt to",
        "",
        f"{line[:1].upper()}{line[1:]}.",
        "",
        f"{_measured_by(name, report)}; see [how it is measured](../reference/adaptation.md).",
        "",
    ]


def _measured_by(name: str, report: Mapping[str, Any]) -> str:
    """The command that measures a problem as it was measured, or would be."""
    row = row_of(name, report)
    if row is None:
        return f"`metabot sim adaptation {name}` measures it"
    return f"The command: `{MeasureConfig.of(row['config']).command(name)}`"


def _methods(name: str, report: Mapping[str, Any] | None) -> list[str]:
    if report is None or not any(row["problem"] == name and row["success"] for row in report["rows"]):
        return []
    by_split: dict[str, Board] = {split: board(report, split) for split in ("test", "held-out")}
    tests, held_out = by_split["test"], by_split["held-out"]
    rows = []
    for method in tests.methods:
        cell, other = tests.cells.get((method, name)), held_out.cells.get((method, name))
        if cell is None or other is None:
            continue
        rows.append(
            f"| {method} | {tests.kinds[method]} | {cell.env_steps:,.0f} | {cell.train_s:.0f} | {cell.seeds} |"
            f" {cell.value.mean:.0%} | {other.value.mean:.0%} |"
        )
    return [
        "## Which methods master it",
        "",
        f"Mean success after 8 adaptation episodes (`metabot board --problem {name}`); {BEST}: PPO, or imitation of",
        "the expert with 4 frames, whichever did better:",
        "",
        "| method | kind | steps of training | seconds | seeds | test | held-out |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
    ]


def _learners(name: str, report: Mapping[str, Any] | None) -> list[str]:
    rows = [row for row in (report or {}).get("rows", ()) if row["family"] == name]
    if not rows:
        return []
    table = []
    for row in rows:
        steps = "–" if row["steps_to_master"] is None else f"{row['steps_to_master']:,}"
        table.append(
            f"| {row['learner']} | {row['robots']} | {row['env_steps']:,} | {row['success']:.0%} | {steps} |"
            f" {row['seconds']:.0f} |"
        )
    return [
        "## Which learners master one task",
        "",
        f"A single task from nothing, no meta-learning, seed 0 (`metabot bench learners --families {name}`);",
        "mastered: 90 % of fresh episodes. Imitation has the expert to ask, the others learn from rewards alone:",
        "",
        "| learner | robots | steps | success then | steps until mastered | seconds |",
        "|---|---|---|---|---|---|",
        *table,
        "",
    ]

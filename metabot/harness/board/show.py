"""The board as a table for the terminal and as one picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from metabot.harness.measure.contestants import NO_ADAPTATION
from metabot.harness.statistics import Interval, interquartile_means
from metabot.params.atomic import atomic_file

BEST = "best without adaptation"


@dataclass(frozen=True)
class Cell:
    """A method on a problem, all seeds together.

    Attributes:
        value: success after the most episodes.
        seeds: how many.
        gain: mean success less that of the best without adaptation; None where there is none, or for itself.
        train_s: mean seconds of training.
        env_steps: mean control steps of training.
    """

    value: Interval
    seeds: int
    gain: float | None
    train_s: float
    env_steps: float


@dataclass(frozen=True)
class Board:
    """Cells by method and problem.

    Attributes:
        problems: columns.
        methods: rows, the best without adaptation first, then by mean over the problems.
        kinds: by method.
        cells: what was made; a pair that a method refuses is missing.
    """

    problems: tuple[str, ...]
    methods: tuple[str, ...]
    kinds: Mapping[str, str]
    cells: Mapping[tuple[str, str], Cell]

    @property
    def seeds(self) -> int:
        """Those of the cell that has the most."""
        return max((cell.seeds for cell in self.cells.values()), default=0)

    def left(self, cell: Cell) -> str:
        """How many seeds a cell that has fewer stands on; nothing for others."""
        return "" if cell.seeds == self.seeds else f"{cell.seeds} of {self.seeds} seeds"


def board(report: Mapping[str, Any], split: str = "held-out") -> Board:
    """Put seeds together.

    Args:
        report: what `load` gave.
        split: tasks that are looked at.
    """
    made = [row for row in report["rows"] if row["success"]]
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in made:
        groups.setdefault((row["method"], row["problem"]), []).append(row)
    problems = tuple(dict.fromkeys(row["problem"] for row in report["rows"]))
    means = {key: float(np.mean([row["success"][split][-1] for row in rows])) for key, rows in groups.items()}
    kinds = {row["method"]: row["kind"] for row in made}
    still = [name for name, kind in kinds.items() if kind == NO_ADAPTATION]
    cells: dict[tuple[str, str], Cell] = {}
    for problem in problems:
        rivals = [name for name in still if (name, problem) in groups]
        best = max(rivals, key=lambda name: means[name, problem], default=None)
        for name in kinds:
            if (name, problem) in groups and name not in still:
                gain = None if best is None else means[name, problem] - means[best, problem]
                cells[name, problem] = _cell(groups[name, problem], split, gain)
        if best is not None:
            cells[BEST, problem] = _cell(groups[best, problem], split, None)
    methods = [name for name in kinds if name not in still]
    methods.sort(key=lambda name: -float(np.mean([means.get((name, each), 0.0) for each in problems])))
    first = (BEST,) if any(name == BEST for name, _ in cells) else ()
    return Board(problems, (*first, *methods), {**kinds, BEST: NO_ADAPTATION}, cells)


def _cell(rows: list[Mapping[str, Any]], split: str, gain: float | None) -> Cell:
    scores = np.array([row["success"][split][-1] for row in rows])[..., None]
    (value,) = interquartile_means(scores)
    seconds, steps = (float(np.mean([row[name] for row in rows])) for name in ("train_s", "env_steps"))
    return Cell(value, len(rows), gain, seconds, steps)


def table(found: Board, split: str) -> Table:
    """Every method on every problem: interquartile mean, 95 % interval, gain over the best without adaptation."""
    made = Table(title=f"success after 8 episodes, {split} tasks", title_justify="left", caption_justify="left")
    made.caption = (
        "interquartile mean, its 95 % interval, and points of the mean gained over the best without adaptation"
    )
    made.add_column("method", no_wrap=True)
    made.add_column("kind", no_wrap=True)
    for problem in found.problems:
        made.add_column(problem, justify="right")
    for name in found.methods:
        texts = []
        for problem in found.problems:
            cell = found.cells.get((name, problem))
            texts.append("–" if cell is None else _text(cell, found.left(cell)))
        made.add_row(name, found.kinds[name], *texts)
    return made


def _gain(cell: Cell) -> str:
    """The gain in whole points after a space, nothing where there is none."""
    return "" if cell.gain is None else f" {round(100 * cell.gain):+d}"


def _text(cell: Cell, left: str) -> str:
    value = cell.value
    below = f"\n[dim]{left}[/]" if left else ""
    return f"{100 * value.iqm:.0f} [dim]{100 * value.low:.0f}-{100 * value.high:.0f}[/]{_gain(cell)}{below}"


def draw(found: Board, split: str, path: Path) -> None:
    """Draw the board as a heat map.

    Args:
        found: what to draw.
        split: which tasks it is of.
        path: a .png file, written whole or not at all.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows, columns = len(found.methods), len(found.problems)
    values = np.full((rows, columns), np.nan)
    for (name, problem), cell in found.cells.items():
        values[found.methods.index(name), found.problems.index(problem)] = cell.value.iqm
    size = (2.9 + 1.25 * columns, 1.9 + 0.62 * rows)
    figure, panel = pyplot.subplots(figsize=size, layout="constrained")
    colours = pyplot.get_cmap("YlGnBu").with_extremes(bad="0.93")
    panel.imshow(values, cmap=colours, vmin=0.0, vmax=1.0, aspect="auto")
    for row, name in enumerate(found.methods):
        for column, problem in enumerate(found.problems):
            drawn = found.cells.get((name, problem))
            ink = "white" if drawn is not None and drawn.value.iqm > 0.55 else "black"
            if drawn is None:
                panel.text(column, row, "–", ha="center", va="center", color="0.5")
                continue
            value = drawn.value
            panel.text(column, row - 0.18, f"{100 * value.iqm:.0f} %", ha="center", va="center", color=ink, fontsize=11)
            below = f"{100 * value.low:.0f}–{100 * value.high:.0f} {_gain(drawn)}".rstrip()
            panel.text(column, row + 0.17, below, ha="center", va="center", color=ink, fontsize=7.5)
            panel.text(column, row + 0.36, found.left(drawn), ha="center", va="center", color=ink, fontsize=6.5)
    panel.set_xticks(range(columns), found.problems, rotation=28, ha="right")
    panel.set_yticks(range(rows), [f"{name}\n{found.kinds[name]}" for name in found.methods], fontsize=8.5)
    panel.set_title(
        f"Success after 8 episodes, {split} tasks, {found.seeds} seeds:\n"
        "interquartile mean, 95 % interval, points gained over the best without adaptation",
        loc="left",
        fontsize=11,
    )
    for edge in panel.spines.values():
        edge.set_visible(False)
    with atomic_file(path) as file:
        figure.savefig(file, format="png", dpi=120, metadata={"Software": "metabot, with Matplotlib"})
    pyplot.close(figure)

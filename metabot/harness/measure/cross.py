"""The cross matrix of a method: adapted to a row's task, driven on a column's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from metabot.harness.measure.adapted import adapted
from metabot.harness.measure.config import MeasureConfig
from metabot.harness.measure.successes import cross_matrix
from metabot.harness.measure.tasks import described, far_apart
from metabot.harness.statistics import interquartile_means
from metabot.harness.training import Training
from metabot.params.atomic import atomic_file
from metabot.problems import Problem


def cross_once(problem: Problem, config: MeasureConfig, seed: int, training: Training) -> dict[str, Any]:
    """One repetition, with tasks of its own.

    Returns:
        ``tasks``: each in words; ``matrix``: (tasks, tasks) success, and what `summary` says of it; ``env_steps`` and
        ``train_s`` of the training.
    """
    tasks = far_apart(problem, config.cross_tasks, seed)
    rng = np.random.default_rng([seed, 22])
    learner = training.learner
    rows = adapted(learner, training.meta, problem, tasks, config.episodes, rng)
    matrix = cross_matrix(problem, learner.policy, rows, tasks, config.trials, rng)
    spent = {"env_steps": training.env_steps, "train_s": round(training.seconds, 1)}
    return {"seed": seed, "tasks": described(problem, tasks), "matrix": matrix.tolist(), **summary(matrix), **spent}


def summary(matrix: np.ndarray) -> dict[str, Any]:
    """Mean on the diagonal and off it, and the largest pair off it.

    Args:
        matrix: (n, n) success.

    Returns:
        ``diagonal``, ``off``, ``largest`` with its ``row`` and ``column``; the latter two zero for one task.
    """
    count = len(matrix)
    if count == 1:
        return {"diagonal": float(matrix[0, 0]), "off": 0.0, "largest": 0.0, "row": 0, "column": 0}
    others = np.where(np.eye(count, dtype=bool), -np.inf, matrix)
    row, column = np.unravel_index(int(others.argmax()), matrix.shape)
    off = matrix[~np.eye(count, dtype=bool)].mean()
    return {
        "diagonal": float(np.diag(matrix).mean()),
        "off": float(off),
        "largest": float(others.max()),
        "row": int(row),
        "column": int(column),
    }


def crossed(method: str, once: list[dict[str, Any]]) -> dict[str, Any]:
    """Repetitions put together: intervals of the means, the largest pair of all, the repetitions."""
    values = np.array([[[each["diagonal"], each["off"]]] for each in once])
    diagonal, off = interquartile_means(values)
    return {
        "method": method,
        "env_steps": once[0]["env_steps"],
        "train_s": once[0]["train_s"],
        "diagonal": asdict(diagonal),
        "off": asdict(off),
        "largest": max(each["largest"] for each in once),
        "seeds": once,
    }


def draw(found: dict[str, Any], title: str, path: Path) -> None:
    """Draw a matrix as a heat map, its tasks in words beside the rows.

    Args:
        found: ``tasks`` and ``matrix``, as `cross_once` gives them.
        title: above it.
        path: a .png file, written whole or not at all.
    """
    import textwrap

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matrix = np.asarray(found["matrix"])
    count = len(matrix)
    labels = [f"{number + 1}: {textwrap.fill(text, 44)}" for number, text in enumerate(found["tasks"])]
    figure, panel = pyplot.subplots(figsize=(5.2 + 0.62 * count, 2.0 + 0.62 * count), layout="constrained")
    image = panel.imshow(100 * matrix, vmin=0, vmax=100, cmap="viridis")
    for row in range(count):
        for column in range(count):
            shade = "black" if matrix[row, column] > 0.6 else "white"
            panel.text(column, row, f"{100 * matrix[row, column]:.0f}", ha="center", va="center", color=shade)
    panel.set_yticks(range(count), labels, fontsize=8)
    panel.set_xticks(range(count), [str(number + 1) for number in range(count)])
    panel.set_xlabel("driven on task")
    panel.set_ylabel("adapted to task")
    panel.set_title(title, fontsize=10)
    figure.colorbar(image, ax=panel, label="success, %", shrink=0.8)
    with atomic_file(path) as file:
        # Labels in words are wider than the layout foresees.
        figure.savefig(
            file, format="png", dpi=120, bbox_inches="tight", metadata={"Software": "metabot, with Matplotlib"}
        )
    pyplot.close(figure)

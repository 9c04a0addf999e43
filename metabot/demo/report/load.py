"""Reading a run's files for the report, forgiving what a run that went wrong may leave in them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from metabot.demo.paths import PATHS, read_paths
from metabot.demo.report.motion import Motion, clean
from metabot.demo.summary import Summary

SUMMARY_NAME = "summary.json"
_OPTIONAL = ("cross_matrix", "unadapted")
"""Parts of a summary that may be missing as a whole."""


def load_summary(run_dir: Path) -> Summary:
    """Read ``summary.json``.

    Raises:
        OSError: if there is none.
        ValueError: if it is not a summary.
    """
    return Summary.model_validate(_nan_for_null(json.loads((run_dir / SUMMARY_NAME).read_text())))


def load_motion(run_dir: Path, summary: Summary, name: str = PATHS) -> Motion:
    """Read ``paths.json`` or another file of motion; a run that never drove has none, and its motion is empty."""
    try:
        paths = read_paths(run_dir / name)
    except (OSError, ValueError):
        return Motion()
    task = summary.task
    return clean(paths, [*(robot.name for robot in task.robots), *(thing.name for thing in task.objects)])


def _nan_for_null(value: Any) -> Any:
    """JSON has no NaN, so `Summary.write` leaves null where a number was none; only the task has optional fields."""
    if isinstance(value, dict):
        return {
            key: inner if key == "task" or (inner is None and key in _OPTIONAL) else _nan_for_null(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_nan_for_null(inner) for inner in value]
    return math.nan if value is None else value

"""The fleet's recorded motion: ``paths.json`` of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

PATHS = "paths.json"
UNADAPTED_PATHS = "paths-unadapted.json"
"""Of the drive before adaptation."""


def write_paths(path: Path, paths: dict[str, np.ndarray]) -> None:
    """Write recorded motion.

    Args:
        path: the file.
        paths: by robot, (samples, 4): seconds since the drive began, x, y in metres, yaw in radians.
    """
    path.write_text(json.dumps({robot: np.round(samples, 4).tolist() for robot, samples in paths.items()}))


def read_paths(path: Path) -> dict[str, np.ndarray]:
    """Read what `write_paths` wrote."""
    return {robot: np.array(samples).reshape(-1, 4) for robot, samples in json.loads(path.read_text()).items()}

"""What the families with teams of cars share: the view of mates and opponents apart."""

from __future__ import annotations

import numpy as np

from metabot_sim import frames
from metabot_sim.families import driving


def shown(allowed: np.ndarray) -> int:
    """How many others each robot is told of: those of the robot with the most, at most a few.

    Args:
        allowed: (R, R) bool, whom (second) each robot (first) may see.
    """
    return int(min(allowed.sum(axis=1).max(), driving.SHOWN_NEIGHBOURS))


def names(word: str, allowed: np.ndarray) -> tuple[str, ...]:
    """Meaning of what `see` returns."""
    return tuple(f"{word}_{k + 1}_{axis}" for k in range(shown(allowed)) for axis in ("ahead", "left"))


def see(poses: np.ndarray, apart: np.ndarray, allowed: np.ndarray, scale_m: float = 2.0) -> np.ndarray:
    """The nearest of some others in each robot's frame, (n, R, 2 * shown), the nearest first.

    A robot that has fewer of them sees zeros in the places that are left.

    Args:
        poses: (n, R, 3).
        apart: (n, R, R) distances, see `frames.pairwise`.
        allowed: (R, R) bool, whom each robot may see.
        scale_m: metres that count as one.
    """
    n, robots = poses.shape[:2]
    count = shown(allowed)
    if count == 0:
        return np.empty((n, robots, 0))
    masked = np.where(allowed, apart, np.inf)
    nearest = np.argsort(masked, axis=-1, kind="stable")[..., :count]
    points = poses[np.arange(n)[:, None, None], nearest, :2]
    seen = frames.in_frame(poses[:, :, None], points) / scale_m
    there = np.arange(count) < allowed.sum(axis=1)[:, None]
    return np.where(there[..., None], seen, 0.0).reshape(n, robots, 2 * count)

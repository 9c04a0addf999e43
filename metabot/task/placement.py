"""From a mission to a full task: where robots start and where their pads lie."""

from __future__ import annotations

import math

import numpy as np

from metabot.task.mission import Mission
from metabot.task.model import SpecError
from metabot.task.spec import ROBOT_RADIUS_M, Arena, Pad, Pose, RobotSpec, Success, TaskSpec

CLEARANCE_M = 2 * ROBOT_RADIUS_M + 0.45
"""Distance kept between the lanes of two robots, so that a curved path still misses the other."""

_ATTEMPTS = 4000


def place(
    mission: Mission,
    seed: int = 0,
    *,
    arena: Arena | None = None,
    distance_m: tuple[float, float] = (0.9, 1.9),
) -> TaskSpec:
    """Put the mission's robots and pads into an arena.

    Every robot starts at a random pose, its pad lies `distance_m` away in a random direction,
    and the straight lanes from start to pad keep `CLEARANCE_M` between each other.

    Args:
        mission: what a sentence asked for.
        seed: the same mission and seed give the same task.
        arena: the walls; by default a square that grows with the number of robots.
        distance_m: shortest and longest distance from a start to its pad.

    Raises:
        SpecError: if that many robots do not fit into the arena.
    """
    rng = np.random.default_rng(seed)
    if arena is None:
        side = 3.5 + 1.0 * mission.robots
        arena = Arena(length_m=side, width_m=side)
    margin = ROBOT_RADIUS_M + 0.3
    half = np.array([arena.length_m, arena.width_m]) / 2 - margin
    lanes: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(_ATTEMPTS):
        start = rng.uniform(-half, half)
        bearing, distance = rng.uniform(-math.pi, math.pi), rng.uniform(*distance_m)
        end = start + distance * np.array([math.cos(bearing), math.sin(bearing)])
        if np.any(np.abs(end) > half):
            continue
        if all(_lane_distance(start, end, *lane) >= CLEARANCE_M for lane in lanes):
            lanes.append((start, end))
            if len(lanes) == mission.robots:
                break
        elif rng.random() < 0.01:
            lanes.clear()
    else:
        raise SpecError(
            f"world: {mission.robots} robots do not fit into {arena.length_m} x {arena.width_m} m"
            " with separate lanes; allowed: a larger arena or fewer robots"
        )
    yaws = rng.uniform(-math.pi, math.pi, size=mission.robots)
    robots = tuple(
        RobotSpec(
            name=f"robot_{index + 1}",
            goal=color,
            spawn=Pose(x=round(float(start[0]), 3), y=round(float(start[1]), 3), yaw=round(float(yaw), 3)),
        )
        for index, (color, (start, _), yaw) in enumerate(zip(mission.goals, lanes, yaws, strict=True))
    )
    pads = tuple(
        Pad(color=color, x=round(float(end[0]), 3), y=round(float(end[1]), 3))
        for color, (_, end) in zip(mission.goals, lanes, strict=True)
    )
    return TaskSpec(
        family=mission.family,
        world=arena,
        robots=robots,
        pads=pads,
        horizon_s=float(mission.time_limit_s),
        success=Success(contact=mission.contact),
    )


def _lane_distance(a0: np.ndarray, a1: np.ndarray, b0: np.ndarray, b1: np.ndarray) -> float:
    """Smallest distance between two segments, by 33 points on each (lanes are short)."""
    t = np.linspace(0.0, 1.0, 33)[:, None]
    a, b = a0 + t * (a1 - a0), b0 + t * (b1 - b0)
    return float(np.min(np.linalg.norm(a[:, None] - b[None], axis=-1)))

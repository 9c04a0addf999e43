"""What the driving families share: places on the floor, the view of other robots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from metabot.task import KINDS, RobotSpec, TaskSpec
from metabot_sim import rng
from metabot_sim.frames import in_frame, pairwise
from metabot_sim.robots.registry import ROBOTS

SHOWN_NEIGHBOURS = 3
"""Others that a robot is told of, the nearest first: a fleet of 16 looks like one of 4."""
_USUAL_M = KINDS["mjcf"].radius_m
"""Radius of the robots that the families' floors are made for."""
_FREE_M = 0.64
"""Between the rims of two robots on their pads, at least."""


def arena_side_m(robots: int, each_m: float = 1.0, least_m: float = 3.5) -> float:
    """Side of a square arena that leaves every robot room."""
    return least_m + each_m * robots


def with_robots(spec: TaskSpec, robots: Sequence[RobotSpec]) -> TaskSpec:
    """The same task with other robots: floor, places and time grow with the largest of them, time with the slowest.

    Args:
        spec: a task that has room for its robots.
        robots: as many, where those of the task stand.

    Raises:
        SpecError: if the task does not hold with them; one line.
    """
    before, after = (max(_USUAL_M, *(each.footprint_m for each in some)) for some in (spec.robots, robots))
    # What families keep free between two robots, and between those that stand nearest to each other.
    grown = (_FREE_M + 2.0 * after) / (_FREE_M + 2.0 * before)
    places = np.array([(each.spawn.x, each.spawn.y) for each in robots])
    apart = pairwise(places[None])[0] + np.diag(np.full(len(places), np.inf))
    if after > before:
        grown = max(grown, 2.0 * after / float(apart.min()))
    grown = max(1.0, grown)
    slower = _slowest(robots) / _slowest(spec.robots)

    def moved(part: dict[str, Any]) -> dict[str, Any]:
        return {**part, "x": part["x"] * grown, "y": part["y"] * grown}

    whole = spec.model_dump()
    whole["world"] = {name: side * grown for name, side in whole["world"].items()}
    whole["robots"] = [{**each.model_dump(), "spawn": moved(each.spawn.model_dump())} for each in robots]
    whole["pads"] = [moved(pad) for pad in whole["pads"]]
    whole["objects"] = [{**thing, "pose": moved(thing["pose"])} for thing in whole["objects"]]
    return TaskSpec.parse({**whole, "horizon_s": spec.horizon_s * grown * slower})


def _slowest(robots: Sequence[RobotSpec]) -> float:
    return max(ROBOTS[each.kind].slowness(each) for each in robots)


def scatter(
    draws: rng.Draws,
    count: int,
    half_m: float | np.ndarray,
    apart_m: float,
    rounds: int = 60,
    *,
    starts: np.ndarray | None = None,
    away_m: tuple[float, float] = (0.0, np.inf),
) -> np.ndarray:
    """Random points in a square that keep their distance, (n, count, 2).

    All points are drawn at once and those too close to another one are drawn again. After
    `rounds` attempts a jittered grid, which always fits, takes the place of what is left.

    Args:
        draws: one stream per episode.
        count: points of each episode.
        half_m: half of the square's side.
        apart_m: smallest distance between two points.
        rounds: attempts.
        starts: (n, count, 2) or more: where each point is reached from.
        away_m: nearest and farthest distance of each point from its start.
    """
    # A stream of its own: how many rounds it takes depends on the others in the batch.
    own = rng.Draws(rng.keys(draws.integers(1 << 53)))
    points = own.uniform(-1.0, 1.0, count, 2) * half_m
    if count == 1 and starts is None:
        return points
    later = np.tril(np.ones((count, count), dtype=bool), k=-1)
    for _ in range(rounds):
        again = np.asarray(((pairwise(points) < apart_m) & later).any(axis=-1))
        if starts is not None:
            away = np.hypot(*np.moveaxis(points - starts[..., :2], -1, 0))
            again |= (away < away_m[0]) | (away > away_m[1])
        if not again.any():
            return points
        points = np.where(again[..., None], own.uniform(-1.0, 1.0, count, 2) * half_m, points)
    bad = ((pairwise(points) < apart_m) & later).any(axis=(-1, -2))
    if bad.any():
        side = int(np.ceil(np.sqrt(count)))
        cells = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[:count]
        grid = ((cells + 0.5) / side * 2.0 - 1.0) * half_m
        order = own.permutation(count)
        points[bad] = grid[order[bad]]
    return points


def neighbour_names(robots: int) -> tuple[str, ...]:
    """Meaning of what `see_neighbours` returns."""
    shown = min(robots - 1, SHOWN_NEIGHBOURS)
    return tuple(f"neighbour_{k + 1}_{axis}" for k in range(shown) for axis in ("ahead", "left"))


def see_neighbours(poses: np.ndarray, scale_m: float = 2.0) -> np.ndarray:
    """The nearest other robots in each robot's frame, (n, R, 2 * shown), the nearest first."""
    n, robots = poses.shape[:2]
    shown = min(robots - 1, SHOWN_NEIGHBOURS)
    if shown == 0:
        return np.empty((n, robots, 0))
    distance = pairwise(poses)
    diagonal = np.arange(robots)
    distance[:, diagonal, diagonal] = np.inf
    nearest = np.argsort(distance, axis=-1, kind="stable")[..., :shown]
    rows = (np.arange(n) * robots)[:, None, None] + nearest
    others = poses[..., :2].reshape(-1, 2).take(rows, axis=0)
    return (in_frame(poses[:, :, None], others) / scale_m).reshape(n, robots, 2 * shown)

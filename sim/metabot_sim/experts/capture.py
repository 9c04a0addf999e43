"""How experts play for a token: some fetch the other team's, the others guard their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabot_sim.experts import avoid, pursuit

_GUARD_M = 0.35
"""Distance from the token at which its guards wait, on the side of the nearest opponent."""
_SCREEN_M = 0.45
"""Distance from the opponent nearest to a carrier at which mates stand in its way."""
_CLEAR_M = 0.7
"""Mates keep so far away from the carrier they help."""


@dataclass(frozen=True)
class Play:
    """The state of a match, each array from the point of view of each robot.

    Attributes:
        poses: (n, R, 3).
        velocities: (n, R, 2) in m/s.
        speeds: (n, R) at which the robots can drive, in m/s.
        base: (n, R, 2) where its team brings tokens.
        ours: (n, R, 2) where its team's token is.
        theirs: (n, R, 2) where the other team's token is.
        thief: (n, R) number of the opponent that carries its team's token; -1 none.
        bearer: (n, R) number of the robot of its team that carries the other's token; -1 none.
        guards: (R,) bool, which robots stay back.
        opponents: (R, R) bool.
        half_m: (2,) half of the arena's extent along x and y.
        radius_m: of every robot.
    """

    poses: np.ndarray
    velocities: np.ndarray
    speeds: np.ndarray
    base: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    thief: np.ndarray
    bearer: np.ndarray
    guards: np.ndarray
    opponents: np.ndarray
    half_m: np.ndarray
    radius_m: float


def play(match: Play, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Headings of all robots and metres they have to go, both (n, R).

    A carrier drives home. Guards, and the attackers on whose side of the field he is, cut
    the thief of their token off; otherwise guards wait at their token. Attackers fetch the
    other team's token, or screen the mate that has it.

    Args:
        match: the state.
        apart: (n, R, R) distances between the robots.
    """
    poses = match.poses
    n, robots = poses.shape[:2]
    rows = np.arange(n)[:, None]
    carrying = match.bearer == np.arange(robots)
    stolen = match.thief >= 0
    thief = np.maximum(match.thief, 0)
    at_thief = poses[rows, thief, :2]
    # On its way home: an attacker that is not nearer to the thief than he to his base comes too late.
    late = (at_thief[..., 0] * match.base[..., 0] < 0.0) & ~match.guards
    chasing = stolen & ~carrying & ~late
    cut_off = pursuit.intercept(poses, match.speeds, at_thief, match.velocities[rows, thief])

    escorting = (match.bearer >= 0) & ~carrying
    mate = poses[rows, np.maximum(match.bearer, 0), :2]
    guarded = np.where(match.guards[:, None], match.ours, mate)
    gaps = guarded[:, :, None] - poses[:, None, :, :2]
    reach = np.where(match.opponents, np.hypot(gaps[..., 0], gaps[..., 1]), np.inf)
    nearest = np.argmin(reach, axis=-1)
    threat = poses[rows, nearest, :2] - guarded
    gap = np.hypot(threat[..., 0], threat[..., 1])
    out = np.where(match.guards, _GUARD_M, np.maximum(gap - _SCREEN_M, _CLEAR_M))
    post = guarded + (out / np.maximum(gap, 1e-6))[..., None] * threat

    points = np.where((match.guards | escorting)[..., None], post, match.theirs)
    points = np.where(carrying[..., None], match.base, points)
    points = np.where(chasing[..., None], cut_off, points)
    points = np.clip(points, 0.2 - match.half_m, match.half_m - 0.2)
    offset = points - poses[..., :2]
    direct = np.arctan2(offset[..., 1], offset[..., 0])
    distance = np.hypot(offset[..., 0], offset[..., 1])
    around = avoid.headings(
        poses, match.velocities, points, match.speeds, avoid.nearest(poses), match.radius_m, tuple(match.half_m)
    )
    headings = np.where(chasing, direct, around)
    # Only those who keep a post slow down in front of it.
    keeping = (match.guards | escorting) & ~chasing & ~carrying
    return headings, np.where(keeping, distance, np.maximum(distance, 0.3))

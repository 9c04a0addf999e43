"""How an expert that knows the hidden dynamics works with the Fetch arm's hand.

All vectors are in the base's frame, in metres, arrays (n, R, 3).
"""

from __future__ import annotations

import numpy as np

from metabot_sim.episodes import DRIVE_GAIN, STEER_BIAS
from metabot_sim.robots.fetch import STEP_M

_GRAVITY = 9.81
_PUCK_M = 0.025
"""Radius of the puck."""
_FINGERS_M = (0.0135, 0.0149)
"""Half of the extent of the closed fingers, ahead and left."""
_GONE = 1000
_SPEED_PER_M = 17.45
"""Highest speed of the hand within a control step, in m/s per metre that its pulling point is ahead."""


def command(move: np.ndarray, dynamics: np.ndarray, fingers: np.ndarray | float = 0.0) -> np.ndarray:
    """Commands that put the pulling point `move` away from the hand, (n, R, 4) in [-1, 1].

    What is farther than one command reaches keeps its direction.

    Args:
        move: (n, R, 3).
        dynamics: (n, R, D).
        fingers: (n, R) positive to open.
    """
    bias = dynamics[..., STEER_BIAS]
    cos, sin = np.cos(bias), np.sin(bias)
    result = np.empty((*move.shape[:2], 4))
    result[..., 0] = cos * move[..., 0] + sin * move[..., 1]
    result[..., 1] = cos * move[..., 1] - sin * move[..., 0]
    result[..., 2] = move[..., 2]
    result[..., :3] /= STEP_M * dynamics[..., DRIVE_GAIN, None]
    result[..., :3] /= np.maximum(np.abs(result[..., :3]).max(axis=-1, keepdims=True), 1.0)
    result[..., 3] = fingers
    return result


def pick_and_place(
    offset: np.ndarray, to_go: np.ndarray, opening: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Over the object, down, close, to the goal.

    Args:
        offset: from the fingertips to the object.
        to_go: from the object to its goal.
        opening: (n, R) metres between the fingers.
        size: (n, R) of the object in metres.

    Returns:
        Where to put the pulling point, and (n, R) the command of the fingers.
    """
    aside = np.hypot(offset[..., 0], offset[..., 1])
    apart = np.sqrt(np.square(offset).sum(-1))
    at_it = apart < 0.02
    held = (apart < 0.04) & (opening < size + 0.004) & (opening > 0.5 * size)
    over = offset + np.array([0.0, 0.0, 0.1])
    move = np.where((aside < 0.012)[..., None], offset, over)
    move = np.where((at_it | held)[..., None], offset, move)
    move = np.where(held[..., None], np.clip(0.7 * to_go, -0.05, 0.05), move)
    return move, np.where(at_it | held, -1.0, 1.0)


def push(offset: np.ndarray, to_go: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Around the block to the side away from its goal, then along the line to the goal.

    Args:
        offset: from the fingertips to the block.
        to_go: from the block to its goal.
        height: (n, R) of the fingertips above the table.
    """
    left = np.hypot(to_go[..., 0], to_go[..., 1])
    along = to_go[..., :2] / np.maximum(left, 1e-6)[..., None]
    reach = (offset[..., :2] * along).sum(-1)
    side = offset[..., :2] - reach[..., None] * along
    wide = np.hypot(side[..., 0], side[..., 1])
    low = height < 0.05
    move = np.zeros_like(offset)
    # Behind the block, a little more than its half diagonal and the fingers away.
    behind = offset[..., :2] - 0.085 * along
    miss = np.hypot(behind[..., 0], behind[..., 1])
    pushing = low & (reach > 0.02) & (wide < 0.02)
    going_down = ~pushing & ((miss < 0.015) | (low & (reach > 0.06) & (wide < 0.03)))
    move[..., :2] = behind
    # Over the block until behind it, then down, then towards the goal.
    move[..., 2] = np.where(going_down, 0.02, 0.12) - height
    climbing = ~pushing & ~going_down & (height < 0.1)
    move[..., :2] *= np.where(climbing, 0.0, 1.0)[..., None]
    speed = np.clip(1.2 * left, 0.012, 0.03)[..., None]
    forward = speed * along + 1.5 * side
    move[..., :2] = np.where(pushing[..., None], forward, move[..., :2])
    move[..., 2] = np.where(pushing, 0.02 - height, move[..., 2])
    return np.where((left < 0.01)[..., None], 0.0, move)


def slide(
    offset: np.ndarray,
    to_go: np.ndarray,
    height: np.ndarray,
    velocity: np.ndarray,
    friction: np.ndarray,
    phase: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Behind the puck, then push it along the line to the goal until it coasts there by itself.

    Args:
        offset: from the fingertips to the puck.
        to_go: from the puck to its goal.
        height: (n, R) of the fingertips above the table.
        velocity: of the puck, in m/s.
        friction: (n, R) of the puck.
        phase: (n, R) 0 getting behind, then steps of pushing, `_GONE` let go; what the last call returned.

    Returns:
        Where to put the pulling point, and the new phase.
    """
    left = np.hypot(to_go[..., 0], to_go[..., 1])
    along = to_go[..., :2] / np.maximum(left, 1e-6)[..., None]
    # Puck and fingers hardly rub: what counts is where they touch. The corner of the fingers on
    # the line through puck and goal sends it along that line.
    corner = np.where(along >= 0.0, 1.0, -1.0) * np.array(_FINGERS_M)
    ahead = offset[..., :2] - _PUCK_M * along - corner
    gap = (ahead * along).sum(-1)
    side = ahead - gap[..., None] * along
    # Down at a distance, so that the fingers do not land on the puck; then up to it.
    behind = ahead - np.where(height < 0.03, 0.003, 0.02)[..., None] * along
    miss = np.hypot(behind[..., 0], behind[..., 1])
    ready = (miss < 0.003) & (height < 0.03)
    down = (miss < 0.02) | ((height < 0.04) & (gap > 0.0) & (miss < 0.04))
    move = np.empty_like(offset)
    move[..., :2] = np.where((down | (height > 0.08))[..., None], behind, 0.0)
    move[..., 2] = np.where(down, 0.022, 0.11) - height
    speed = (velocity[..., :2] * along).sum(-1)
    needed = np.sqrt(2.0 * _GRAVITY * friction * np.maximum(left - 0.015, 0.0))
    phase = np.where((phase > 0) | ready, phase + 1, phase)
    phase = np.where((phase > 0) & ((speed >= needed) | (left < 0.02)), _GONE, phase)
    # A blow would drive the fingers into the puck before it moves: speed up while in touch.
    pace = np.minimum(needed / _SPEED_PER_M, 0.006 * phase)
    forward = pace[..., None] * along + 1.5 * side
    pushing = ((phase > 0) & (phase < _GONE))[..., None]
    move[..., :2] = np.where(pushing, forward, move[..., :2])
    move[..., 2] = np.where(pushing[..., 0], 0.022 - height, move[..., 2])
    # Let go: up and out of the way.
    up = np.array([0.0, 0.0, 0.05])
    return np.where((phase >= _GONE)[..., None], up, move), phase

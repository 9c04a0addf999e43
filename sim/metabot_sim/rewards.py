"""Reward terms by name: what a step of a driving robot is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from metabot.task import RewardTerm


@dataclass(frozen=True)
class Step:
    """One control step of many robots, arrays of equal shape (...).

    Attributes:
        approach_m: metres the robot came closer to its goal.
        arrived: whether it reached the goal in this step.
        actions: (..., action_size) commands, clipped to [-1, 1].
    """

    approach_m: np.ndarray
    arrived: np.ndarray
    actions: np.ndarray


REWARD_TERMS: dict[RewardTerm, Callable[[Step], np.ndarray]] = {
    "progress": lambda step: step.approach_m,
    "success": lambda step: step.arrived.astype(np.float64),
    "effort": lambda step: np.square(step.actions).sum(-1),
}
"""Each term is a function of a step; a new one needs its name in `metabot.task.RewardTerm` too."""


def reward(step: Step, weights: Mapping[RewardTerm, float]) -> np.ndarray:
    """The weighted sum of the named terms, (...)."""
    total = np.zeros(step.approach_m.shape)
    for name, weight in weights.items():
        total += weight * REWARD_TERMS[name](step)
    return total

"""The cover number: how few policies together master a distribution of tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MASTERY = 0.9
"""Success from which on a policy masters a task."""
SHARE = 0.9
"""Of the tasks that have to be mastered by one of the policies."""


@dataclass(frozen=True)
class Cover:
    """A choice of policies, none of which adapts.

    Attributes:
        number: how many were chosen.
        chosen: which, in the order in which they were.
        covered: share of tasks that one of them masters.
        reached: whether that is as many as were wanted; if not, all that any policy masters are covered,
            and more policies than `number` are needed.
        most: what `number` would be if every policy mastered one task alone: a number that large is a bound.
    """

    number: int
    chosen: tuple[int, ...]
    covered: float
    reached: bool
    most: int

    @property
    def bits(self) -> float:
        """What adaptation has to find out: which of the policies it takes, log2."""
        return math.log2(max(1, self.number))

    @property
    def bound(self) -> bool:
        """Whether more policies may be needed than were counted."""
        return not self.reached or (self.number == self.most and self.most > 1)


def greedy_cover(success: np.ndarray, mastery: float = MASTERY, share: float = SHARE) -> Cover:
    """Choose the policy that masters most of the tasks that are left, again and again.

    No choice of fewer than 1 / (1 + ln tasks) as many does (Chvatal 1979).

    Args:
        success: (policies, tasks) shares of trials.
        mastery: success from which on a task is mastered.
        share: of the tasks that have to be.
    """
    masters = success >= mastery - 1e-9
    tasks = masters.shape[1]
    wanted = math.ceil(share * tasks - 1e-9)
    left, chosen = np.ones(tasks, dtype=bool), []
    while (~left).sum() < wanted:
        gains = (masters & left).sum(1) if len(masters) else np.zeros(1)
        best = int(gains.argmax())
        if not gains[best]:
            break
        chosen.append(best)
        left &= ~masters[best]
    covered = int((~left).sum())
    return Cover(len(chosen), tuple(chosen), covered / tasks, covered >= wanted, wanted)

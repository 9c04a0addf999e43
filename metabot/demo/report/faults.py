"""The faults of a run by letters, and what of their success goes into the report's tables."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass

from metabot.demo.report import words
from metabot.demo.summary import CrossMatrix, Summary

_ALIKE, _APART = 0.5, 0.1
"""Success with another's fault from which on two faults ask for nearly the same, and up to which for nothing shared."""
_MASTERED = 0.8
"""Success with its own fault below which a policy has not adapted, so that its failures say nothing of others."""


@dataclass(frozen=True)
class LetteredFault:
    """A fault as the tables name it."""

    letter: str
    words: str
    foreign: bool
    robot: str
    """Which robot has it; empty: none."""


@dataclass(frozen=True)
class ComparedRow:
    """Who was trained on what, and how it does with every fault."""

    name: str
    note: str
    times: int
    """Its budget as a multiple of the fleet's."""
    env_steps: int
    train_s: float
    success: list[float]
    """By fault, 0..1."""
    trials: int
    """Of each fault."""
    fleet: bool

    @property
    def mean(self) -> float:
        """Over the faults, 0..1."""
        return words.mean(self.success)

    @property
    def all_trials(self) -> int:
        """Those that the mean is of."""
        return self.trials * sum(map(math.isfinite, self.success))


def letter(index: int) -> str:
    """``A`` for the first; after ``Z`` numbers go on."""
    return string.ascii_uppercase[index] if index < 26 else str(index + 1)


def lettered(summary: Summary) -> list[LetteredFault]:
    """All faults that were adapted to; those of the robots come first."""
    robots = summary.robots
    if summary.cross_matrix is None:
        return [LetteredFault(letter(i), robot.fault, robot.foreign, robot.name) for i, robot in enumerate(robots)]
    return [
        LetteredFault(
            letter(i), fault.name, fault.foreign,
            robots[i].name if i < len(robots) and robots[i].dynamics == fault.dynamics else "",
        )
        for i, fault in enumerate(summary.cross_matrix.faults)
    ]  # fmt: skip


def compared(summary: Summary) -> list[ComparedRow]:
    """The fleet after adaptation and below it the baselines; empty where those were left out."""
    if not summary.baselines:
        return []
    matrix = summary.cross_matrix
    own = [each.after for each in (summary.robots if matrix is None else matrix.faults)]
    trials = matrix.trials if matrix is not None else min((robot.trials for robot in summary.robots), default=0)
    seconds = sum(record.wall_s for record in summary.rounds)
    rows = [("fleet", f"{summary.algorithm}, after adaptation", 1, summary.fleet_env_steps, seconds, own)]
    for each in summary.baselines:
        note = "adapts on as many episodes as the fleet" if each.adapts else ""
        # An interrupted run may know of fewer faults.
        success = [*each.success, *[math.nan] * len(own)][: len(own)]
        rows.append((each.name, note, each.times, each.env_steps, each.train_s, success))
    return [ComparedRow(*row, trials=trials, fleet=index == 0) for index, row in enumerate(rows)]


def crossed(matrix: CrossMatrix) -> str:
    """What the matrix says, in one sentence, and no more than that.

    Example:
        >>> success = [[1.0, 0.0], [0.25, 1.0]]
        >>> matrix = CrossMatrix(faults=[], success=success, trials=8, off_diagonal=0.125, largest=0.25)
        >>> crossed(matrix)
        'A policy adapted to one fault masters another in 12.5 % of trials on average, at most 25 % (B with A).'
    """
    count = len(matrix.success)
    if count < 2:
        return "There is one fault only, and so no other to drive with."
    rates = [(matrix.success[i][j], i, j) for i in range(count) for j in range(count) if i != j]
    known = [each for each in rates if math.isfinite(each[0])]
    own = [matrix.success[i][i] for i in range(count)]
    if not known or not any(map(math.isfinite, own)):
        return "Policies were not driven with other faults."
    average, (largest, row, column) = words.mean([rate for rate, _, _ in known]), max(known)
    pair = f" ({letter(row)} with {letter(column)})" if largest > 0 else ""
    said = (
        f"A policy adapted to one fault masters another in {words.percent(average)} of trials on average,"
        f" at most {words.percent(largest)}{pair}"
    )
    if words.mean(own) < _MASTERED:
        return f"{said}; its own it masters in {words.percent(words.mean(own))}, so this says little of the faults."
    if largest <= _APART and len(known) == len(rates):
        return f"{said}: no policy serves two of these faults, each has to be adapted to."
    if average >= _ALIKE:
        return f"{said}: these faults ask for little, what suits one suits another more often than not."
    if largest >= _ALIKE:
        return f"{said}: not all of these faults have to be told apart."
    return f"{said}."

"""What tasks hide, in units of how much it differs from one task to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from metabot.problems import Problem

_TASKS = 512
"""Tasks of training that the units are taken from."""
_LEAST = 1e-9
"""Spread below which a number is the same in all tasks."""


@dataclass(frozen=True)
class Standard:
    """Mean 0 and spread 1 over tasks of training; numbers that are the same in all of them are left out.

    Attributes:
        mean: (size,).
        spread: (size,).
        columns: (size,) which of the problem's numbers these are.
    """

    mean: np.ndarray
    spread: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, problem: Problem, method: str) -> Self:
        """The units of a problem.

        Args:
            problem: whose tasks.
            method: the name of who asks.

        Raises:
            ValueError: if it cannot say what its tasks hide, or they hide nothing; one line.
        """
        values = problem.hidden(problem.sample(np.random.default_rng(0), _TASKS))
        if values is None:
            raise ValueError(f"family: {problem.name} does not say what its tasks hide; {method} learns from that")
        spread = values.std(axis=0)
        columns = np.flatnonzero(spread > _LEAST)
        if not len(columns):
            raise ValueError(f"family: all tasks of {problem.name} are the same; {method} would find out nothing")
        return cls(values.mean(axis=0)[columns], spread[columns], columns)

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.columns)

    def __call__(self, problem: Problem, tasks: np.ndarray) -> Tensor:
        """What tasks hide, float32 (tasks, size)."""
        values = problem.hidden(tasks)
        assert values is not None, "`of` has asked"
        return torch.from_numpy(((values[:, self.columns] - self.mean) / self.spread).astype(np.float32))

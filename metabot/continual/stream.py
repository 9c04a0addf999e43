"""Which task a stream is at: one after the other, going over gradually, and nobody says when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TaskStream:
    """Tasks in the order of their numbers, each for as many steps.

    Around the change from one to the next the points of both are mixed, the share of the new one
    rising linearly: there is no boundary that could be found or told.

    Attributes:
        tasks: how many.
        steps: of each task.
        batch: points of a step.
        blend: length of the change, as a share of a task's steps; 0 is a sudden change.
        shuffled: all tasks mixed all the time: what learning would be without a stream.
    """

    tasks: int
    steps: int = 100
    batch: int = 64
    blend: float = 0.2
    shuffled: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no stream."""
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if not 0.0 <= self.blend <= 1.0:
            raise ValueError(f"blend: {self.blend} is not in [0, 1]")

    @property
    def length(self) -> int:
        """Steps in all."""
        return self.tasks * self.steps

    def at(self, step: int, rng: np.random.Generator) -> np.ndarray:
        """Task numbers of the points of a step, (batch,)."""
        if self.shuffled:
            return rng.integers(self.tasks, size=self.batch)
        place = (step + 0.5) / self.steps + self.blend * (rng.random(self.batch) - 0.5)
        return np.clip(np.floor(place).astype(np.int64), 0, self.tasks - 1)

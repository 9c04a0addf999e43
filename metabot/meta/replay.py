"""What happened in the tasks met last, for learning off policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metabot.experience import Transitions


class TaskReplay:
    """The transitions of so many tasks, the oldest forgotten first."""

    def __init__(self, tasks: int, name: str = "replay") -> None:
        """Choose how many tasks are kept, and what the arrays are called in a checkpoint."""
        self._most, self._prefix = tasks, f"{name}/"
        self._kept: Transitions | None = None

    def __len__(self) -> int:
        return 0 if self._kept is None else len(self._kept.valid)

    def add(self, steps: Transitions) -> None:
        """Take in new tasks."""
        if self._kept is None:
            self._kept = steps.rows(torch.arange(len(steps.valid))[-self._most :])
            return
        arrays = {}
        for (name, old), new in zip(self._kept.arrays().items(), steps.arrays().values(), strict=True):
            longest = max(old.shape[1], new.shape[1])
            arrays[name] = torch.cat([_lengthened(old, longest), _lengthened(new, longest)])[-self._most :]
        self._kept = Transitions(**arrays)

    def some(self, tasks: int, generator: torch.Generator) -> Transitions:
        """All that is kept of some tasks, drawn at random, each at most once."""
        return self.whole().rows(torch.randperm(len(self), generator=generator)[:tasks])

    def whole(self) -> Transitions:
        """All that is kept."""
        assert self._kept is not None, "`add` comes first"
        return self._kept

    def draw(self, tasks: int, steps: Sequence[int], generator: torch.Generator) -> list[Transitions]:
        """Several draws from the same tasks.

        Args:
            tasks: how many, drawn at random, each at most once.
            steps: how many transitions of each task the draws have, with replacement.
            generator: of the draws.
        """
        kept = self.whole()
        rows = torch.randperm(len(self), generator=generator)[:tasks]
        valid = kept.valid[rows]
        numbers = torch.multinomial(valid, sum(steps), replacement=True, generator=generator)
        taken = {name: value[rows[:, None], numbers] for name, value in kept.arrays().items()}
        parts = zip(*(value.split(list(steps), dim=1) for value in taken.values()), strict=True)
        return [Transitions(*part) for part in parts]

    def moments(self) -> dict[str, np.ndarray]:
        """All that is kept, as named arrays; nothing writes into them later, so they are not copied."""
        if self._kept is None:
            return {}
        return {self._prefix + name: value.numpy() for name, value in self._kept.arrays().items()}

    def restore(self, moments: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Take back what `moments` gave; returns what is none of it."""
        mine = {name: value for name, value in moments.items() if name.startswith(self._prefix)}
        kept = {name.removeprefix(self._prefix): torch.from_numpy(value.copy()) for name, value in mine.items()}
        self._kept = Transitions(**kept) if kept else None
        return {name: value for name, value in moments.items() if not name.startswith(self._prefix)}


def _lengthened(value: Tensor, steps: int) -> Tensor:
    """The same with steps that are none behind it."""
    missing = steps - value.shape[1]
    return functional.pad(value, (0, missing) if value.dim() == 2 else (0, 0, 0, missing))

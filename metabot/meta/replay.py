"""What happened in the tasks met last, for learning off policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metabot.experience import Transitions

_PREFIX = "replay/"


class TaskReplay:
    """The transitions of so many tasks, the oldest forgotten first."""

    def __init__(self, tasks: int) -> None:
        """Choose how many tasks are kept."""
        self._most = tasks
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

    def draw(self, tasks: int, steps: Sequence[int], generator: torch.Generator) -> list[Transitions]:
        """Several draws from the same tasks.

        Args:
            tasks: how many, drawn at random, each at most once.
            steps: how many transitions of each task the draws have, with replacement.
            generator: of the draws.
        """
        assert self._kept is not None, "`add` comes first"
        rows = torch.randperm(len(self), generator=generator)[:tasks]
        valid = self._kept.valid[rows]
        numbers = torch.multinomial(valid, sum(steps), replacement=True, generator=generator)
        taken = {name: value[rows[:, None], numbers] for name, value in self._kept.arrays().items()}
        parts = zip(*(value.split(list(steps), dim=1) for value in taken.values()), strict=True)
        return [Transitions(*part) for part in parts]

    def moments(self) -> dict[str, np.ndarray]:
        """All that is kept, as named arrays."""
        if self._kept is None:
            return {}
        return {_PREFIX + name: value.numpy().copy() for name, value in self._kept.arrays().items()}

    def restore(self, moments: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Take back what `moments` gave; returns what is none of it."""
        mine = {
            n.removeprefix(_PREFIX): torch.from_numpy(v.copy()) for n, v in moments.items() if n.startswith(_PREFIX)
        }
        self._kept = Transitions(**mine) if mine else None
        return {name: value for name, value in moments.items() if not name.startswith(_PREFIX)}


def _lengthened(value: Tensor, steps: int) -> Tensor:
    """The same with steps that are none behind it."""
    missing = steps - value.shape[1]
    return functional.pad(value, (0, missing) if value.dim() == 2 else (0, 0, 0, missing))

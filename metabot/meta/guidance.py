"""What an expert said in the tasks met last, beside the adaptation episodes whose gradient leads there."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

_PREFIX = "guidance/"


@dataclass(frozen=True)
class Guidance:
    """Adaptation episodes and advice in several tasks, the newest last.

    Attributes:
        observations: (tasks, episodes, steps, observation_size) of adaptation.
        pushes: (tasks, episodes, steps, action_size), derivative of what adaptation ascends by the mean action;
            zero where a step does not count.
        counted: (tasks,) number of steps that count.
        seen: (tasks, states, observation_size), where the expert was asked after adaptation.
        advice: (tasks, states, action_size), what it would do there.
    """

    observations: Tensor
    pushes: Tensor
    counted: Tensor
    seen: Tensor
    advice: Tensor

    @property
    def finite(self) -> Tensor:
        """Whether a task holds finite numbers only, (tasks,) bool."""
        parts = [torch.isfinite(value).reshape(len(value), -1).all(1) for value in self.arrays().values()]
        return torch.stack(parts).all(0)

    def rows(self, which: Tensor) -> Guidance:
        """Some of the tasks: (n,) numbers or (tasks,) bool."""
        return Guidance(**{name: value[which] for name, value in self.arrays().items()})

    def after(self, older: Guidance | None, most: int) -> Guidance:
        """This behind older one; of all tasks the newest `most`, and none with another number of episodes."""
        mine = self.arrays()
        if older is not None and older.pushes.shape[1:] == self.pushes.shape[1:]:
            mine = {name: torch.cat([old, mine[name]]) for name, old in older.arrays().items()}
        return Guidance(**{name: value[-most:] for name, value in mine.items()})

    def draw(self, tasks: int, states: int, generator: torch.Generator) -> Guidance:
        """So many of the tasks, at most all, and states of each, drawn with replacement."""
        some = self.rows(torch.randperm(len(self.counted), generator=generator)[:tasks])
        which = torch.randint(self.seen.shape[1], (len(some.seen), states), generator=generator)
        rows = torch.arange(len(some.seen))[:, None]
        return Guidance(some.observations, some.pushes, some.counted, some.seen[rows, which], some.advice[rows, which])

    def arrays(self) -> dict[str, Tensor]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def moments(self) -> dict[str, np.ndarray]:
        """All arrays, to be kept beside a checkpoint; nothing writes into them later, so they are not copied."""
        return {_PREFIX + name: value.numpy() for name, value in self.arrays().items()}

    @classmethod
    def restored(cls, moments: dict[str, np.ndarray]) -> tuple[Guidance | None, dict[str, np.ndarray]]:
        """What `moments` gave, None if it is not there; and what is none of it."""
        mine = {
            n.removeprefix(_PREFIX): torch.from_numpy(v.copy()) for n, v in moments.items() if n.startswith(_PREFIX)
        }
        others = {name: value for name, value in moments.items() if not name.startswith(_PREFIX)}
        return (cls(**mine) if mine else None), others

"""What an expert said in the tasks met last, beside the steps that tell these tasks apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Transitions

_PREFIX, _STEPS = "lessons/", "steps/"


@dataclass(frozen=True)
class Lessons:
    """Advice in several tasks, the newest last; of every task equally much.

    Attributes:
        steps: (tasks, n, ...) what happened, for telling tasks apart.
        observation: (tasks, states, observation_size).
        advice: (tasks, states, action_size), what an expert would do there.
    """

    steps: Transitions
    observation: Tensor
    advice: Tensor

    @classmethod
    def of(
        cls,
        steps: Transitions,
        labels: Transitions,
        count: int,
        generator: torch.Generator,
        *,
        terminal: bool = False,
    ) -> Lessons:
        """So many steps and states of every task, drawn with replacement.

        Args:
            steps: what happened.
            labels: states with the expert's action in the place of the robot's.
            count: how many of both.
            generator: of the draw.
            terminal: whether steps that ended their episodes are among those to tell tasks by.
        """
        seen = labels.sample(count, generator)
        return cls(steps.sample(count, generator, terminal=terminal), seen.observation, seen.action)

    def after(self, older: Lessons | None, most: int) -> Lessons:
        """These behind older ones; of all tasks the newest `most`."""
        if older is None:
            return self._from({name: value[-most:] for name, value in self.arrays().items()})
        mine = self.arrays()
        return self._from({name: torch.cat([old, mine[name]])[-most:] for name, old in older.arrays().items()})

    def some(self, rows: Tensor, steps: int, states: int, generator: torch.Generator) -> Lessons:
        """So many steps and states, drawn with replacement, of the tasks of these numbers, (n,)."""
        each = self.observation.shape[1]
        told, asked = (torch.randint(each, (len(rows), count), generator=generator) for count in (steps, states))
        where = rows[:, None]
        arrays = {name: value[where, told] for name, value in self.steps.arrays().items()}
        return Lessons(Transitions(**arrays), self.observation[where, asked], self.advice[where, asked])

    def draw(self, contexts: Tensor, states: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Contexts (n, size), observations (n, 1, ...) and advice (n, 1, ...) of `states` states of any tasks."""
        tasks, each = self.observation.shape[:2]
        rows = torch.randint(tasks, (states,), generator=generator)
        columns = torch.randint(each, (states,), generator=generator)
        return contexts[rows], self.observation[rows, columns][:, None], self.advice[rows, columns][:, None]

    def arrays(self) -> dict[str, Tensor]:
        """All arrays by name."""
        steps = {_STEPS + name: value for name, value in self.steps.arrays().items()}
        return {**steps, "observation": self.observation, "advice": self.advice}

    def moments(self) -> dict[str, np.ndarray]:
        """All arrays, to be kept beside a checkpoint; nothing writes into them later, so they are not copied."""
        return {_PREFIX + name: value.numpy() for name, value in self.arrays().items()}

    @classmethod
    def restored(cls, moments: dict[str, np.ndarray]) -> tuple[Lessons | None, dict[str, np.ndarray]]:
        """What `moments` gave, None if it is not there; and what is none of it."""
        mine = {
            n.removeprefix(_PREFIX): torch.from_numpy(v.copy()) for n, v in moments.items() if n.startswith(_PREFIX)
        }
        others = {name: value for name, value in moments.items() if not name.startswith(_PREFIX)}
        return (cls._from(mine) if mine else None), others

    @classmethod
    def _from(cls, arrays: dict[str, Tensor]) -> Lessons:
        steps = {name.removeprefix(_STEPS): value for name, value in arrays.items() if name.startswith(_STEPS)}
        return cls(Transitions(**steps), arrays["observation"], arrays["advice"])

"""`Transitions`: what single steps of episodes brought, in no order, for what learns from steps alone."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from metabot.experience.episodes import Episodes


@dataclass(frozen=True)
class Transitions:
    """Steps of several tasks with what followed them.

    The last step that an episode had time for is missing: nothing was observed after it.

    Attributes:
        observation: (tasks, steps, observation_size).
        action: (tasks, steps, action_size), as it was carried out, clipped to [-1, 1].
        reward: (tasks, steps).
        change: (tasks, steps, observation_size), next observation minus this one; zero where the
            step ended the episode.
        terminal: (tasks, steps), 1 where the step ended the episode.
        valid: (tasks, steps), 1 where there is a step; everything else is zero elsewhere.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    change: Tensor
    terminal: Tensor
    valid: Tensor

    @classmethod
    def of(cls, episodes: Episodes) -> Transitions:
        """All steps of the episodes."""
        here, following = episodes.mask[..., :-1], episodes.mask[..., 1:]
        seen = episodes.observations
        whole = {
            "observation": seen[:, :, :-1],
            "action": episodes.actions[:, :, :-1].clamp(-1.0, 1.0),
            "reward": episodes.rewards[..., :-1],
            # A stray number behind the end would reach gradients as zero times itself.
            "change": torch.where(following[..., None] > 0, seen[:, :, 1:] - seen[:, :, :-1], torch.zeros(())),
            "terminal": 1.0 - following,
        }
        flat = {}
        for name, value in whole.items():
            wide = here[..., None] if value.dim() > here.dim() else here
            flat[name] = torch.where(wide > 0, value, torch.zeros(())).flatten(1, 2)
        return cls(**flat, valid=here.flatten(1, 2))

    @property
    def whole(self) -> Tensor:
        """All that a step tells, (tasks, steps, 2 observation_size + action_size + 1): seen, done, paid, changed."""
        return torch.cat([self.observation, self.action, self.reward[..., None], self.change], dim=-1)

    @property
    def moving(self) -> Tensor:
        """(tasks, steps), 1 where a step went on to another one, so that its change is known."""
        return self.valid * (1.0 - self.terminal)

    @property
    def finite(self) -> Tensor:
        """Whether a task has a step at all and holds finite numbers only, (tasks,) bool."""
        parts = [torch.isfinite(value).flatten(1).all(1) for value in self.arrays().values()]
        return torch.stack([*parts, self.moving.any(1)]).all(0)

    def rows(self, which: Tensor) -> Transitions:
        """Some of the tasks: (n,) numbers or (tasks,) bool."""
        return Transitions(**{name: value[which] for name, value in self.arrays().items()})

    def sample(self, steps: int, generator: torch.Generator, *, terminal: bool = True) -> Transitions:
        """So many steps of every task, drawn with replacement.

        Args:
            steps: how many.
            generator: of the draw.
            terminal: whether steps that ended their episodes are among them.
        """
        among = self.valid if terminal else self.moving
        return self.take(torch.multinomial(among, steps, replacement=True, generator=generator))

    def take(self, numbers: Tensor) -> Transitions:
        """The steps of these numbers, (tasks, n)."""
        rows = torch.arange(len(numbers))[:, None]
        return Transitions(**{name: value[rows, numbers] for name, value in self.arrays().items()})

    def arrays(self) -> dict[str, Tensor]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

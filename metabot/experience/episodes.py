"""`Episodes`: whole episodes of many tasks in one rectangle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Episodes:
    """Episodes of several tasks, all of the same length; `mask` says which steps count.

    Attributes:
        observations: (tasks, episodes, steps, observation_size).
        actions: (tasks, episodes, steps, action_size), unclipped samples.
        rewards: (tasks, episodes, steps).
        mask: (tasks, episodes, steps), 1 until and including the step that ended the episode.
        log_probs: (tasks, episodes, steps) under the policy that acted.
        success: (tasks, episodes), 1 where the task was mastered.
        agents: robots of one simulated episode that stand next to each other as episodes.
        expert: (tasks, episodes, steps, action_size), what one who knows the task would have done in
            [-1, 1]; None where nobody was asked.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    mask: Tensor
    log_probs: Tensor
    success: Tensor
    agents: int = 1
    expert: Tensor | None = None

    @property
    def env_steps(self) -> int:
        """Simulated control steps, those after an episode's end included."""
        return self.rewards.numel() // self.agents

    @property
    def returns(self) -> Tensor:
        """Undiscounted return of every episode, (tasks, episodes)."""
        return (self.rewards * self.mask).sum(-1)

    @classmethod
    def join(cls, parts: Sequence[Episodes]) -> Episodes:
        """Episodes of the same tasks one after the other."""
        arrays = {name: torch.cat([getattr(part, name) for part in parts], dim=1) for name in parts[0]._arrays()}
        return cls(**arrays, agents=parts[0].agents)

    def grouped(self, tasks: int) -> Episodes:
        """The same episodes as those of fewer tasks, neighbours put together."""
        values = {name: getattr(self, name) for name in self._arrays()}
        arrays = {name: value.reshape(tasks, -1, *value.shape[2:]) for name, value in values.items()}
        return Episodes(**arrays, agents=self.agents)

    def first(self, episodes: int) -> Episodes:
        """The first episodes of every task."""
        return self.part(slice(episodes))

    def part(self, where: slice) -> Episodes:
        """Some of the episodes of every task."""
        return Episodes(**{name: getattr(self, name)[:, where] for name in self._arrays()}, agents=self.agents)

    def _arrays(self) -> list[str]:
        return [field.name for field in fields(self) if isinstance(getattr(self, field.name), Tensor)]

"""`Episodes`: whole episodes of many tasks in one rectangle."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    mask: Tensor
    log_probs: Tensor
    success: Tensor

    @property
    def env_steps(self) -> int:
        """Simulated control steps, those after an episode's end included."""
        return self.rewards.numel()

    @property
    def returns(self) -> Tensor:
        """Undiscounted return of every episode, (tasks, episodes)."""
        return (self.rewards * self.mask).sum(-1)

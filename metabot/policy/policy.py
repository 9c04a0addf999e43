"""What a policy is: a distribution over actions, a pure function of one flat vector and of what went before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout

State = Any
"""What a policy carries from step to step; None for one that has no memory."""


@dataclass(frozen=True)
class Moment:
    """What a robot knows at one step; leading dimensions (tasks, episodes).

    Attributes:
        observation: (tasks, episodes, observation_size).
        action: (tasks, episodes, action_size), the previous one, also where that was in the episode
            before this; zero where nothing was ever done.
        reward: (tasks, episodes) that it brought.
        first: (tasks, episodes), 1 at the first step of an episode.
        alive: (tasks, episodes), 0 where the episode is over: such a step leaves no trace in a
            memory. None where all go on.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    first: Tensor
    alive: Tensor | None = None


class Policy(ABC):
    """A Gaussian policy. Stateless itself: every method takes the parameters.

    Attributes:
        observation_size: numbers it observes.
        action_size: numbers it commands.
        layout: of its parameter vector.
    """

    observation_size: int
    action_size: int
    layout: Layout

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random parameters, float32 (layout.size,)."""

    def begin(self, parameters: Tensor, episodes: int) -> State:
        """The memory before the first step.

        Args:
            parameters: (tasks, layout.size).
            episodes: episodes of each task.
        """
        return None

    def before(self, parameters: Tensor, episodes: int) -> tuple[Tensor, Tensor]:
        """What was done last, before the first step, and what that brought.

        Args:
            parameters: (tasks, layout.size).
            episodes: episodes of each task.

        Returns:
            (tasks, episodes, action_size) and (tasks, episodes); zero for a policy without a memory.
        """
        count = len(parameters)
        return torch.zeros(count, episodes, self.action_size), torch.zeros(count, episodes)

    def settled(self, parameters: Tensor) -> tuple[Policy, Tensor]:
        """A policy that acts the same, with all worked out that no step changes; itself by default.

        Args:
            parameters: (layout.size,), or (tasks, layout.size).
        """
        return self, parameters

    @abstractmethod
    def act(self, parameters: Tensor, moment: Moment, state: State) -> tuple[Tensor, State]:
        """Mean action of every episode, (tasks, episodes, action_size), and the memory after it.

        Args:
            parameters: (tasks, layout.size).
            moment: what is known now.
            state: what `begin` or the last `act` returned.
        """

    @abstractmethod
    def log_std(self, parameters: Tensor) -> Tensor:
        """Log standard deviation, (action_size,), for parameters (layout.size,)."""

    def spread(self, parameters: Tensor) -> Tensor:
        """`log_std` of every task, (tasks, action_size), for parameters (tasks, layout.size)."""
        return torch.func.vmap(self.log_std)(parameters)

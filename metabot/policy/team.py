"""One network for each robot of a team, side by side in one vector."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from metabot.params import Layout
from metabot.policy.gaussian import GaussianMLP
from metabot.policy.policy import Moment, Policy, State


@dataclass(frozen=True)
class TeamPolicy(Policy):
    """Robots of a team act by networks of their own, equal in shape: arms beside cars share nothing that they do.

    Rows of observations and actions are those of a `Problem`: the robots of an episode next to each other. All
    explore with the mean of their spreads.
    """

    member: GaussianMLP
    """The network of one robot."""
    robots: int
    """In a team."""
    layout: Layout = field(init=False)

    def __post_init__(self) -> None:
        """Derive sizes and layout."""
        layout = Layout(())
        for index in range(self.robots):
            layout += self.member.layout.prefixed(f"robot_{index + 1}/")
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "observation_size", self.member.observation_size)
        object.__setattr__(self, "action_size", self.member.action_size)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `Policy.initial`; every robot begins otherwise."""
        return np.concatenate([self.member.initial(rng) for _ in range(self.robots)])

    def of_robot(self, parameters: Tensor, robot: int) -> Tensor:
        """(..., member.layout.size) of one robot, for parameters (..., layout.size)."""
        return self._apart(parameters)[..., robot, :]

    def mean(self, parameters: Tensor, observation: Tensor) -> Tensor:
        """Mean actions.

        Args:
            parameters: (layout.size,), or (tasks, layout.size).
            observation: (episodes * robots, observation_size), or (tasks, episodes * robots, observation_size).

        Returns:
            The same with action_size at the end.
        """
        # (…, robots, episodes, observation_size): every network sees its own robot in all episodes.
        seen = observation.unflatten(-2, (-1, self.robots)).transpose(-3, -2)
        networks, lead = self._apart(parameters), observation.shape[:-2]
        told = self.member.mean(networks.reshape(-1, self.member.layout.size), seen.reshape(-1, *seen.shape[-2:]))
        return told.reshape(*lead, self.robots, *told.shape[-2:]).transpose(-3, -2).flatten(-3, -2)

    def act(self, parameters: Tensor, moment: Moment, state: State) -> tuple[Tensor, State]:
        """See `Policy.act`; the observation alone decides."""
        return self.mean(parameters, moment.observation), state

    def log_std(self, parameters: Tensor) -> Tensor:
        """See `Policy.log_std`."""
        return torch.stack([self.member.log_std(own) for own in self._apart(parameters).unbind(-2)]).mean(0)

    def _apart(self, parameters: Tensor) -> Tensor:
        return parameters.unflatten(-1, (self.robots, self.member.layout.size))

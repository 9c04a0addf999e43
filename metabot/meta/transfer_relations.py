"""Transfer of relations: which of two actions is the better one, as the source's policy ranks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metabot.base.policies import policy_for
from metabot.base.ranking import list_mle
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.learner import Experience
from metabot.meta.transfer import Data, Losses, TransferConfig, TransferLearner
from metabot.policy import GaussianMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class TransferRelationsConfig(TransferConfig):
    """Hyper-parameters of `TransferRelations`."""

    source_hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the source's policy; `hidden` are those of the target's."""
    hidden: tuple[int, ...] = (32, 32)
    candidates: int = 16
    """Actions that are ranked in every state, spread evenly over what can be commanded."""
    states: int = 64
    """States of each task in which actions are ranked."""
    temperature: float = 0.05
    """Squared distance from the mean action at which an action's score falls by a half."""
    relation: float = 0.02
    """Weight of the ranking beside the policy gradient on a target."""
    outer_epochs: int = 8

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        above_zero(self, "temperature")
        at_least_one(self, "states")
        if self.candidates < 2:
            raise ValueError(f"candidates: {self.candidates} is below 2")
        if self.relation < 0.0:
            raise ValueError(f"relation: {self.relation} is below 0")
        if any(units < 1 for units in self.source_hidden):
            raise ValueError(f"source_hidden: {self.source_hidden} has a layer of less than 1 unit")


class TransferRelations(TransferLearner):
    """A target's policy learns the order in which the source's policy puts actions, not its outputs.

    Knowledge distillation of relations (Park et al. 2019), by a listwise ranking loss (Xia et al.
    2008). The two may have different networks. On a target the ranking goes on beside the policy
    gradient, so that a few episodes change what they speak about and leave the rest in order.
    """

    name = "transfer-relations"
    source = "Park et al. 2019, arXiv:1904.05068; Xia et al. 2008 (ListMLE)"
    Config = TransferRelationsConfig
    config: TransferRelationsConfig

    def __init__(
        self, policy: GaussianMLP, config: TransferRelationsConfig | None = None, *, teacher: GaussianMLP
    ) -> None:
        """Make a learner of the target's policy and of the source's, the teacher."""
        self.teacher = teacher
        super().__init__(policy, config)
        self.layout = teacher.layout.prefixed("source/") + policy.layout.prefixed("target/")
        # Evenly spread and always the same ones: nothing here is drawn at random.
        points = torch.quasirandom.SobolEngine(policy.action_size).draw(self.config.candidates)
        self.candidates = 2.0 * points.to(torch.float32) - 1.0

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> TransferRelations:
        """See `MetaLearner.for_problem`."""
        config = configured(cls.Config, settings)
        return cls(policy_for(problem, config.hidden), config, teacher=policy_for(problem, config.source_hidden))

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return np.concatenate([self.teacher.initial(rng), self.policy.initial(rng)])

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`; a view."""
        return meta[self.teacher.layout.size :]

    @property
    def acting_policy(self) -> GaussianMLP:
        """The source's policy."""
        return self.teacher

    def acting(self, meta: Tensor) -> Tensor:
        """Its parameters; a view."""
        return meta[: self.teacher.layout.size]

    def states(self, observations: Tensor) -> Tensor:
        """Some of the states of every task, (tasks, states, observation_size)."""
        flat = observations.flatten(1, 2)
        return flat[:, :: max(1, flat.shape[1] // self.config.states)][:, : self.config.states]

    @torch.no_grad()
    def order(self, meta: Tensor, states: Tensor) -> Tensor:
        """The candidates from the best to the worst to the source's policy, (tasks, states, candidates)."""
        policy, parameters = self.teacher, self.acting(meta)
        z = (self.candidates - policy.mean(parameters, states)[..., None, :]) * torch.exp(-policy.log_std(parameters))
        return torch.argsort(z.square().sum(-1), dim=-1, stable=True)

    def ranking_losses(self, rows: Tensor, states: Tensor, order: Tensor) -> Tensor:
        """How badly the target's policies rank, (tasks,), for parameters (tasks, size).

        The spread of actions has no say: it is for exploring, and a ranking alone would shrink it.
        """
        distance = self.candidates - self.policy.mean(rows, states)[..., None, :]
        scores = -distance.square().sum(-1) / (2.0 * self.config.temperature)
        return list_mle(scores, order).mean(-1)

    def source_losses(self, meta: Tensor, data: Data) -> Tensor:
        """PPO's of the source's policy, and the target's ranking by it as it is now, (tasks,)."""
        states = self.states(data[0])
        taught = self.ranking_losses(self.start(meta).expand(len(states), -1), states, self.order(meta, states))
        return super().source_losses(meta, data) + taught

    def target_losses(self, meta: Tensor, experience: Experience) -> Losses:
        """PPO's on the target's episodes and, by `relation`, the ranking of its states."""
        gained = super().target_losses(meta, experience)
        states = self.states(experience.observations)
        order = self.order(meta, states)
        return lambda rows: gained(rows) + self.config.relation * self.ranking_losses(rows, states, order)

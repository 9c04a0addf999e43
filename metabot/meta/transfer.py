"""What transfer methods share: learning on source tasks without adapting, then fine-tuning on a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.descent import descend
from metabot.base.policies import policy_for
from metabot.base.rollout import rollout
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.inner_loop import per_task
from metabot.meta.learner import Experience, Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.objective import PolicyObjective
from metabot.meta.outer import OuterAdam
from metabot.policy import GaussianMLP
from metabot.problems import Problem

Data = tuple[Tensor, ...]
Losses = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class TransferConfig:
    """Hyper-parameters of learning on source tasks and of fine-tuning on a target."""

    step: float = 1e-2
    """Step size of Adam in fine-tuning."""
    epochs: int = 20
    """Adam steps of fine-tuning, all on the same episodes."""
    hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the policy."""
    clip: float = 0.5
    """Clipping range of PPO in fine-tuning: a target has one batch of episodes, and has to get far with it."""
    source_clip: float = 0.2
    """Clipping range of PPO on the source tasks."""
    discount: float = 0.97
    outer_step: float = 2e-3
    """Step size of Adam on the source tasks."""
    outer_epochs: int = 4
    """Adam steps on each batch of source tasks."""
    max_gradient_norm: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "step", "clip", "source_clip", "outer_step", "max_gradient_norm")
        at_least_one(self, "epochs", "outer_epochs")
        if not 0.0 <= self.discount <= 1.0:
            raise ValueError(f"discount: {self.discount} is not in [0, 1]")
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden: {self.hidden} has a layer of less than 1 unit")


class TransferLearner(MetaLearner):
    """Learns on source tasks by PPO (Schulman et al. 2017); a target begins with what was learned.

    Unlike a meta-learner proper it is not judged by how well adaptation ends. The training tasks are
    the source, each robot's task is a target.
    """

    kind: ClassVar[Kind] = "transfer"
    Config: ClassVar[type[TransferConfig]] = TransferConfig
    config: TransferConfig
    policy: GaussianMLP
    moves: Tensor | None = None
    """(policy.layout.size,), 1 where fine-tuning moves a parameter; None where it moves all."""

    def __init__(self, policy: GaussianMLP, config: TransferConfig | None = None) -> None:
        """Make a learner of the policy that acts on source tasks, and that targets begin with."""
        self.policy, self.config = policy, config or self.Config()
        self.layout = policy.layout.prefixed("policy/")
        self.objective = PolicyObjective(policy, discount=self.config.discount, clip=self.config.clip)
        self.teaching = PolicyObjective(self.acting_policy, discount=self.config.discount, clip=self.config.source_clip)
        self._adam = OuterAdam(self.config.outer_step, self.config.max_gradient_norm)

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> TransferLearner:
        """See `MetaLearner.for_problem`."""
        config = configured(cls.Config, settings)
        return cls(policy_for(problem, config.hidden), config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return self.policy.initial(rng)

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`."""
        return meta

    @property
    def acting_policy(self) -> GaussianMLP:
        """The policy that acts on source tasks."""
        return self.policy

    def acting(self, meta: Tensor) -> Tensor:
        """Its parameters."""
        return meta

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> MetaBatch:
        """See `MetaLearner.collect`: nearly all episodes are those of the source policy.

        The query is one episode of each task after adaptation to the first of them, from which nothing
        is learned: it shows how adaptation does.
        """
        rows = self.acting(meta).expand(len(tasks), -1)
        support = rollout(problem, self.acting_policy, rows, tasks, 2 * episodes - 1, rng)
        adapted = self.adapt(meta, support.first(episodes * problem.agents))
        return MetaBatch(support, rollout(problem, self.policy, adapted, tasks, 1, rng))

    def adapt(self, meta: Tensor, experience: Experience) -> Tensor:
        """See `MetaLearner.adapt`: fine-tuned by Adam on PPO's loss."""
        starts = self.start(meta).expand(len(experience.mask), -1)
        losses = self.target_losses(meta, experience)
        return descend(losses, starts, step=self.config.step, epochs=self.config.epochs, moves=self.moves)

    def target_losses(self, meta: Tensor, experience: Experience) -> Losses:
        """What fine-tuning descends: the losses, (tasks,), as a function of (tasks, size) parameters."""
        data, losses = self.objective.data(experience), per_task(self.objective.outer)
        return lambda rows: losses(rows, *data)

    def source_data(self, meta: Tensor, batch: MetaBatch) -> Data:
        """What the losses of source tasks need, every array with the tasks first."""
        return self.teaching.data(batch.support)

    def source_losses(self, meta: Tensor, data: Data) -> Tensor:
        """The loss of every source task, (tasks,), of what `source_data` gave."""
        return per_task(self.teaching.outer)(self.acting(meta).expand(len(data[0]), -1), *data)

    def settled(self, meta: Tensor, data: Data) -> Tensor:
        """What else changes once the losses were descended, (layout.size,); nothing by default."""
        return meta

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``gradient_norm``, ``dropped_tasks``."""
        data = self.source_data(meta, batch)
        with torch.no_grad():
            losses = self.source_losses(meta, data)
        kept = torch.isfinite(losses)
        metrics = {"dropped_tasks": float((~kept).sum())}
        if not kept.any():
            return meta.clone(), metrics
        # Left out before: a gradient of zero times NaN would be NaN.
        data = tuple(part[kept] for part in data)
        variable = self._adam.variable(meta)
        for _ in range(self.config.outer_epochs):
            norm = self._adam.descend(lambda: self.source_losses(variable, data).mean())
            if norm is None:
                break
            metrics["gradient_norm"] = norm
        metrics["loss"] = float(losses[kept].mean())
        return self.settled(variable.detach().clone(), data), metrics

    def moments(self) -> Moments:
        """Adam's moments."""
        return self._adam.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._adam.restore(moments)

"""Transfer of features: a trunk that source tasks share, frozen on the target, whose head adapts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.meta.inner_loop import per_task
from metabot.meta.learner import MetaBatch, MetaLearner
from metabot.meta.transfer import Data, TransferConfig, TransferLearner
from metabot.policy import GaussianMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class TransferFeaturesConfig(TransferConfig):
    """Hyper-parameters of `TransferFeatures`."""

    step: float = 3e-2
    epochs: int = 30
    clip: float = 0.2
    approach: float = 0.1
    """Share of the way that the common head goes to the mean of the source tasks' heads in an update."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        if not 0.0 <= self.approach <= 1.0:
            raise ValueError(f"approach: {self.approach} is not in [0, 1]")


class TransferFeatures(TransferLearner):
    """Multi-task learning with a head for every task on one trunk (Caruana 1997).

    Each source task fits a head of its own, beginning with the common one, as a target will. The
    trunk then descends the loss of every task under that task's head; no gradient goes through the
    fitting, which is what sets it apart from `ANIL`.
    """

    name = "transfer-features"
    source = "Caruana 1997; Yosinski et al. 2014, arXiv:1411.1792"
    Config = TransferFeaturesConfig
    config: TransferFeaturesConfig

    def __init__(self, policy: GaussianMLP, config: TransferFeaturesConfig | None = None) -> None:
        """Make a learner of a policy."""
        super().__init__(policy, config)
        head = np.zeros(policy.layout.size, dtype=np.float32)
        for name, where, _ in policy.layout.slices():
            head[where] = name in policy.head
        self.moves = torch.from_numpy(head)
        self._head = self.moves > 0.0

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> MetaBatch:
        """See `MetaLearner.collect`: episodes to fit each task's head, and as many with it."""
        return MetaLearner.collect(self, meta, problem, tasks, episodes, rng)

    def source_data(self, meta: Tensor, batch: MetaBatch) -> Data:
        """The query's, and each task's fitted parameters."""
        return (*self.teaching.data(batch.query), self.adapt(meta, batch.support))

    def source_losses(self, meta: Tensor, data: Data) -> Tensor:
        """The loss of the shared trunk under each task's head, (tasks,)."""
        *arrays, fitted = data
        return per_task(self.teaching.outer)(torch.where(self._head, fitted, meta), *arrays)

    def settled(self, meta: Tensor, data: Data) -> Tensor:
        """The common head moved towards the mean of the tasks'."""
        mean = data[-1].mean(0)
        return torch.where(self._head, meta + self.config.approach * (mean - meta), meta)

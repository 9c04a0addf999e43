"""Reptile: move the start towards where the inner loop ended (Nichol et al. 2018, algorithm 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from metabot.meta.gradient import GradientConfig, GradientMetaLearner
from metabot.meta.inner_loop import inner_loop
from metabot.meta.learner import MetaBatch


@dataclass(frozen=True)
class ReptileConfig(GradientConfig):
    """Hyper-parameters of `Reptile`."""

    inner_steps: int = 5
    outer_epochs: int = 1
    approach: float = 0.1
    """Share of the way towards the mean of the adapted parameters, used instead of Adam (β in the paper)."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        if self.trust_region:
            raise ValueError(f"trust_region: {self.trust_region} has no outer loss to descend in reptile; 0 is allowed")
        if not 0.0 < self.approach <= 1.0:
            raise ValueError(f"approach: {self.approach} is not in (0, 1]")


class Reptile(GradientMetaLearner):
    """Needs no second derivatives and no split into support and query.

    In a batch that has both, the inner loop of training goes over the support, then goes on over
    the query. For control the episodes of the query were collected after the first part of the
    inner loop, so that each half is on the policy that it descends.
    """

    name = "reptile"
    source = "Nichol et al. 2018, arXiv:1803.02999"
    Config = ReptileConfig
    config: ReptileConfig
    second_order = False

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``gradient_norm`` (of the step taken), ``dropped_tasks``."""
        with torch.no_grad():
            ended = self.adapt(meta, batch.support)
            ended = inner_loop(
                self.objective.inner,
                ended,
                self.step_sizes(meta),
                self.objective.data(batch.query),
                steps=self.config.inner_steps,
                second_order=False,
                vectorised=self.objective.vectorised,
            )
            finite = torch.isfinite(ended).all(dim=1)
            metrics = {"dropped_tasks": float((~finite).sum())}
            if not finite.any():
                return meta.clone(), metrics
            step = self.config.approach * (ended[finite].mean(0) - meta)
            return meta + step, metrics | {"gradient_norm": float(step.norm())}

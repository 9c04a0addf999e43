"""ES-MAML: the meta-gradient estimated from returns after adaptation alone (Song et al. 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.meta.evolution import EvolutionaryMetaLearner, EvolutionConfig, Judged
from metabot.meta.learner import MetaBatch, Moments
from metabot.meta.outer import OuterAdam
from metabot.policy import GaussianMLP
from metabot.problems import Problem

OPTIMISERS = ("adam", "sgd")


@dataclass(frozen=True)
class ESMAMLConfig(EvolutionConfig):
    """Hyper-parameters of `ESMAML`."""

    pairs: int = 2
    """Antithetic pairs of perturbations for each task of an update."""
    optimiser: str = "adam"
    """What follows the estimate: "adam", or "sgd" as the paper does."""
    outer_step: float = 0.03
    """Step size of the optimiser."""
    normalise: bool = True
    """Divide returns by their standard deviation over the update."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        if self.pairs < 1:
            raise ValueError(f"pairs: {self.pairs} is below 1")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser: no {self.optimiser!r}; allowed: {', '.join(OPTIMISERS)}")
        if not self.outer_step > 0.0:
            raise ValueError(f"outer_step: {self.outer_step} is not above 0")


def antithetic_gradient(noise: Tensor, above: Tensor, below: Tensor, spread: float) -> Tensor:
    """Gradient of the Gaussian smoothing E[f(θ + σε)], (size,): Σ (f(θ + σε) - f(θ - σε)) ε / (2nσ).

    Song et al. 2020, algorithm 1 with antithetic sampling (Nesterov and Spokoiny 2017; Salimans et
    al. 2017). Even terms of f cancel within each pair.

    Args:
        noise: (pairs, size) ε, standard normal.
        above: (pairs,) values of f at θ + σε.
        below: (pairs,) at θ - σε.
        spread: σ.
    """
    return ((above - below)[:, None] * noise).mean(0) / (2.0 * spread)


class ESMAML(EvolutionaryMetaLearner):
    """MAML by evolution strategies (Song et al. 2020, algorithm 3, zero-order ES-MAML).

    Each antithetic pair faces one task, so that what makes one task harder than another cancels.
    All pairs are perturbed, adapt and are judged side by side, in as many rollouts as adaptation
    needs one after the other. A worker would only have to send a seed and two returns for a pair.
    """

    name = "es-maml"
    source = "Song et al. 2020, arXiv:1910.01215"
    Config = ESMAMLConfig
    config: ESMAMLConfig

    def __init__(self, policy: GaussianMLP, config: ESMAMLConfig | None = None) -> None:
        """Make a meta-learner of a policy."""
        super().__init__(policy, config)
        self._adam = OuterAdam(self.config.outer_step, math.inf)

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Judged:
        """Judge θ + σε and θ - σε; the first half of the rows is above, the second below."""
        numbers = np.repeat(np.arange(len(tasks)), self.config.pairs)
        noise = torch.from_numpy(rng.standard_normal((len(numbers), len(meta)), dtype=np.float32)) * self.moves
        starts = torch.cat([meta + self.config.spread * noise, meta - self.config.spread * noise])
        return self.judge(starts, np.tile(numbers, 2), problem, tasks, episodes, rng)

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``gradient_norm``, ``dropped_tasks``."""
        assert isinstance(batch, Judged)
        failed, spread = batch.failed_tasks, self.config.spread
        metrics = {"dropped_tasks": float(len(failed))}
        above, below = batch.fitness.chunk(2)
        kept = ~torch.isin(batch.task[: len(above)], failed)
        above, below = above[kept], below[kept]
        if not len(above):
            return meta.clone(), metrics
        high, low = batch.starts.chunk(2)
        noise = (high[kept] - low[kept]) / (2.0 * spread)
        if self.config.normalise:
            deviation = torch.cat([above, below]).std(correction=0).clamp(min=1e-8)
            above, below = above / deviation, below / deviation
        gradient = antithetic_gradient(noise, above, below, spread)
        metrics["gradient_norm"] = float(gradient.norm())
        if self.config.optimiser == "sgd":
            return meta + self.config.outer_step * gradient, metrics
        variable = self._adam.variable(meta)
        self._adam.follow(-gradient)
        return variable.detach().clone(), metrics

    def moments(self) -> Moments:
        """Adam's moments."""
        return self._adam.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._adam.restore(moments)

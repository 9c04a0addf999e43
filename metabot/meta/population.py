"""A population of starts, each judged by its returns after adaptation on the same tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.meta.evolution import EvolutionaryMetaLearner, EvolutionConfig, Judged
from metabot.meta.learner import MetaBatch, Moments
from metabot.meta.search import CLIMBERS, SEARCHES, Search
from metabot.policy import GaussianMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class PopulationConfig(EvolutionConfig):
    """Hyper-parameters of `Population`."""

    search: str = "pgpe"
    """What moves the population: "pgpe" (a gradient estimated by its ranks) or "cem" (the best are fitted)."""
    members: int = 12
    """Starts in the population; every one faces all tasks of an update."""
    optimiser: str = "adam"
    """What follows the gradient of "pgpe": "adam", "clipup" (Toklu et al. 2020) or "sgd"."""
    outer_step: float = 0.05
    """Step size of the optimiser."""
    spread_step: float = 0.1
    """Step size of the spread of every parameter, of "pgpe"."""
    least_spread: float = 0.01
    """That no parameter's spread falls below."""
    parents: float = 0.5
    """Share of the population that "cem" fits to."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        if self.search not in SEARCHES:
            raise ValueError(f"search: no {self.search!r}; allowed: {', '.join(SEARCHES)}")
        if self.optimiser not in CLIMBERS:
            raise ValueError(f"optimiser: no {self.optimiser!r}; allowed: {', '.join(CLIMBERS)}")
        if self.members < 2 or self.members % 2:
            raise ValueError(f"members: {self.members} is no even number of 2 or more")
        if not 0.0 < self.parents < 1.0:
            raise ValueError(f"parents: {self.parents} is not between 0 and 1")
        if self.search == "cem" and round(self.parents * self.members) < 2:
            raise ValueError(f"parents: {self.parents} of {self.members} members are fewer than 2")
        if not self.outer_step > 0.0:
            raise ValueError(f"outer_step: {self.outer_step} is not above 0")
        for name in ("spread_step", "least_spread"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name}: {getattr(self, name)} is below 0")


class Population(EvolutionaryMetaLearner):
    """Evolution of the start of learning by how learning ends (the Baldwin effect, Fernando et al. 2018).

    All members face all tasks of an update, so that none is judged by the easy ones alone; their
    ranks move the population. Every parameter has a spread of its own that is learned too, where
    `ESMAML` holds one fixed for all.
    """

    name = "population"
    source = "Fernando et al. 2018, arXiv:1806.07917; Sehnke et al. 2010 (PGPE), by EvoTorch"
    Config = PopulationConfig
    config: PopulationConfig

    def __init__(self, policy: GaussianMLP, config: PopulationConfig | None = None) -> None:
        """Make a meta-learner of a policy."""
        super().__init__(policy, config)
        self._search = Search(
            self.config.search,
            spread=self.config.spread,
            least_spread=self.config.least_spread,
            optimiser=self.config.optimiser,
            step=self.config.outer_step,
            spread_step=self.config.spread_step,
            parents=self.config.parents,
        )

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Judged:
        """Judge every member on every task; rows are member by member."""
        asked = self._search.ask(meta, self.config.members, rng)
        members = meta + self.moves * (asked - meta)
        numbers = np.tile(np.arange(len(tasks)), len(members))
        return self.judge(members.repeat_interleave(len(tasks), 0), numbers, problem, tasks, episodes, rng)

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``fitness``, ``best_fitness``, ``spread``, ``dropped_tasks``."""
        assert isinstance(batch, Judged)
        tasks = int(batch.task.max()) + 1
        failed = batch.failed_tasks
        metrics = {"dropped_tasks": float(len(failed))}
        kept = ~torch.isin(torch.arange(tasks), failed)
        if not kept.any():
            return meta.clone(), metrics
        fitness = batch.fitness.reshape(-1, tasks)[:, kept].mean(1)
        metrics |= {"fitness": float(fitness.mean()), "best_fitness": float(fitness.max())}
        new = self._search.tell(meta, batch.starts[::tasks], fitness)
        return meta.clone() if new is None else new, metrics | {"spread": self._search.spread}

    def moments(self) -> Moments:
        """The search's state."""
        return self._search.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._search.restore(moments)

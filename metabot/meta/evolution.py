"""What evolutionary methods share: a start that is judged by the returns after adaptation, and never differentiated."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.policies import policy_for
from metabot.base.rollout import rollout
from metabot.meta.config import configured
from metabot.meta.inner_loop import inner_loop
from metabot.meta.learner import Experience, Kind, MetaBatch, MetaLearner
from metabot.meta.objective import PolicyObjective
from metabot.meta.queries import ascend, best_query, climb, perturbed_pairs
from metabot.policy import GaussianMLP
from metabot.problems import Problem

ADAPTATIONS = ("hill-climbing", "es", "policy-gradient")


@dataclass(frozen=True)
class EvolutionConfig:
    """Hyper-parameters of what an evolutionary method adapts by and searches with."""

    adaptation: str = "hill-climbing"
    """How a start adapts: "hill-climbing" (keep what did better), "es" (a step along the gradient
    that perturbed episodes estimate), "policy-gradient" (a step along the likelihood-ratio gradient)."""
    hidden: tuple[int, ...] = ()
    """Hidden layers of the policy; none makes it linear, which leaves few parameters to search in."""
    spread: float = 0.1
    """Standard deviation of the perturbations of the search."""
    query_spread: float = 0.1
    """Standard deviation of the perturbations of adaptation."""
    inner_step: float = 0.02
    """Step size of adaptation, for returns of unit deviation; hill climbing has none. A policy
    gradient takes larger ones, about 0.3."""
    judged: int = 2
    """Episodes after adaptation that a start is judged by."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.adaptation not in ADAPTATIONS:
            raise ValueError(f"adaptation: no {self.adaptation!r}; allowed: {', '.join(ADAPTATIONS)}")
        for name in ("spread", "query_spread", "inner_step"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not above 0")
        if self.judged < 1:
            raise ValueError(f"judged: {self.judged} is below 1")
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden: {self.hidden} has a layer of less than 1 unit")


@dataclass(frozen=True)
class Judged(MetaBatch):
    """Starts, their adaptation (support) and what came after it (query), row by row.

    Attributes:
        starts: (rows, size).
        task: (rows,) number of the task that a row was judged on.
    """

    starts: Tensor
    task: Tensor

    @property
    def fitness(self) -> Tensor:
        """Mean return after adaptation, (rows,)."""
        returns: Tensor = self.query.returns
        return returns.mean(1)

    @property
    def failed_tasks(self) -> Tensor:
        """Numbers of the tasks on which a fitness is not finite."""
        return torch.unique(self.task[~torch.isfinite(self.fitness)])


class EvolutionaryMetaLearner(MetaLearner):
    """Searches for a start from which adaptation ends well; the meta-parameters are that start.

    Nothing is differentiated but, if it is chosen, the policy gradient of one adaptation step.
    """

    kind: ClassVar[Kind] = "evolutionary"
    Config: ClassVar[type[EvolutionConfig]]
    config: EvolutionConfig

    def __init__(self, policy: GaussianMLP, config: EvolutionConfig | None = None) -> None:
        """Make a meta-learner of a policy."""
        self.policy: GaussianMLP = policy
        self.config = config or self.Config()
        self.layout = policy.layout.prefixed("policy/")
        self._objective = PolicyObjective(policy)
        moves = np.ones(policy.layout.size, dtype=np.float32)
        if self.config.adaptation != "policy-gradient":
            # Queries act with the mean: the spread of actions changes nothing, and must not drift.
            for name, where, _ in policy.layout.slices():
                moves[where] = name != "log_std"
        self.moves = torch.from_numpy(moves)

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> EvolutionaryMetaLearner:
        """See `MetaLearner.for_problem`."""
        config = configured(cls.Config, settings)
        return cls(policy_for(problem, config.hidden), config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return self.policy.initial(rng)

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`."""
        return meta

    def gather(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Experience:
        """`Queries` around the start; `Episodes` under it where a policy gradient adapts."""
        return self.explore(meta.expand(len(tasks), -1), problem, tasks, episodes, rng)

    def explore(
        self, starts: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Experience:
        """Adaptation episodes of a start for each task, (tasks, size)."""
        if self.config.adaptation == "policy-gradient":
            return rollout(problem, self.policy, starts, tasks, episodes, rng)
        query = climb if self.config.adaptation == "hill-climbing" else perturbed_pairs
        return query(problem, self.policy, starts, tasks, episodes, rng, self.config.query_spread * self.moves)

    def adapt(self, meta: Tensor, experience: Experience) -> Tensor:
        """See `MetaLearner.adapt`."""
        return self.adapt_each(meta.expand(len(experience.returns), -1), experience)

    @torch.no_grad()
    def adapt_each(self, starts: Tensor, experience: Experience) -> Tensor:
        """Adapted parameters of every start, (tasks, size) both, from what `explore` collected."""
        if self.config.adaptation == "hill-climbing":
            return best_query(experience)
        if self.config.adaptation == "es":
            return ascend(starts, experience, self.config.query_spread * self.moves, self.config.inner_step)
        data, step = self._objective.data(experience), torch.tensor(self.config.inner_step)
        return inner_loop(self._objective.inner, starts, step, data, second_order=False)

    def judge(
        self,
        starts: Tensor,
        numbers: np.ndarray,
        problem: Problem,
        tasks: np.ndarray,
        episodes: int,
        rng: np.random.Generator,
    ) -> Judged:
        """Adapt every start to a task and play on, all rows side by side.

        Args:
            starts: (rows, size).
            numbers: (rows,) which of the tasks each start faces.
            problem: where.
            tasks: (tasks, ...) rows of `Problem.sample`.
            episodes: adaptation episodes of each row.
            rng: of everything.
        """
        faced = tasks[numbers]
        support = self.explore(starts, problem, faced, episodes, rng)
        adapted = self.adapt_each(starts, support)
        # As they will be used: with the mean action.
        query = rollout(problem, self.policy, adapted, faced, self.config.judged, rng, deterministic=True)
        return Judged(support, query, starts, torch.from_numpy(numbers))

    @abstractmethod
    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Judged:
        """Draw starts around the meta-parameters and judge them; arguments as in `MetaLearner.collect`."""

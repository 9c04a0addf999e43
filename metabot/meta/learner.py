"""What a meta-learner is: one interface for every family of method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor

from metabot.base.rollout import rollout
from metabot.params import Layout
from metabot.policy import Policy
from metabot.problems import Problem

Experience = Any
"""`Episodes` where robots act; `Samples` where a method learns from labelled points."""

Kind = Literal[
    "optimisation-based",
    "in-context",
    "latent context",
    "learned update rule",
    "self-supervised",
    "evolutionary",
    "metric-based",
    "transfer",
]
"""Families of methods, as tables group them."""

Moments = dict[str, np.ndarray]
"""What a learner remembers between updates beside the meta-parameters, as named arrays."""


@dataclass(frozen=True)
class MetaBatch:
    """Experience of the same tasks, to adapt from and to judge the adaptation by.

    Attributes:
        support: before adaptation, or what adaptation reads.
        query: after it.
    """

    support: Experience
    query: Experience

    @property
    def env_steps(self) -> int:
        """Simulated control steps that it took."""
        return self.support.env_steps + self.query.env_steps


class MetaLearner(ABC):
    """Turns the learning of many tasks into a better start for each.

    The meta-parameters are one vector, which robots exchange. `adapt` turns them and a robot's
    experience into the parameters of a policy, another vector: whatever a method finds out about a
    task (a gradient step, a memory, a latent context) is in it.

    Attributes:
        name: as the registry calls it.
        kind: its family of methods.
        source: the paper.
        layout: of the meta-parameters.
        policy: whose parameters `adapt` returns.
        config: its hyper-parameters, a frozen dataclass.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    source: ClassVar[str]
    layout: Layout
    policy: Policy
    config: Any

    @classmethod
    @abstractmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> MetaLearner:
        """The method for a problem.

        Args:
            problem: whose observations and actions its policy has.
            settings: fields of its configuration that differ from the default.

        Raises:
            ValueError: if a setting is unknown or impossible; one line.
        """

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random meta-parameters, float32 (layout.size,)."""

    @abstractmethod
    def start(self, meta: Tensor) -> Tensor:
        """The parameters of a robot that has no experience yet, (policy.layout.size,)."""

    @abstractmethod
    def adapt(self, meta: Tensor, experience: Experience) -> Tensor:
        """Parameters adapted to each task.

        Args:
            meta: (layout.size,).
            experience: of several tasks, collected by `gather`.

        Returns:
            (tasks, policy.layout.size).
        """

    @abstractmethod
    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """Improve the meta-parameters from a batch of tasks.

        Returns:
            New meta-parameters (layout.size,) and metrics, among them ``dropped_tasks``: how many
            tasks were left out because something about them was not finite.
        """

    def gather(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Experience:
        """Collect adaptation episodes; all under the start, unless a method explores otherwise.

        Args:
            meta: (layout.size,).
            problem: where.
            tasks: (tasks, ...) rows of `Problem.sample`.
            episodes: of each task.
            rng: source of starts, goals and noise.
        """
        return rollout(problem, self.policy, self.start(meta).expand(len(tasks), -1), tasks, episodes, rng)

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> MetaBatch:
        """Gather what `update` wants: episodes before adaptation and as many after it.

        Arguments as in `gather`.
        """
        support = self.gather(meta, problem, tasks, episodes, rng)
        query = rollout(problem, self.policy, self.adapt(meta, support), tasks, episodes, rng)
        return MetaBatch(support, query)

    def moments(self) -> Moments:
        """What has to be kept with the meta-parameters for training to go on as if it had never stopped."""
        return {}

    def restore(self, moments: Moments) -> None:
        """Take back what `moments` gave.

        Raises:
            ValueError: if it was another method that gave it.
        """
        if moments:
            raise ValueError(f"{self.name} keeps no moments, here are {', '.join(moments)}")

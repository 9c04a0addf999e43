"""What the nodes of a fleet that learn are made of: tasks, method and what its vectors are of."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from metabot.fleet import Identity
from metabot.meta import MetaLearner, make_meta_learner
from metabot.meta.config import settings_of
from metabot.problems import Problem, make_problem
from metabot.task import TaskDistribution


@dataclass(frozen=True)
class Learning:
    """How a fleet learns.

    Attributes:
        distribution: of the tasks.
        problem: where they are played.
        learner: the method.
        identity: what its vectors are of.
    """

    distribution: TaskDistribution
    problem: Problem
    learner: MetaLearner
    identity: Identity

    @classmethod
    def of(cls, method: str, settings: str, distribution: str, threads: int = 1) -> Learning:
        """As the parameters of a node say.

        Args:
            method: a key of `metabot.meta.META_LEARNERS`.
            settings: JSON of the fields of its configuration that differ from the default; "" has none.
            distribution: JSON of a `TaskDistribution`; "" is the default one.
            threads: simulation threads.

        Raises:
            ValueError: naming what is wrong with them; one line.
        """
        tasks = TaskDistribution.of(distribution)
        problem = make_problem(tasks, threads=threads)
        learner = make_meta_learner(method, problem, **settings_of(settings))
        identity = Identity.of(method, asdict(learner.config), tasks.model_dump(mode="json"), learner.layout)
        return cls(tasks, problem, learner, identity)

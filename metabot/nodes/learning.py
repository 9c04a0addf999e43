"""What the nodes of a fleet that learn are made of: tasks, method and what its vectors are of."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from metabot.fleet import Identity, Update
from metabot.meta import MetaLearner, make_meta_learner
from metabot.meta.config import settings_of
from metabot.meta.robot import Learned, RobotLearner
from metabot.problems import Problem, make_problem
from metabot.problems.partner import has_stated_tasks
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

    def robot(self, name: str, *, tasks: int, episodes: int, seed: int = 0) -> RobotLearner:
        """One robot's part in it.

        Args:
            name: the robot's.
            tasks: tasks of a round.
            episodes: adaptation episodes.
            seed: of tasks, goals and exploration.

        Raises:
            ValueError: if no task could ever tell the robot what to adapt to; one line.
        """
        if not has_stated_tasks(self.problem):
            raise ValueError(
                f"distribution: no task states what {self.problem.name} hides; allowed: families of the simulation"
            )
        return RobotLearner(name, self.learner, self.problem, seed=seed, tasks=tasks, episodes=episodes)


def update_of(learned: Learned, robot: str, version: int, identity: Identity, compute_s: float) -> Update:
    """A robot's share of a round as it travels.

    Args:
        learned: the share.
        robot: whose it is.
        version: of the meta-parameters that it was learned from.
        identity: what those are of.
        compute_s: seconds that it took.
    """
    return Update(
        robot=robot,
        version=version,
        identity=identity,
        delta=learned.delta,
        weight=learned.tasks,
        env_steps=learned.env_steps,
        success_before=learned.success_before,
        success_after=learned.success_after,
        compute_s=compute_s,
    )

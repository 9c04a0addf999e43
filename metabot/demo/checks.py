"""What a fleet cannot serve, found out before any of its processes starts."""

from __future__ import annotations

from metabot.demo.config import SPOKEN, DemoConfig, learned_in
from metabot.demo.tasks import with_others
from metabot.meta import MetaLearner, make_meta_learner
from metabot.problems import Problem, make_problem
from metabot.problems.family import FamilyProblem
from metabot.problems.partner import has_stated_tasks
from metabot.task import TaskDistribution, TaskSpec


def check_served(config: DemoConfig) -> None:
    """Refuse a run whose tasks, method and world do not go together.

    Raises:
        ValueError: naming the field, its value and what is allowed; one line.
    """
    distribution = config.task_distribution()
    problem = make_problem(distribution)
    if not has_stated_tasks(problem):
        raise ValueError(
            f"distribution: {problem.name} has no robots that a task could state; allowed: families of the simulation"
        )
    learner = make_meta_learner(config.method, problem, **config.all_settings())
    world = config.world()
    if world is None:
        if distribution.family not in SPOKEN:
            raise ValueError(
                f"distribution: no sentence asks for {distribution.family}; allowed: {', '.join(SPOKEN)},"
                f" or --family {distribution.family}"
            )
    else:
        _check_world(world, problem)
        _check_driven(world, problem)
    if config.resume is not None:
        _check_resumed(config, distribution, learner)


def _check_world(world: TaskSpec, problem: FamilyProblem) -> None:
    """Refuse hidden things that the rehearsal could not have."""
    for number in (0, 1):
        for robot in with_others(world, number, 0).robots:
            problem.state(with_others(world, number, 0), robot.name)


def _check_driven(world: TaskSpec, problem: Problem) -> None:
    """Refuse a world whose robots observe otherwise than what they rehearse."""
    from metabot.deploy.contract import PolicyContract
    from metabot.deploy.senses import Senses
    from metabot.problems.interface import interface_of

    for number, robot in enumerate(world.robots):
        contract = PolicyContract(interface_of(problem, number if problem.agents > 1 else 0), "")
        if refused := Senses(world, robot.name).refused(contract):
            raise ValueError(f"robots.{robot.name}: {refused}")


def _check_resumed(config: DemoConfig, distribution: TaskDistribution, learner: MetaLearner) -> None:
    """Refuse to go on from what another method, or the same with other settings or tasks, has learned."""
    assert config.resume is not None
    folder = config.resume
    found, origin = learned_in(folder)
    if origin.method != config.method:
        raise ValueError(
            f"resume: {folder} was learned by {origin.method}, not {config.method}; allowed: --method {origin.method}"
        )
    family = (origin.distribution or {}).get("family", distribution.family)
    if family != distribution.family:
        raise ValueError(
            f"resume: {folder} has learned {family}, not {distribution.family}; allowed: --family {family}"
        )
    if found.layout.hash != learner.layout.hash:
        raise ValueError(
            f"resume: {folder} has {found.layout.size} meta-parameters, {learner.layout.size} of another layout are"
            " wanted; allowed: the --distribution and --set it was learned with"
        )

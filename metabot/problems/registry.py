"""Problems by name."""

from __future__ import annotations

from collections.abc import Callable

from metabot.problems.behaviours import Pusher, Refugee
from metabot.problems.cheetah import CheetahDirection
from metabot.problems.duel import PointDuel
from metabot.problems.family import FamilyProblem
from metabot.problems.gridworld import GridWorld
from metabot.problems.navigation import Navigation2D
from metabot.problems.partner import PartnerProblem
from metabot.problems.problem import Problem
from metabot.problems.reach import PointReach
from metabot.problems.spread import PointSpread
from metabot.problems.two_step import TwoStepGame
from metabot.task import SpecError, TaskDistribution
from metabot_sim.families.registry import available

PROBLEMS: dict[str, Callable[[int], Problem]] = {
    GridWorld.name: lambda threads: GridWorld(),
    PointReach.name: lambda threads: PointReach(),
    PointSpread.name: lambda threads: PointSpread(),
    PointDuel.name: lambda threads: PointDuel(),
    TwoStepGame.name: lambda threads: TwoStepGame(),
    Navigation2D.name: lambda threads: Navigation2D(),
    CheetahDirection.name: lambda threads: CheetahDirection(threads=threads),
    "drive-push-partner": lambda threads: PartnerProblem("drive-push-partner", Pusher(), threads=threads),
    "drive-pursuit-opponent": lambda threads: PartnerProblem("drive-pursuit-opponent", Refugee(), threads=threads),
}
"""Problems that are no family of metabot_sim, or one of its own making."""


def problem_names() -> list[str]:
    """Every name that `make_problem` knows."""
    return sorted({*PROBLEMS, *available()})


def make_problem(distribution: str | TaskDistribution, *, robots: int | None = None, threads: int = 1) -> Problem:
    """The problem of that name, or of that distribution of tasks.

    Args:
        distribution: a key of `PROBLEMS` or a family of metabot_sim; or what is to be otherwise than it has it.
        robots: how many robots the family of that name has; its fewest by default.
        threads: simulation threads.

    Raises:
        ValueError: if there is none of that name, or it cannot have so many robots or such tasks.
    """
    if isinstance(distribution, str):
        distribution = TaskDistribution(family=distribution, robots=robots)
    name = distribution.family
    if name in PROBLEMS:
        if not distribution.own:
            raise SpecError(f"family: the tasks of {name} are its own; allowed: another distribution for a family only")
        return PROBLEMS[name](threads)
    if name not in available():
        raise ValueError(f"family: no {name!r}; allowed: {', '.join(problem_names())}")
    return FamilyProblem(distribution, threads=threads)

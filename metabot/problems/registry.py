"""Problems by name."""

from __future__ import annotations

from collections.abc import Callable

from metabot.problems.behaviours import Pusher, Refugee
from metabot.problems.cheetah import CheetahDirection
from metabot.problems.drive import DriveTwin
from metabot.problems.duel import PointDuel
from metabot.problems.family import FamilyProblem
from metabot.problems.gridworld import GridWorld
from metabot.problems.navigation import Navigation2D
from metabot.problems.partner import PartnerProblem
from metabot.problems.problem import Problem
from metabot.problems.reach import PointReach
from metabot.problems.spread import PointSpread
from metabot.problems.two_step import TwoStepGame
from metabot.task import TaskSpec
from metabot_sim.families.registry import available

PROBLEMS: dict[str, Callable[[int], Problem]] = {
    GridWorld.name: lambda threads: GridWorld(),
    PointReach.name: lambda threads: PointReach(),
    PointSpread.name: lambda threads: PointSpread(),
    PointDuel.name: lambda threads: PointDuel(),
    TwoStepGame.name: lambda threads: TwoStepGame(),
    Navigation2D.name: lambda threads: Navigation2D(),
    CheetahDirection.name: lambda threads: CheetahDirection(threads=threads),
    DriveTwin.name: lambda threads: DriveTwin(threads=threads),
    "drive-push-partner": lambda threads: PartnerProblem("drive-push-partner", Pusher(), threads=threads),
    "drive-pursuit-opponent": lambda threads: PartnerProblem("drive-pursuit-opponent", Refugee(), threads=threads),
}
"""Problems that are no family of metabot_sim, or one of its own making."""


def problem_names() -> list[str]:
    """Every name that `make_problem` knows."""
    return sorted({*PROBLEMS, *available()})


def make_problem(name: str, *, robots: int | None = None, threads: int = 1, spec: TaskSpec | None = None) -> Problem:
    """The problem of that name.

    Args:
        name: a key of `PROBLEMS` or a family of metabot_sim.
        robots: how many robots a family has; its fewest by default.
        threads: simulation threads.
        spec: a family's scene, see `FamilyProblem`.

    Raises:
        ValueError: if there is none of that name, or it cannot have so many robots or such a scene.
    """
    if name in PROBLEMS:
        return PROBLEMS[name](threads)
    if name not in available():
        raise ValueError(f"family: no {name!r}; allowed: {', '.join(problem_names())}")
    return FamilyProblem(name, robots=robots, threads=threads, spec=spec)

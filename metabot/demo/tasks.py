"""The tasks of a demo's fleet that are told apart: its world with other hidden things in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from metabot.bringup.world import number_of
from metabot.demo.faults import FAULTS, with_faults
from metabot.task import KINDS, RobotDynamics, RobotSpec, TaskDistribution, TaskSpec
from metabot_sim.families.registry import family

if TYPE_CHECKING:
    from metabot.problems.family import FamilyProblem
    from metabot.task import Interval

_HARDLY = 0.02
"""What differs by less is not worth a word."""


def with_others(spec: TaskSpec, number: int, seed: int) -> TaskSpec:
    """The same world with hidden things of another task.

    Args:
        spec: the world.
        number: which task; with 0 it is the world as it is.
        seed: as of `metabot.bringup.world.drawn`.
    """
    if not number:
        return spec
    if spec.family in FAULTS:
        return with_faults(spec, number)
    other = family(spec.family).sample(number_of(seed, number), "test", len(spec.robots), seed)
    things = [
        mine.model_copy(update={name: getattr(its, name) for name in ("mass_kg", "size_m", "friction")})
        for mine, its in zip(spec.objects, other.objects, strict=True)
    ]
    hidden = {"pads": other.pads} if family(spec.family).places else {}
    mine = spec.with_dynamics(robot.dynamics for robot in other.robots)
    return mine.model_copy(update={"objects": tuple(things), **hidden})


def in_words(problem: FamilyProblem, row: np.ndarray, robot: RobotSpec) -> str:
    """What a task hides of a robot, for people.

    Args:
        problem: where the robot rehearses.
        row: the task, of `FamilyProblem.state`.
        robot: as the world has it.
    """
    if family(problem.name).places:
        from metabot.harness.measure.tasks import described

        return described(problem, row[None])[0]
    if KINDS[robot.kind].reach_m is None:
        return robot.dynamics.describe()
    # Of an arm a gain and a bias mean something else than the words say, which are those of cars.
    healthy, words = RobotDynamics(), []
    for name in RobotDynamics.model_fields:
        value, usual = getattr(robot.dynamics, name), getattr(healthy, name)
        if abs(value - usual) > _HARDLY:
            words.append(f"{name.removesuffix('_kg').replace('_', ' ')} {value:.2g}")
    return ", ".join(words) or "healthy"


def foreign(fault: RobotDynamics, distribution: TaskDistribution) -> bool:
    """Whether a fault is of a kind, or has a part of one, that no task of the distribution has."""
    ranges: Mapping[str, Interval] = {**family(distribution.family).dynamics, **distribution.dynamics}
    learned, healthy = {name for name, values in ranges.items() if not values.still}, RobotDynamics()
    return any(
        getattr(fault, name) != getattr(healthy, name) for name in RobotDynamics.model_fields if name not in learned
    )

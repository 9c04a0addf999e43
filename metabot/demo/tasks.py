"""What a fleet's world is asked to do, what its robots rehearse for that, and the faults that are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from metabot.demo.faults import FAULTS, with_faults
from metabot.task import KINDS, RobotDynamics, RobotSpec, SpecError, TaskDistribution, TaskSpec
from metabot_sim.families.registry import family

if TYPE_CHECKING:
    from metabot.problems.family import FamilyProblem
    from metabot.task import Interval

_HARDLY = 0.02
"""What differs by less is not worth a word."""
_MANY = 1000
"""Numbers of tasks that each seed has for itself."""


def drawn(name: str, robots: int | None, seed: int, split: str = "test") -> TaskSpec:
    """A task of a family: places and hidden dynamics that no task of training has.

    Args:
        name: of the family.
        robots: how many are in the world; as many as are usual by default.
        seed: another one gives another task.
        split: whose ranges.

    Raises:
        SpecError: if it cannot be played by so many.
    """
    return family(name).sample(_MANY * seed, split, robots, seed)  # type: ignore[arg-type]


def rehearsed(spec: TaskSpec) -> TaskDistribution:
    """The tasks that a robot rehearses for its part in a world.

    Where a family can be played alone each robot rehearses alone, as every robot has faults of its own; where
    it takes several, all of them act in the rehearsal, too.

    Raises:
        SpecError: if robots of several kinds would have to share one policy.
    """
    found = family(spec.family)
    alone = found.robots[0] == 1
    usual = found.spec(1 if alone else len(spec.robots))
    makes = {(robot.kind, robot.mjcf, robot.tray) for robot in spec.robots}
    if alone and len(makes) > 1:
        kinds = ", ".join(sorted({robot.kind for robot in spec.robots}))
        raise SpecError(f"robots: {kinds} in one fleet, which share a policy; allowed: robots of one kind")
    robots = tuple(
        like.model_copy(update={"kind": own.kind, "mjcf": own.mjcf, "tray": own.tray})
        for like, own in zip(usual.robots, spec.robots, strict=False)
    )
    same = {"robots": robots, "control_hz": spec.control_hz, "reward": spec.reward, "team_share": spec.team_share}
    judged = spec.success if not alone else spec.success.model_copy(update={"contact": usual.success.contact})
    scene = usual.model_copy(update={**same, "success": judged})
    return TaskDistribution(
        family=spec.family,
        robots=None if alone else len(spec.robots),
        scene=None if scene == usual else TaskSpec.parse(scene.model_dump()),
    )


def with_others(spec: TaskSpec, number: int, seed: int) -> TaskSpec:
    """The same world with hidden things of another task.

    Args:
        spec: the world.
        number: which task; with 0 it is the world as it is.
        seed: as of `drawn`.
    """
    if not number:
        return spec
    if spec.family in FAULTS:
        return with_faults(spec, number)
    other = family(spec.family).sample(_MANY * seed + number, "test", len(spec.robots), seed)
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

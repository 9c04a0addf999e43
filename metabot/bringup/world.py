"""A fleet for a world that a family or a specification describes: its task, and what its robots rehearse for it."""

from __future__ import annotations

from typing import Any

from metabot.bringup.description import FleetDescription
from metabot.task import SpecError, TaskDistribution, TaskSpec
from metabot_sim.families.driving import with_robots
from metabot_sim.families.registry import family

_MANY = 1000
"""Numbers of tasks that each seed has for itself."""


def number_of(seed: int, which: int = 0) -> int:
    """The number of a task: the first one of a seed, or another."""
    return _MANY * seed + which


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
    return family(name).sample(number_of(seed), split, robots, seed)  # type: ignore[arg-type]


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
    makes = {(robot.kind, robot.mjcf, robot.radius_m, robot.tray) for robot in spec.robots}
    if alone and len(makes) > 1:
        of = {robot.kind if robot.mjcf is None else f"{robot.kind} of {robot.mjcf}" for robot in spec.robots}
        kinds = ", ".join(sorted(of))
        raise SpecError(f"robots: {kinds} in one fleet, which share a policy; allowed: robots of one kind and file")
    robots = tuple(
        like.model_copy(update={name: getattr(own, name) for name in ("kind", "mjcf", "radius_m", "tray")})
        for like, own in zip(usual.robots, spec.robots, strict=False)
    )
    same = {"control_hz": spec.control_hz, "reward": spec.reward, "team_share": spec.team_share}
    if not alone or len(spec.robots) == 1:
        same |= {"world": spec.world, "horizon_s": spec.horizon_s}
    judged = spec.success if not alone else spec.success.model_copy(update={"contact": usual.success.contact})
    scene = with_robots(usual, robots).model_copy(update={**same, "success": judged})
    return TaskDistribution(
        family=spec.family,
        robots=None if alone else len(spec.robots),
        scene=None if scene == usual else TaskSpec.parse(scene.model_dump()),
    )


def fleet_for(world: TaskSpec, **fields: Any) -> FleetDescription:
    """The fleet whose robots a world has, at its rate; they rehearse for it and are told it at start.

    Args:
        world: the task.
        fields: of `FleetDescription`; a `distribution` among them is learned from in place of `rehearsed`.

    Raises:
        SpecError: if the robots cannot rehearse together; one line.
    """
    distribution = fields.pop("distribution", "") or rehearsed(world).model_dump_json()
    return FleetDescription(
        robots=tuple(robot.name for robot in world.robots),
        control_hz=world.control_hz,
        distribution=distribution,
        spec=world.model_dump_json(),
        **fields,
    )

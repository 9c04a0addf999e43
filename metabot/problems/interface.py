"""What robots of a problem observe and command, with units: `interface_of`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from metabot.problems.family import FamilyProblem
from metabot.problems.partner import OTHERS, PartnerProblem
from metabot.problems.problem import Problem
from metabot.task import RobotInterface, Term
from metabot_sim.env import FleetEnv
from metabot_sim.interface import robot_interface

UNUSED = "unused_"
"""How names of numbers begin that a policy has for other robots than this one: zero, and not acted on."""


def interface_of(problem: Problem, robot: int = 0) -> RobotInterface:
    """The interface of one robot, as wide as the problem's policy.

    Args:
        problem: where the policy learned.
        robot: its number among those that act; robots of one kind have one interface.

    Raises:
        ValueError: if no robot of that number acts; one line.
    """
    if not 0 <= robot < problem.agents:
        raise ValueError(
            f"robot: {robot + 1}, but {problem.agents} act in {problem.name}; allowed: 1 to {problem.agents}"
        )
    found, shared = RobotInterface("", (), (), 0), 0
    if isinstance(problem, FamilyProblem):
        env = FleetEnv(problem.spec, 1)
        found, shared = robot_interface(env, robot), len(env.observation_names[0])
    # The compass of a hunter, say, is the problem's own.
    own = [
        Term(name, "1" if found.kind else "", frame="map" if found.kind else "")
        for name in problem.observation_names[shared:]
    ]
    observation = [*found.observation, *own]
    if isinstance(problem, PartnerProblem) and math.isfinite(sight := problem.behaviour.sight_m):
        observation = [replace(each, reach_m=sight) if each.name.startswith(OTHERS) else each for each in observation]
    return RobotInterface(
        found.kind,
        _filled(observation, problem.observation_size, f"{UNUSED}observation"),
        _filled(found.action, problem.action_size, f"{UNUSED}action" if found.kind else "action"),
        found.control_hz,
    )


def _filled(terms: Iterable[Term], size: int, name: str) -> tuple[Term, ...]:
    """The terms and as many more as make the size: what a policy has for wider robots."""
    found = list(terms)
    return (*found, *(Term(f"{name}_{number + 1}") for number in range(size - len(found))))

"""What some methods demand of a problem."""

from __future__ import annotations

from metabot.problems import Problem


def one_robot(problem: Problem, method: str, what: str) -> None:
    """Refuse a problem in which several robots act: each has hidden dynamics of its own.

    Args:
        problem: to be looked at.
        method: its name.
        what: that the method keeps of one robot, "a memory" for instance.

    Raises:
        ValueError: if several robots act in an episode; one line.
    """
    if problem.agents != 1:
        raise ValueError(
            f"robots: {problem.agents} act in an episode of {problem.name}; {what} of {method} is one robot's"
        )


def an_expert(problem: Problem, method: str) -> None:
    """Refuse a problem that nobody masters.

    Raises:
        ValueError: if it has no expert; one line.
    """
    if not problem.has_expert:
        raise ValueError(f"family: nobody knows how to master {problem.name}; {method} needs an expert")

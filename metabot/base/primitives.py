"""Continuous actions as a few to choose from."""

from __future__ import annotations

import itertools

import numpy as np

from metabot.problems import Problem

MOST = 81


def primitives(problem: Problem, levels: int = 3) -> np.ndarray:
    """The actions that a learner of values chooses from, (choices, action_size) float32.

    Those of a discrete problem are its own. Elsewhere they are all combinations of equally spaced
    commands: with 3 levels and two commands nine, a car's forward, stop and back by left, straight and right.

    Args:
        problem: whose actions.
        levels: values of each command in [-1, 1].

    Raises:
        ValueError: if there would be more than `MOST`; one line.
    """
    if problem.discrete:
        return np.arange(problem.discrete, dtype=np.float32)[:, None]
    count = levels**problem.action_size
    if count > MOST:
        raise ValueError(
            f"levels: {levels} of {problem.action_size} commands are {count} actions; allowed: at most {MOST}"
        )
    steps = np.linspace(-1.0, 1.0, levels)
    return np.array(list(itertools.product(steps, repeat=problem.action_size)), dtype=np.float32)

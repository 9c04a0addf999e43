"""Which tasks are compared, and what they are in words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from metabot.problems import Problem
from metabot.problems.family import FamilyProblem
from metabot.problems.partner import PartnerProblem
from metabot.task import KINDS, OF_OBJECTS, RobotDynamics
from metabot_sim.episodes import OBJECT_DYNAMICS, ROBOT_DYNAMICS, named_dynamics
from metabot_sim.families.registry import family

POOL = 256
"""Tasks that those far apart are chosen from."""


def standardised(problem: Problem, tasks: np.ndarray) -> np.ndarray:
    """What tasks hide, every number with mean 0 and spread 1 over them, (tasks, n).

    Where a problem cannot say what its tasks hide, the rows themselves are taken.
    """
    values = problem.hidden(tasks)
    values = np.asarray(tasks if values is None else values, dtype=np.float64).reshape(len(tasks), -1)
    return (values - values.mean(0)) / np.maximum(values.std(0), 1e-9)


def farthest_points(points: np.ndarray, count: int) -> np.ndarray:
    """Points far from one another: the next is the one farthest from all before it (Gonzalez 1985).

    Args:
        points: (n, d).
        count: how many; at most n.

    Returns:
        (count,) row numbers, beginning with the point farthest from the middle.
    """
    chosen = [int(np.linalg.norm(points - points.mean(0), axis=1).argmax())]
    nearest = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


def far_apart(problem: Problem, count: int, seed: int, pool: int = POOL) -> np.ndarray:
    """Tasks of the test split that hide things as different as can be, (count, ...) rows."""
    tasks = problem.sample(np.random.default_rng([seed, 21]), pool, "test")
    return tasks[farthest_points(standardised(problem, tasks), count)]


def groups_of(points: np.ndarray, count: int, rng: np.random.Generator, rounds: int = 10) -> np.ndarray:
    """Which of so many groups of near points each belongs to, (n,) (k-means, Lloyd 1982)."""
    centres = points[farthest_points(points, count)]
    for _ in range(rounds):
        member = np.linalg.norm(points[:, None] - centres, axis=-1).argmin(1)
        for group in range(count):
            mine = points[member == group]
            centres[group] = mine.mean(0) if len(mine) else points[rng.integers(len(points))]
    return np.linalg.norm(points[:, None] - centres, axis=-1).argmin(1)


def described(problem: Problem, tasks: np.ndarray) -> list[str]:
    """Each task in a few words: what is wrong with the robot or how the partner is; numbers where nobody has words."""
    if isinstance(problem, PartnerProblem):
        return [_listed(problem.behaviour.traits, row) for row in tasks]
    if isinstance(problem, FamilyProblem) and (dynamics := family(problem.name).dynamics):
        episodes = problem.episodes_of(tasks)
        words = [_robot(values) for values in episodes.robot_dynamics[:, 0]]
        if KINDS[family(problem.name).spec(problem.agents).robots[0].kind].reach_m is not None:
            # Of an arm a gain and a bias mean something else than the words say, which are those of cars.
            mine = [name for name in dynamics if not name.startswith(OF_OBJECTS)]
            columns = [ROBOT_DYNAMICS.index(name) for name in mine]
            words = [_listed(mine, row[columns]) for row in episodes.robot_dynamics[:, 0]]
        things = [name.removeprefix(OF_OBJECTS) for name in dynamics if name.startswith(OF_OBJECTS)]
        if things and episodes.object_dynamics.shape[1]:
            values = episodes.object_dynamics[:, 0, [OBJECT_DYNAMICS.index(name) for name in things]]
            words = [f"{each}, {_listed(things, row)}" for each, row in zip(words, values, strict=True)]
        return words
    hidden = problem.hidden(tasks)
    if hidden is None:
        return [f"task {number}" for number in range(len(tasks))]
    return ["(" + ", ".join(f"{value:.2g}" for value in row) + ")" for row in hidden]


def _listed(names: Iterable[str], row: np.ndarray) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.2g}" for name, value in zip(names, row, strict=True))


def _robot(values: np.ndarray) -> str:
    """What differs from a healthy robot; by numbers what `RobotDynamics.describe` has no words for."""
    healthy = RobotDynamics()
    read = named_dynamics(values)
    robot = RobotDynamics.parse(read)
    words = robot.describe()
    rest = [
        f"{name.replace('_', ' ')} {value:.2g}"
        for name, value in read.items()
        if value != getattr(healthy, name) and name not in _WORDED
    ]
    return ", ".join(([] if words == "healthy" and rest else [words]) + rest)


_WORDED = frozenset(
    {
        "drive_gain",
        "steer_gain",
        "steer_bias",
        "wheel_left",
        "wheel_right",
        "wheels_swapped",
        "heading_offset",
        "odometry_scale",
        "odometry_drift",
        "delay_steps",
        "dead",
        "noise",
        "payload_kg",
        "friction",
        "link_mass",
        "damping",
    }
)
"""What `RobotDynamics.describe` has words for."""

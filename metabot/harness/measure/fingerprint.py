"""Which version of a problem's dynamics a figure was measured with."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import sys
from collections.abc import Iterator

import numpy as np

from metabot.problems import SPLITS, Problem
from metabot.problems.family import FamilyProblem
from metabot.problems.partner import PartnerProblem
from metabot.task import Interval
from metabot_sim.families.base import Family
from metabot_sim.families.registry import family

TASKS, STEPS = 4, 20
"""Of each split, and of each of their episodes: what is looked at."""
DECIMALS = 4
"""Machines differ far behind them."""


def fingerprint(problem: Problem) -> str:
    """Twelve digits that are others when a problem's tasks, rules or physics are.

    They are made from the ranges that tasks are drawn from, the scene, the code of the problem's own modules
    (comments and docstrings left out) and what random commands do in a few episodes of each split: that
    is where a change of the physics shows, wherever it was made.
    """
    digest = hashlib.sha256()
    for part in _parts(problem):
        digest.update(part)
    return digest.hexdigest()[:12]


def ranges(found: Family) -> dict[str, object]:
    """Every interval that a family draws from, by name; places of tasks included."""
    named: dict[str, object] = {}
    for name in dir(found):
        value = inspect.getattr_static(found, name)
        if isinstance(value, Interval):
            named[name] = value.model_dump()
    for part in ("dynamics", "held_out"):
        named[part] = {name: interval.model_dump() for name, interval in sorted(getattr(found, part).items())}
    return named


def _parts(problem: Problem) -> Iterator[bytes]:
    yield f"{problem.observation_size} {problem.action_size} {problem.horizon} {problem.agents}".encode()
    kinds: list[type] = [type(problem)]
    if isinstance(problem, PartnerProblem):
        kinds = [type(problem.behaviour)]
        traits = (problem.behaviour.traits, problem.behaviour.held_out)
        yield json.dumps([{name: each.model_dump() for name, each in part.items()} for part in traits]).encode()
    elif isinstance(problem, FamilyProblem):
        found = family(problem.name)
        kinds = [type(found)]
        yield json.dumps(ranges(found), sort_keys=True).encode()
        # What is as it always is need not be named: a new field with a default changes nothing.
        yield found.spec(problem.agents).model_dump_json(exclude_defaults=True).encode()
    for kind in kinds:
        yield _code(kind).encode()
    yield from _traces(problem)


def _traces(problem: Problem) -> Iterator[bytes]:
    for number, split in enumerate(SPLITS):
        rng = np.random.default_rng([7, number])
        observation = problem.begin(problem.sample(rng, TASKS, split), rng)
        yield _rounded(observation)
        for _ in range(min(STEPS, problem.horizon)):
            actions = rng.uniform(-1.0, 1.0, (len(observation), problem.action_size)).astype(np.float32)
            if problem.discrete:
                actions = rng.integers(problem.discrete, size=actions.shape).astype(np.float32)
            done = problem.step(actions)
            yield _rounded(done.observations) + _rounded(done.rewards)


def _rounded(values: np.ndarray) -> bytes:
    return (np.round(values.astype(np.float64), DECIMALS) + 0.0).tobytes()


def _code(kind: type) -> str:
    """The module of a class without what only people read."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[kind.__module__]))
    except (OSError, TypeError, KeyError):
        return kind.__qualname__
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)

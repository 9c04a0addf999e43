"""One hidden variable at a time: what does it cost one who does not adapt, and one who does?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from metabot.base import policy_for
from metabot.base.actor import Actor
from metabot.base.imitators import ImitatorConfig, imitators
from metabot.base.rollout import rollout
from metabot.harness.measure.adapted import adapted
from metabot.harness.measure.config import MeasureConfig
from metabot.harness.measure.drivers import Driver
from metabot.harness.measure.pinned import pinned, variables
from metabot.harness.statistics import interquartile_means
from metabot.harness.training import Training
from metabot.problems import Problem

NONE = "none"
"""The row in which nothing is drawn."""
MASTERED = 0.5
"""Success with nothing drawn from which on a loss of it says something."""
NOTHING = 0.05
"""A loss of success that is none."""
IMITATION = ImitatorConfig(rounds=4, episodes=24, updates=300, batch=512)
POOL = 256


def variables_once(
    problem: Problem,
    config: MeasureConfig,
    seed: int,
    driver: Driver,
    training: Training,
    threads: int,
    say: Callable[[str, float], None],
) -> dict[str, Any]:
    """Every variable with one seed.

    Args:
        problem: where.
        config: how much.
        seed: of tasks and everything that is drawn.
        driver: the best that does not adapt, trained on the whole distribution.
        training: of the method that adapts, on the whole distribution, too.
        threads: simulation threads.
        say: called with a variable and the share done.

    Returns:
        By name of the variable, and for `NONE`, success on every task of ``unadapted``, of ``alone`` (a memoryless
        policy that imitated the expert where this variable alone is drawn; without an expert there is none), and
        of ``adapted``.
    """
    found: dict[str, Any] = {}
    names: list[str | None] = [None, *variables(problem)]
    for number, free in enumerate(names):
        say(free or NONE, number / len(names))
        one = pinned(problem, free, threads)
        rng = np.random.default_rng([seed, 50])
        tasks = one.sample(rng, config.tasks, "test")
        learner = training.learner
        rows = adapted(learner, training.meta, one, tasks, config.episodes, rng)
        with torch.no_grad():
            played = rollout(one, learner.policy, rows, tasks, config.trials, rng, deterministic=True)
        found[free or NONE] = {
            "unadapted": driver.drive(one, tasks, config.trials, rng)[0].tolist(),
            "alone": _alone(one, tasks, config, rng).tolist() if one.has_expert else [],
            "adapted": played.success.mean(1).tolist(),
        }
    return {"success": found}


def _alone(problem: Problem, tasks: np.ndarray, config: MeasureConfig, rng: np.random.Generator) -> np.ndarray:
    policy = policy_for(problem)
    rows, _ = imitators(problem, policy, [problem.sample(rng, POOL)], rng, IMITATION)
    return Driver(1, Actor.of(policy, rows[0])).drive(problem, tasks, config.trials, rng)[0]


def costs(found: list[dict[str, Any]]) -> dict[str, Any]:
    """All seeds put together.

    Returns:
        ``rows``: by variable the success of each kind as intervals; ``costs_nobody``: variables that alone cost
        less than `NOTHING` of what is reached with none drawn, whoever drives: neither the policy that was
        trained for it alone (where nobody could be imitated, the best on the whole distribution), nor the adapted one.
    """
    names = list(found[0]["success"]) if found else []
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        rows[name] = {}
        for kind in ("unadapted", "alone", "adapted"):
            scores = np.array([each["success"][name][kind] for each in found])
            if scores.size:
                rows[name][kind] = asdict(interquartile_means(scores[..., None])[0])
    return {"rows": rows, "costs_nobody": idle(rows)}


def idle(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Variables that alone cost nobody anything, see `costs`; none where nothing can be lost.

    Args:
        rows: by variable the success of each kind as intervals.
    """
    if not rows or not telling(rows):
        return []
    kinds = _kinds(rows)
    others = [name for name in rows if name != NONE]
    return [
        name for name in others if all(rows[NONE][kind]["mean"] - rows[name][kind]["mean"] < NOTHING for kind in kinds)
    ]


def telling(rows: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a loss says something: who masters little with nothing drawn loses nothing to any variable."""
    return all(rows[NONE][kind]["mean"] >= MASTERED for kind in _kinds(rows))


def _kinds(rows: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    # Without an expert nobody was trained for a variable alone.
    return ("alone" if "alone" in rows[NONE] else "unadapted", "adapted")

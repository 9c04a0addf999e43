"""The best that needs no adaptation, with the method's budget and with five times as much."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from metabot.base.rollout import rollout
from metabot.harness.measure.config import MeasureConfig
from metabot.harness.measure.contestants import CONTESTANTS, Contestant
from metabot.harness.measure.drivers import Driver
from metabot.harness.statistics import interquartile_means
from metabot.harness.training import Training
from metabot.problems import Problem

MORE = 5
"""How many times the budget the best of them have, too."""
FINALISTS = 3
"""Contestants that have the larger budget: those best on validation tasks with the smaller one."""
VALIDATION_TASKS, VALIDATION_TRIALS = 24, 4

Keep = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]
"""Finds a part by its name, or makes it."""
Say = Callable[[str, float], None]


def unadapted_once(
    problem: Problem,
    config: MeasureConfig,
    seed: int,
    keep: Keep,
    say: Say,
    *,
    contestants: Sequence[Contestant] | None = None,
    finalists: int | None = None,
) -> list[dict[str, Any]]:
    """Every contestant with one seed.

    Args:
        problem: where.
        config: how much.
        seed: of training, and of the tasks that everybody is tried on.
        keep: finds what is finished.
        say: called with a contestant's name and the share done.
        contestants: who competes; all by default.
        finalists: how many of them have the larger budget as well; `FINALISTS` by default.

    Returns:
        For each contestant and budget ``name``, ``times`` the budget, ``setting``, ``env_steps``, ``train_s``,
        ``validation`` (success, return), ``success`` and ``returns`` on every test task, and its ``driver``.
    """
    names = [each for each in (CONTESTANTS if contestants is None else contestants) if each.fits(problem)]
    finalists = FINALISTS if finalists is None else finalists
    trainings = sum(len(each.settings) if seed == 0 else 1 for each in names) + finalists * MORE
    done = 0

    def made(contestant: Contestant, times: int, setting: Mapping[str, Any], part: str) -> dict[str, Any]:
        nonlocal done

        def told(share: float) -> None:
            say(f"{contestant.name}, {times} x", (done + times * share) / trainings)

        value = keep(part, lambda: _tried(problem, config, contestant, times, seed, setting, told))
        done += times
        return value

    found = []
    for contestant in names:
        # Every setting with the first seed; what is best on validation tasks holds for all seeds.
        tuned = [_part(contestant, number) for number in range(len(contestant.settings))]
        if seed == 0:
            tries = [made(contestant, 1, each, part) for each, part in zip(contestant.settings, tuned, strict=True)]
            found.append(max(tries, key=lambda each: tuple(each["validation"])))
        else:
            best = max((keep(part, _missing) for part in tuned), key=lambda each: tuple(each["validation"]))
            found.append(made(contestant, 1, best["setting"], f"{contestant.name} x1-{seed}"))
    if seed == 0:
        ranked = sorted(found, key=lambda each: tuple(each["validation"]), reverse=True)[:finalists]
        chosen = keep("finalists", lambda: {"names": [each["name"] for each in ranked]})
    else:
        chosen = keep("finalists", _missing)
    for each in [each for each in found if each["name"] in chosen["names"]]:
        (contestant,) = (one for one in names if one.name == each["name"])
        found.append(made(contestant, MORE, each["setting"], f"{contestant.name} x{MORE}-{seed}"))
    return found


def _part(contestant: Contestant, number: int) -> str:
    """The name of the part in which a contestant has one of its settings, with the first seed."""
    return f"{contestant.name} setting {number} x1-0"


def _missing() -> dict[str, Any]:
    raise AssertionError("the first seed comes first")


def _validated(problem: Problem, driver: Driver) -> tuple[float, float]:
    tasks = problem.sample(np.random.default_rng(41), VALIDATION_TASKS, "validation")
    success, returns = driver.drive(problem, tasks, VALIDATION_TRIALS, np.random.default_rng(42))
    return float(success.mean()), float(returns.mean())


def _tried(
    problem: Problem,
    config: MeasureConfig,
    contestant: Contestant,
    times: int,
    seed: int,
    setting: Mapping[str, Any],
    told: Callable[[float], None],
) -> dict[str, Any]:
    started = time.monotonic()
    driver, spent = contestant.train(problem, times * config.env_steps, seed, setting, told)
    seconds = time.monotonic() - started
    success, returns = driver.drive(problem, tried_tasks(problem, config, seed), config.trials, _testing(seed))
    return {
        "name": contestant.name,
        "times": times,
        "setting": dict(setting),
        "env_steps": spent,
        "train_s": round(seconds, 1),
        "validation": _validated(problem, driver),
        "success": success.tolist(),
        "returns": returns.tolist(),
        "driver": driver.as_dict(),
    }


def tried_tasks(problem: Problem, config: MeasureConfig, seed: int) -> np.ndarray:
    """The tasks that everybody is tried on, the same for all that are compared."""
    return problem.sample(np.random.default_rng([seed, 40]), config.tasks, "test")


def _testing(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 43])


def remembered_once(problem: Problem, config: MeasureConfig, seed: int, training: Training) -> dict[str, Any]:
    """A policy with a memory that begins an episode knowing nothing: it adapts within the episode alone."""
    tasks, learner = tried_tasks(problem, config, seed), training.learner
    rows = learner.start(training.meta).expand(len(tasks), -1)
    played = rollout(problem, learner.policy, rows, tasks, config.trials, _testing(seed), deterministic=True)
    return {
        "name": training.config.method,
        "times": 1,
        "env_steps": training.env_steps,
        "train_s": round(training.seconds, 1),
        "success": played.success.mean(1).tolist(),
        "returns": played.returns.mean(1).tolist(),
    }


def compared(found: Sequence[dict[str, Any]], memory: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All seeds put together.

    Args:
        found: of all seeds, what `unadapted_once` gave.
        memory: what `remembered_once` gave.

    Returns:
        ``rows``: every contestant with every budget, best first, its ``success`` and ``returns`` as intervals;
        ``memory``: the same for those with a memory; ``best``: name, times the budget and mean success of the best
        of the rows; ``driver`` of it.
    """
    rows = [_row(found, name, times) for name, times in dict.fromkeys((e["name"], e["times"]) for e in found)]
    rows.sort(key=lambda row: (row["success"]["mean"], row["returns"]["mean"]), reverse=True)
    best = rows[0]
    mine = [each for each in found if (each["name"], each["times"]) == (best["name"], best["times"])]
    return {
        "rows": rows,
        "memory": [_row(memory, name, 1) for name in dict.fromkeys(each["name"] for each in memory)],
        "best": {"name": best["name"], "times": best["times"], "success": best["success"]["mean"]},
        "driver": mine[0]["driver"],
    }


def _row(found: Sequence[dict[str, Any]], name: str, times: int) -> dict[str, Any]:
    mine = [each for each in found if (each["name"], each["times"]) == (name, times)]
    scores = np.array([[each["success"], each["returns"]] for each in mine]).transpose(0, 2, 1)
    success, returns = interquartile_means(scores)
    return {
        "name": name,
        "times": times,
        "seeds": len(mine),
        "setting": mine[0].get("setting", {}),
        "env_steps": round(float(np.mean([each["env_steps"] for each in mine]))),
        "train_s": round(float(np.mean([each["train_s"] for each in mine])), 1),
        "success": asdict(success),
        "returns": asdict(returns),
    }

"""What needs no adaptation, beside the methods of an evaluation, and the methods' cross matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from metabot.harness.curves import Curve, Protocol
from metabot.harness.measure.config import MeasureConfig
from metabot.harness.measure.contestants import CONTESTANTS, Contestant
from metabot.harness.measure.cross import cross_once, crossed
from metabot.harness.measure.drivers import Driver
from metabot.harness.measure.fingerprint import fingerprint
from metabot.harness.measure.kept import Kept
from metabot.harness.measure.unadapted import FINALISTS, MORE, unadapted_once
from metabot.harness.training import Training
from metabot.policy.threads import one_torch_thread
from metabot.problems import Problem, Split

Rivals = Literal["none", "few", "all"]
"""Which of them: ``few`` on the same budget, or ``all``, the best of whom have a larger one as well."""
FEW = ("PPO", "imitation, 4 frames")
CROSS_TASKS = 8

Told = Callable[[str, float], None]


def comparable(problem: Problem) -> bool:
    """Whether there is something to be mastered, by one robot with commands in [-1, 1]."""
    return problem.has_success and problem.agents == 1 and not problem.discrete


def contestants(rivals: Rivals) -> tuple[Contestant, ...]:
    """Who competes."""
    chosen = {"none": (), "few": FEW, "all": tuple(each.name for each in CONTESTANTS)}[rivals]
    return tuple(each for each in CONTESTANTS if each.name in chosen)


def trainings(problem: Problem, rivals: Rivals) -> int:
    """How many budgets one seed of them takes, about."""
    count = sum(each.fits(problem) for each in contestants(rivals))
    return count + (FINALISTS * MORE if rivals == "all" else 0)


def rival_curves(
    problem: Problem,
    config: MeasureConfig,
    rivals: Rivals,
    seed: int,
    protocols: Mapping[Split, Protocol],
    folder: Path | None,
    told: Told,
) -> list[tuple[str, Split, Curve, tuple[int, float]]]:
    """Train those who do not adapt with one seed, and try them.

    Their settings are chosen on validation tasks with seed 0, which has to come first.

    Args:
        problem: where.
        config: budget and seeds.
        rivals: which.
        seed: of training.
        protocols: how, by split.
        folder: where parts are kept, so that a second call finds them; nowhere without one.
        told: progress of this seed.

    Returns:
        Name (with the budget where it is a larger one), split, curve, and the steps and seconds of training.
    """
    kept = Kept(folder)
    key = {"fingerprint": fingerprint(problem), "env_steps": config.env_steps, "rivals": rivals}

    def keep(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        value: dict[str, Any] = kept.part(name.lower().replace(",", "").replace(" ", "-"), key, make)
        return value

    finalists = FINALISTS if rivals == "all" else 0
    tried = unadapted_once(problem, config, seed, keep, told, contestants=contestants(rivals), finalists=finalists)
    one_torch_thread()
    found = []
    for each in tried:
        name = each["name"] if each["times"] == 1 else f"{each['name']}, {each['times']} x the budget"
        driver = Driver.from_dict(each["driver"])
        for split, protocol in protocols.items():
            success, returns = driver.drive(problem, protocol.rows(problem), protocol.trials, protocol.testing())
            shape = (len(protocol.episodes), 1)
            curve = Curve(protocol.episodes, np.tile(success, shape), np.tile(returns, shape))
            found.append((name, split, curve, (each["env_steps"], each["train_s"])))
    return found


def cross_matrix_of(problem: Problem, training: Training, trials: int, episodes: int) -> dict[str, Any]:
    """A trained method's cross matrix, as `metabot.harness.measure.cross.crossed` gives it."""
    config = MeasureConfig(cross_tasks=CROSS_TASKS, trials=trials, episodes=episodes)
    return crossed(training.config.method, [cross_once(problem, config, 0, training)])

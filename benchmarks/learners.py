"""Which learners master a single task of each family, from nothing, and in how many steps."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from metabot.base.registry import base_learner
from metabot.policy.threads import one_torch_thread
from metabot.problems import Problem, make_problem
from metabot_sim.families.registry import available

MASTERY = 0.9
TRIALS = 32
IMITATION = "imitation"
_EXPERT_SAYS_MORE = 10
"""Imitation has so much smaller a budget than learning from rewards."""


def run(*, families: tuple[str, ...] = (), learners: tuple[str, ...] = (), env_steps: int = 300_000) -> list[Any]:
    """Rows of the benchmark: success after a budget, and the steps after which the learner stood at 90 % itself.

    Args:
        families: names; all in which something is to be mastered by default.
        learners: names; imitation of the expert, and what learns from rewards, by default.
        env_steps: budget of control steps, all robots of an episode together counting once.

    Raises:
        ValueError: if a family or a learner is none; one line.
    """
    one_torch_thread()
    rows = []
    for name in families or available():
        problem = make_problem(name)
        if not problem.has_success:
            continue
        fitting = ("ppo",) if problem.agents == 1 else ("ippo", "mappo")
        for learner in learners or (IMITATION, *fitting):
            if learner != IMITATION or problem.has_expert:
                rows.append(_row(problem, learner, env_steps))
    return rows


def _row(problem: Problem, learner: str, env_steps: int) -> dict[str, Any]:
    started = time.monotonic()
    task = problem.numbered(0)
    success, mastered, spent = _learned(problem, learner, task, env_steps)
    robots = f"{problem.agents} robot{'s' * (problem.agents > 1)}"
    return {
        "case": f"{problem.name}, {robots}, {learner}, {spent:,} steps"
        + ("" if mastered is None else f"; at 90 % after {mastered:,}"),
        "value": round(100 * success, 1),
        "unit": "%",
        "peer": None,
        "ratio": None,
        "family": problem.name,
        "robots": problem.agents,
        "learner": learner,
        "env_steps": spent,
        "success": round(success, 4),
        "steps_to_master": mastered,
        "seconds": round(time.monotonic() - started, 1),
    }


def _learned(problem: Problem, learner: str, task: np.ndarray, env_steps: int) -> tuple[float, int | None, int]:
    """Success; the steps after which the newest episodes were mastered while it explored; the steps spent."""
    entry = base_learner(learner)
    base = entry.make(problem, entry.config())
    start = torch.from_numpy(base.initial(np.random.default_rng([0, 0])))[None]
    mastered: list[int] = []

    def told(episodes: int, success: float) -> None:
        if success >= MASTERY and not mastered:
            mastered.append(episodes * problem.horizon)

    episodes = max(1, env_steps // (problem.horizon * (_EXPERT_SAYS_MORE if learner == IMITATION else 1)))
    learned = base.learn(problem, task, start, episodes, np.random.default_rng([0, 1]), told)
    success, _ = base.play(problem, task, learned, TRIALS, np.random.default_rng([0, 2]))
    if learner == IMITATION and success.mean() >= MASTERY:
        mastered.append(episodes * problem.horizon)
    return float(success.mean()), mastered[0] if mastered else None, episodes * problem.horizon

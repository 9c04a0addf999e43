"""Who competes without adapting: learners over the whole distribution of tasks, each with a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from metabot.base import policy_for
from metabot.base.actor import Actor
from metabot.base.cross_entropy import CrossEntropyConfig, cross_entropy
from metabot.base.imitators import ImitatorConfig, imitators
from metabot.base.pretrain import PretrainConfig, pretrain
from metabot.base.stacked import StackedFrames
from metabot.harness.measure.drivers import Driver, drive, feedback_for
from metabot.policy.threads import one_torch_thread
from metabot.problems import Problem

NO_ADAPTATION = "no adaptation"
"""Kind of those who do not adapt."""
FRAMES = 4
"""Observations that a policy with stacked frames sees."""
POOL = 1024
"""Tasks of training that one who imitates experts is shown."""
SEARCHED = 16
"""Validation tasks that a feedback controller is tuned on."""

Told = Callable[[float], None]


@dataclass(frozen=True)
class Contestant:
    """One way to do without adaptation.

    Attributes:
        name: as tables call it.
        train: from a problem, a budget of control steps, a seed and a setting to a driver and the steps spent.
        fits: whether it can be tried on a problem.
        settings: of which one is chosen on validation tasks.
    """

    name: str
    train: Callable[[Problem, int, int, Mapping[str, Any], Told], tuple[Driver, int]]
    fits: Callable[[Problem], bool] = lambda problem: True
    settings: tuple[Mapping[str, Any], ...] = field(default=({},))


def _ppo(frames: int) -> Callable[..., tuple[Driver, int]]:
    def train(
        problem: Problem, env_steps: int, seed: int, setting: Mapping[str, Any], told: Told
    ) -> tuple[Driver, int]:
        seen = problem if frames == 1 else StackedFrames(problem, frames)
        policy = policy_for(seen)
        # With few steps many small batches: an iteration of the default is an eighth of them.
        episodes = max(2, min(16, env_steps // (12 * 24 * problem.horizon)))
        config = PretrainConfig(episodes=episodes, **setting)
        row, spent = pretrain(seen, policy, env_steps, seed, config, lambda done, success: told(done))
        return Driver(frames, Actor.of(policy, torch.from_numpy(row))), spent

    return train


def _kept(algorithm: str) -> Callable[..., tuple[Driver, int]]:
    def train(
        problem: Problem, env_steps: int, seed: int, setting: Mapping[str, Any], told: Told
    ) -> tuple[Driver, int]:
        from metabot.base.many_tasks import ManyTasksConfig, train_on_many

        values = dict(setting)
        config = ManyTasksConfig(algorithm, values.pop("tasks"), settings=values)  # type: ignore[arg-type]
        actor, spent = train_on_many(problem, config, env_steps, seed, lambda done, success: told(done))
        one_torch_thread()
        return Driver(1, actor), spent

    return train


def _imitation(frames: int) -> Callable[..., tuple[Driver, int]]:
    def train(
        problem: Problem, env_steps: int, seed: int, setting: Mapping[str, Any], told: Told
    ) -> tuple[Driver, int]:
        seen = problem if frames == 1 else StackedFrames(problem, frames)
        policy, rng = policy_for(seen), np.random.default_rng([seed, 33])
        rounds = 6
        config = ImitatorConfig(
            rounds=rounds,
            episodes=max(1, env_steps // (rounds * problem.horizon)),
            updates=400,
            batch=1024,
            **setting,
        )
        pool = [problem.sample(rng, POOL)]
        rows, spent = imitators(seen, policy, pool, rng, config, told=lambda done, success: told(done))
        return Driver(frames, Actor.of(policy, rows[0])), spent

    return train


def _feedback(
    problem: Problem, env_steps: int, seed: int, setting: Mapping[str, Any], told: Told
) -> tuple[Driver, int]:
    controller = feedback_for(problem)
    assert controller is not None, "`fits` has asked"
    rng = np.random.default_rng([seed, 34])
    config = CrossEntropyConfig()
    a_round = config.population * SEARCHED * problem.horizon
    # The last one is for choosing among the best.
    rounds = max(1, env_steps // a_round - 1)
    done = 0

    def score(candidates: np.ndarray) -> np.ndarray:
        nonlocal done
        tasks = problem.sample(rng, SEARCHED, "validation")
        rows = np.repeat(candidates, SEARCHED, axis=0)
        where = np.tile(tasks, (len(candidates), 1))
        found = drive(problem, lambda seen, step: controller(rows, seen, step), where, 1, rng)
        done += 1
        told(min(1.0, done / (rounds + 1)))
        return np.stack([each.reshape(len(candidates), -1).mean(1) for each in found], axis=1)

    best = cross_entropy(score, controller.low, controller.high, rounds, rng, config)
    again = np.repeat(np.concatenate([best.mean(0)[None], best[:3]]), config.population // 4, axis=0)
    scores = score(again).reshape(4, -1, 2).mean(1)
    chosen = again[:: config.population // 4][np.lexsort((-scores[:, 1], -scores[:, 0]))[0]]
    return Driver(numbers=tuple(map(float, chosen))), (rounds + 1) * a_round


CONTESTANTS = (
    Contestant("PPO", _ppo(1), settings=({"step": 2e-3}, {"step": 5e-4})),
    Contestant(f"PPO, {FRAMES} frames", _ppo(FRAMES)),
    Contestant(
        "SB3 PPO",
        _kept("ppo"),
        settings=(
            {"tasks": 32, "learning_rate": 3e-4, "gamma": 0.99},
            {"tasks": 32, "learning_rate": 1e-3, "gamma": 0.97},
            {"tasks": 64, "learning_rate": 1e-3, "gamma": 0.97, "ent_coef": 0.003},
        ),
    ),
    Contestant(
        "SB3 SAC",
        _kept("sac"),
        settings=(
            {"tasks": 64, "learning_rate": 1e-3, "gradient_steps": 2, "gamma": 0.97},
            {"tasks": 64, "learning_rate": 3e-4, "gradient_steps": 2, "gamma": 0.99},
        ),
    ),
    Contestant("imitation", _imitation(1), lambda problem: problem.has_expert),
    Contestant(f"imitation, {FRAMES} frames", _imitation(FRAMES), lambda problem: problem.has_expert),
    Contestant("feedback", _feedback, lambda problem: feedback_for(problem) is not None),
)
"""All of them; the last is hand-made and tuned by the cross-entropy method."""

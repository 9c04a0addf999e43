"""How a method does after 0, 1, 2, 4, 8 adaptation episodes, beside the baselines, on fresh tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base import PPO, PPOSession, policy_for, rollout
from metabot.experience import Episodes
from metabot.harness.baselines import Pretrained
from metabot.meta.learner import MetaLearner
from metabot.policy import Policy
from metabot.problems import Problem, Split

EPISODES = (0, 1, 2, 4, 8)


@dataclass(frozen=True)
class Protocol:
    """How everything is measured.

    Attributes:
        split: which tasks.
        tasks: how many.
        trials: fresh episodes of each task for every figure, with the mean action.
        episodes: numbers of adaptation episodes, ascending.
        seed: of tasks, goals and noise: the same for all that are compared.
    """

    split: Split
    tasks: int = 32
    trials: int = 16
    episodes: tuple[int, ...] = EPISODES
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        for name in ("tasks", "trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if not self.episodes or list(self.episodes) != sorted({*self.episodes}) or self.episodes[0] < 0:
            raise ValueError(f"episodes: {self.episodes} are not whole numbers in ascending order")

    def rows(self, problem: Problem) -> np.ndarray:
        """The tasks."""
        return problem.sample(np.random.default_rng([self.seed, 10]), self.tasks, self.split)

    def gathering(self) -> np.random.Generator:
        """The random numbers of adaptation episodes."""
        return np.random.default_rng([self.seed, 11])

    def testing(self) -> np.random.Generator:
        """The random numbers of trials."""
        return np.random.default_rng([self.seed, 12])


@dataclass(frozen=True)
class Curve:
    """Success and return against adaptation episodes.

    Attributes:
        episodes: (k,) numbers of adaptation episodes.
        success: (k, tasks) share of trials.
        returns: (k, tasks) mean undiscounted return.
    """

    episodes: tuple[int, ...]
    success: np.ndarray
    returns: np.ndarray


def method_curve(learner: MetaLearner, meta: Tensor, problem: Problem, protocol: Protocol) -> Curve:
    """The curve of a trained method.

    Args:
        learner: the method.
        meta: (layout.size,) its meta-parameters.
        problem: where.
        protocol: how.
    """
    tasks = protocol.rows(problem)
    most = protocol.episodes[-1]
    experience = learner.gather(meta, problem, tasks, most, protocol.gathering()) if most else None

    def parameters(episodes: int) -> Tensor:
        if not episodes or experience is None:
            return learner.start(meta).expand(len(tasks), -1)
        with torch.no_grad():
            return learner.adapt(meta, experience.first(episodes * problem.agents)).detach()

    return _curve(problem, learner.policy, parameters, tasks, protocol)


def pretrained_curve(baseline: Pretrained, problem: Problem, protocol: Protocol) -> Curve:
    """The curve of multi-task pre-training and fine-tuning; at 0 episodes it is domain randomisation."""
    tasks = protocol.rows(problem)
    start = baseline.start(len(tasks))
    most = protocol.episodes[-1]
    experience = rollout(problem, baseline.policy, start, tasks, most, protocol.gathering()) if most else None

    def parameters(episodes: int) -> Tensor:
        return (
            start if experience is None or not episodes else baseline.tuned(experience.first(episodes * problem.agents))
        )

    return _curve(problem, baseline.policy, parameters, tasks, protocol)


def scratch_curve(problem: Problem, protocol: Protocol, seed: int) -> Curve:
    """The curve of PPO from random parameters; long ones show what learning without a start costs."""
    tasks = protocol.rows(problem)
    learner = PPO(policy_for(problem))
    start = torch.from_numpy(learner.initial(np.random.default_rng([seed, 13]))).expand(len(tasks), -1)
    session, rng, done = PPOSession(learner, start), protocol.gathering(), 0
    learned: dict[int, Tensor] = {}
    for episodes in protocol.episodes:
        session.learn(problem, tasks, episodes - done, rng)
        learned[episodes], done = session.parameters, episodes
    return _curve(problem, learner.policy, learned.__getitem__, tasks, protocol)


def expert_bound(problem: Problem, protocol: Protocol) -> tuple[float, float] | None:
    """Mean success and return of one who knows the tasks; None where nobody does."""
    problem.begin(np.repeat(protocol.rows(problem), protocol.trials, axis=0), protocol.testing())
    returns, success = np.zeros(1), np.zeros(1)
    for _ in range(problem.horizon):
        actions = problem.expert()
        if actions is None:
            return None
        step = problem.step(actions.astype(np.float32))
        returns, success = returns + step.rewards, step.success
    return float(np.mean(success)), float(np.mean(returns))


def _curve(
    problem: Problem, policy: Policy, parameters: Callable[[int], Tensor], tasks: np.ndarray, protocol: Protocol
) -> Curve:
    success, returns = [], []
    for episodes in protocol.episodes:
        played: Episodes = rollout(
            problem,
            policy,
            parameters(episodes),
            tasks,
            protocol.trials,
            protocol.testing(),
            deterministic=True,
        )
        success.append(played.success.mean(1).numpy())
        returns.append(played.returns.mean(1).numpy())
    return Curve(protocol.episodes, np.array(success), np.array(returns))

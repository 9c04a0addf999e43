"""Comparing an exported policy with the PyTorch one: step by step, and in closed loop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.rollout import rollout
from metabot.deploy.graph import Step
from metabot.deploy.runtime import PolicySession
from metabot.experience import Episodes
from metabot.policy import Moment, Policy
from metabot.problems import Problem

PARITY_LIMIT = 1e-5
"""Largest difference of actions, of order one, that is allowed."""
OBSERVATIONS = 1000
"""Of real episodes, at least, that are compared step by step."""
EPISODES = 128
"""In closed loop."""
_MAY_DIFFER = 2
"""Episodes that rounding may decide: contacts make much of the last digit."""
_ROWS, _STEPS = 8, 128


@dataclass(frozen=True)
class Proof:
    """What was compared, and how far the two were apart.

    Attributes:
        observations: of real episodes, each seen by both; policies with a memory forget everything in the middle.
        parity_max_abs: largest absolute difference of their actions.
        episodes: driven by each, in closed loop.
        success: share of them that PyTorch and ONNX Runtime mastered, from equal starts.
    """

    observations: int
    parity_max_abs: float
    episodes: int
    success: tuple[float, float]


def check_probes(session: PolicySession, step: Step, seed: int = 0) -> float:
    """Largest difference on random sequences, with everything forgotten in the middle.

    Args:
        session: the exported policy.
        step: the same in PyTorch.
        seed: of the sequences.

    Raises:
        ValueError: if they differ by more than `PARITY_LIMIT`; one line.
    """
    rng = np.random.default_rng(seed)
    contract = session.contract
    memory, parity = session.begin(_ROWS), 0.0
    state = [torch.zeros(_ROWS, *entry.shape) for entry in contract.state]
    for number in range(_STEPS):
        if number == _STEPS // 2:
            memory = session.begin(_ROWS)
        seen = rng.standard_normal((_ROWS, len(contract.observation))).astype(np.float32)
        reward = rng.standard_normal(_ROWS).astype(np.float32)
        flags = {
            "observation": seen,
            "last_action": memory.last_action,
            "last_reward": reward,
            "first": np.full(_ROWS, memory.first, np.float32),
            "reset": np.full(_ROWS, memory.reset, np.float32),
        }
        with torch.no_grad():
            found = step(*(torch.from_numpy(flags[name]) for name in step.inputs), *state)
        expected, *state = found if isinstance(found, tuple) else (found,)
        action, memory = session.step(seen, memory, reward)
        parity = _widest(parity, np.abs(action - expected.numpy()))
    _limited(parity)
    return parity


def prove(
    session: PolicySession,
    policy: Policy,
    parameters: Tensor,
    problem: Problem,
    tasks: np.ndarray | None = None,
    episodes: int = EPISODES,
    seed: int = 0,
) -> Proof:
    """Compare an exported policy with PyTorch in real episodes.

    Args:
        session: the exported policy.
        policy: the policy that was exported.
        parameters: (policy.layout.size,).
        problem: where.
        tasks: rows of `Problem.sample`, repeated as often as it takes; test tasks by default.
        episodes: in closed loop; step by step are as many of them as `OBSERVATIONS` take.
        seed: of tasks, starts and goals.

    Raises:
        ValueError: if actions differ by more than `PARITY_LIMIT`, or success in closed loop differs; one line.
    """
    rng = np.random.default_rng([seed, 60])
    if tasks is None:
        tasks = problem.sample(rng, episodes, "test")
    rows = np.resize(np.arange(len(tasks)), episodes)
    chosen, start = tasks[rows], int(rng.integers(2**62))
    played = rollout(
        problem, policy, parameters.expand(episodes, -1), chosen, 1, np.random.default_rng(start), deterministic=True
    )
    # As many episodes as it takes: those that are decided early have few observations.
    lengths = played.mask.flatten(0, 1).sum(1).numpy()
    count = min(len(lengths), 1 + int(np.searchsorted(np.cumsum(lengths), OBSERVATIONS)))
    seen, parity = _step_by_step(session, policy, parameters, played, count)
    _limited(parity)
    shares = played.success.numpy().reshape(episodes, -1)
    ours = np.asarray(shares.min(1) > 0.5)
    theirs = _in_closed_loop(session, problem, chosen, np.random.default_rng(start))
    apart = int((ours != theirs).sum())
    if problem.has_success and apart > _MAY_DIFFER:
        raise ValueError(
            f"closed loop: {apart} of {episodes} episodes end otherwise than with PyTorch; allowed: {_MAY_DIFFER}"
        )
    return Proof(seen, parity, episodes, (float(ours.mean()), float(theirs.mean())))


def _step_by_step(
    session: PolicySession, policy: Policy, parameters: Tensor, played: Episodes, count: int
) -> tuple[int, float]:
    """How many observations were seen, and the largest difference of actions for them."""
    flat = (played.observations.flatten(0, 1)[:count], played.actions.flatten(0, 1)[:count])
    observations, actions = (part.numpy() for part in flat)
    rewards, mask = (part.flatten(0, 1)[:count].numpy() for part in (played.rewards, played.mask))
    rows, steps = mask.shape
    settled, vector = policy.settled(parameters)
    row = vector[None]
    memory, seen, parity = session.begin(rows), 0, 0.0
    for number in range(steps):
        if number in (0, steps // 2):
            state = settled.begin(row, rows)
            action, reward = settled.before(row, rows)
            first, memory = torch.ones(1, rows), session.begin(rows)
        observation = torch.from_numpy(observations[:, number])[None]
        with torch.no_grad():
            mean, state = settled.act(row, Moment(observation, action, reward, first), state)
        carried_out = action[0].clamp(-1.0, 1.0).numpy()
        found, memory = session.step(observations[:, number], memory, reward[0].numpy(), carried_out)
        # Where an episode is over nothing is commanded any more.
        live = mask[:, number] > 0
        parity = _widest(parity, np.abs(found - mean[0].clamp(-1.0, 1.0).numpy())[live])
        seen += int(live.sum())
        action, reward = (torch.from_numpy(part[:, number])[None] for part in (actions, rewards))
        first = torch.zeros(1, rows)
    return seen, parity


def _in_closed_loop(
    session: PolicySession, problem: Problem, tasks: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Which episodes the exported policy masters, with all of its robots."""
    observation = problem.begin(tasks, rng)
    memory, reward, success = session.begin(len(observation)), None, np.zeros(len(observation), bool)
    for _ in range(problem.horizon):
        action, memory = session.step(observation.astype(np.float32), memory, reward)
        done = problem.step(action)
        observation, reward, success = done.observations, done.rewards, done.success
    return np.asarray(success.reshape(len(tasks), -1).all(1))


def _widest(parity: float, apart: np.ndarray) -> float:
    # A NaN is the worst of all.
    return float(np.max(apart, initial=parity)) if np.isfinite(apart).all() else math.inf


def _limited(parity: float) -> None:
    if not parity <= PARITY_LIMIT:
        raise ValueError(f"parity: ONNX differs from PyTorch by {parity:.2g}, allowed {PARITY_LIMIT:.0e}")

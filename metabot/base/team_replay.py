"""Steps of a team that are remembered and drawn from, of many tasks side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from metabot.problems import Problem

Steps = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Observations (tasks, points, agents, observation_size), numbers of actions (tasks, points, agents), the
team's reward (tasks, points), observations after it, and (tasks, points) 1 where that decided the episode."""


class TeamReplay:
    """The newest steps of every task; the oldest give way."""

    def __init__(self, capacity: int) -> None:
        """Remember so many steps of each task."""
        self._capacity = capacity
        self._joined: list[Steps] = []

    def add(self, played: list[Steps]) -> None:
        """Remember what `play_team` returned."""
        if not self._joined:
            self._joined = played
            return
        self._joined = [
            tuple(torch.cat(pair, dim=1)[:, -self._capacity :] for pair in zip(old, new, strict=True))  # type: ignore[misc]
            for old, new in zip(self._joined, played, strict=True)
        ]

    def draw(self, count: int, rng: np.random.Generator) -> Steps:
        """As many steps of every task, drawn with replacement."""
        parts = []
        for steps in self._joined:
            rows = torch.from_numpy(rng.integers(steps[0].shape[1], size=count))
            parts.append(tuple(values[:, rows] for values in steps))
        return tuple(torch.cat(values) for values in zip(*parts, strict=True))  # type: ignore[return-value]


@torch.no_grad()
def play_team(
    problem: Problem,
    tasks: np.ndarray,
    episodes: int,
    rng: np.random.Generator,
    choose: Callable[[Tensor], Tensor],
    actions: Tensor,
) -> tuple[list[Steps], float]:
    """Play episodes of every task side by side.

    Args:
        problem: where.
        tasks: (tasks, ...) rows of `Problem.sample`.
        episodes: of each task.
        rng: source of starts and goals.
        choose: from observations (tasks, episodes, agents, observation_size) to numbers of actions.
        actions: (choices, action_size) what these numbers mean.

    Returns:
        The steps of each task (one entry for each, tasks of size 1) without those after an episode's
        end, and the share of episodes that were mastered.
    """
    shape = (len(tasks), episodes, problem.agents)
    seen = torch.from_numpy(problem.begin(np.repeat(tasks, episodes, axis=0), rng)).reshape(*shape, -1)
    alive = torch.ones(shape[:2], dtype=torch.bool)
    moments: list[tuple[Tensor, ...]] = []
    success = 0.0
    for _ in range(problem.horizon):
        chosen = choose(seen)
        step = problem.step(actions[chosen].reshape(-1, actions.shape[1]).numpy())
        following = torch.from_numpy(step.observations).reshape(*shape, -1)
        reward = torch.from_numpy(step.rewards).reshape(shape).mean(-1)
        ended = torch.from_numpy(step.ended).reshape(shape)[..., 0]
        moments.append((seen, chosen, reward, following, ended.float(), alive))
        alive = alive & ~ended
        seen, success = following, float(step.success.mean())
    *values, running = (torch.stack(parts, dim=2).flatten(1, 2) for parts in zip(*moments, strict=True))
    return [
        tuple(value[row : row + 1, running[row]] for value in values)  # type: ignore[misc]
        for row in range(len(tasks))
    ], success

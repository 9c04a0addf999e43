"""Is a family worth learning in? An expert has to solve it, chance and idleness must not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.base import SPLITS, Split
from metabot_sim.policies import POLICIES, Policy

EXPERT_AT_LEAST = 0.95
OTHERS_AT_MOST = 0.05
BATCH = 256
"""Episodes simulated at once."""


@dataclass(frozen=True)
class Row:
    """How often each policy succeeds in a family on a split.

    Attributes:
        family: its name.
        split: which tasks.
        robots: how many.
        episodes: for each policy.
        expert: share of episodes in which all heroes succeeded, see `FleetEnv.heroes`.
        random: the same for uniformly random commands.
        idle: the same for no commands.
        diverged: episodes lost by the engine; they count as failures.
    """

    family: str
    split: Split
    robots: int
    episodes: int
    expert: float
    random: float
    idle: float
    diverged: int

    @property
    def passed(self) -> bool:
        """Whether the bars hold."""
        return self.expert >= EXPERT_AT_LEAST and max(self.random, self.idle) <= OTHERS_AT_MOST

    def as_dict(self) -> dict[str, Any]:
        """The row for JSON."""
        return {**asdict(self), "passed": self.passed}


def play(env: FleetEnv, policy: str, episodes: int, seed: int = 0) -> np.ndarray:
    """Play whole episodes and say how they ended.

    Args:
        env: its autoreset has to be DISABLED.
        policy: one of `metabot_sim.policies.POLICIES`.
        episodes: how many.
        seed: of tasks, places and random commands.

    Returns:
        (episodes, R) bool: whether each robot had done its part at the end; never in an episode
        that diverged.
    """
    act = Policy(policy, env, seed)
    ended: list[np.ndarray] = []
    while len(ended) * env.num_sims < episodes:
        env.reset(None if ended else seed)
        running = True
        while running:
            done = env.step(act())
            running = bool((done.alive & ~(done.terminated | done.truncated)).any())
        ended.append(done.success)
    return np.concatenate(ended)[:episodes]


def check_family(
    family: str,
    *,
    robots: int | None = None,
    episodes: int = BATCH,
    threads: int = 1,
    seed: int = 0,
    splits: tuple[Split, ...] = SPLITS,
    told: Callable[[str], None] = lambda what: None,
) -> Iterator[Row]:
    """Measure a family, split by split.

    Args:
        family: its name.
        robots: how many; the family's usual number by default.
        episodes: for each policy and split.
        threads: simulation threads; results do not depend on them.
        seed: of everything that is drawn.
        splits: which.
        told: called with what is being played, before each policy of each split.

    Raises:
        SpecError: if there is no such family or it cannot be played by so many robots.
    """
    for split in splits:
        env = FleetEnv(
            family, min(BATCH, episodes), robots=robots, split=split, threads=threads, autoreset=Autoreset.DISABLED
        )
        shares = {}
        for policy in POLICIES:
            told(f"{family} {split}: {policy}")
            success = play(env, policy, episodes, seed)
            shares[policy] = float(success[:, env.heroes].all(axis=1).mean())
        yield Row(family, split, env.num_robots, episodes, **shares, diverged=env.diverged_total)

"""Self-play: PPO against a pool of one's past selves; many tasks side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from metabot.base.learner import Told
from metabot.base.policies import policy_for
from metabot.base.ppo import PPO, PPOConfig, PPOSession
from metabot.base.rollout import rollout
from metabot.base.versus import Versus
from metabot.experience import Episodes
from metabot.problems import Problem


@dataclass(frozen=True)
class SelfPlayConfig(PPOConfig):
    """Hyper-parameters of `SelfPlay`."""

    keep_every: int = 4
    """Batches after which the newest self joins the pool."""
    pool: int = 16
    """Past selves that are kept; the first one, who has learned nothing, stays."""
    newest: float = 0.5
    """Share of batches against the newest self; the rest are against one of the pool, all as likely."""
    hidden: tuple[int, ...] = (64, 64)

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        for name in ("keep_every", "pool"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if not 0.0 <= self.newest <= 1.0:
            raise ValueError(f"newest: {self.newest} is not in [0, 1]")


class SelfPlay(PPO):
    """One policy for every seat learns against those it was before (Bansal et al. 2018, section 4.2).

    A batch is played in every seat in turn; only the learner's seat learns.
    """

    name = "self-play"
    Config = SelfPlayConfig
    config: SelfPlayConfig

    def __init__(self, problem: Problem, config: SelfPlayConfig | None = None) -> None:
        """Make a learner for a problem.

        Raises:
            ValueError: if its actions are discrete or nobody else plays; one line.
        """
        if problem.discrete:
            raise ValueError(f"{self.name}: the actions of {problem.name} are discrete; allowed: continuous ones")
        config = config or SelfPlayConfig()
        super().__init__(policy_for(problem, config.hidden), config)
        Versus(problem, self.policy)

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """See `BaseLearner.learn`; the success told is the share of episodes won against the opponents drawn."""
        session = PPOSession(self, start)
        pool = [session.parameters]
        done = batches = 0
        while done < episodes:
            newest = rng.random() < self.config.newest
            opponents = session.parameters if newest else pool[rng.integers(len(pool))]
            parts = []
            for seat in range(problem.agents):
                count = min(max(1, self.config.batch // problem.agents), episodes - done)
                if count < 1:
                    break
                game = Versus(problem, self.policy, seat, opponents)
                parts.append(rollout(game, self.policy, session.parameters, tasks, count, rng))
                done += count
            experience = Episodes.join(parts)
            session.improve(experience)
            batches += 1
            if batches % self.config.keep_every == 0:
                pool.append(session.parameters)
                if len(pool) > self.config.pool:
                    # One of the middle gives way: the first and the newest stay.
                    pool.pop(int(rng.integers(1, max(2, len(pool) - 1))))
            told(done, float(experience.success.mean()))
        return session.parameters

    def win_rate(
        self,
        problem: Problem,
        tasks: np.ndarray,
        parameters: Tensor,
        opponents: Tensor | None,
        episodes: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Share of fresh episodes that each seat wins without exploring, (tasks, seats).

        Args:
            problem: where.
            tasks: (tasks, ...) rows of `Problem.sample`.
            parameters: (tasks, layout.size).
            opponents: the same of all other seats; None where they stand still.
            episodes: of each task and seat.
            rng: of starts, goals and what the opponents do.
        """
        games = (Versus(problem, self.policy, seat, opponents) for seat in range(problem.agents))
        won = [self.play(game, tasks, parameters, episodes, rng)[0].mean(1) for game in games]
        return np.stack(won, axis=1)

"""Learning one task from its expert: what `metabot.base.imitators` does, as a base learner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from torch import Tensor

from metabot.base.imitators import ImitatorConfig, imitators
from metabot.base.learner import BaseLearner, Told
from metabot.policy import GaussianMLP, TeamPolicy
from metabot.problems import Problem


@dataclass(frozen=True)
class ImitationConfig:
    """Hyper-parameters of `Imitation`."""

    networks: Literal["apart", "shared"] = "apart"
    """Of a team: one for each robot, or one for all."""
    hidden: tuple[int, ...] = (256, 256)
    batch: int = 24
    """Episodes of each round; after it the policy is fitted to all of them."""
    updates: int = 1000
    """Adam steps after each round."""
    last_updates: int = 4000
    """Adam steps after the last round."""
    states: int = 512
    """Of every robot in an Adam step."""
    step: float = 3e-3
    """Step size of Adam; it falls to a tenth within a round."""
    noise: float = 0.15
    """Factor on the spread with which half of the episodes are played."""
    expert_noise: float = 0.1
    """Spread of what is added to what the expert does in the first round."""
    expert_decay: float = 0.85
    """Factor by which the share of steps in which it acts falls with every round."""
    expert_least: float = 0.3
    """Of that share, but for every third round."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.networks not in ("apart", "shared"):
            raise ValueError(f"networks: no {self.networks!r}; allowed: apart, shared")
        for name in ("batch", "updates", "states"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if not self.hidden or min(self.hidden) < 1:
            raise ValueError(f"hidden: {list(self.hidden)}; allowed: numbers of units from 1")
        self.rounds(1, 1)

    def rounds(self, episodes: int, robots: int) -> ImitatorConfig:
        """As `imitators` wants it, with so many episodes in all of a team of so many."""
        rounds = max(1, round(episodes / self.batch))
        return ImitatorConfig(
            rounds=rounds,
            episodes=max(1, episodes // rounds),
            more=episodes % rounds if episodes >= rounds else 0,
            updates=self.updates,
            last_updates=self.last_updates,
            batch=self.states * robots,
            step=self.step,
            noise=self.noise,
            expert_noise=self.expert_noise,
            expert_decay=self.expert_decay,
            expert_least=self.expert_least,
        )


class Imitation(BaseLearner):
    """DAgger (Ross et al. 2011, algorithm 3.1): the policy acts, the expert says what it should have done.

    A robot of a team learns a network of its own by default, since robots of other kinds or with other faults
    do other things in what looks alike.
    """

    name = "imitation"
    Config: ClassVar[type[ImitationConfig]] = ImitationConfig
    policy: GaussianMLP | TeamPolicy

    def __init__(self, problem: Problem, config: ImitationConfig | None = None) -> None:
        """Make a learner for a problem.

        Raises:
            ValueError: if nobody knows how to master it, or its actions are discrete; one line.
        """
        if problem.discrete:
            raise ValueError(f"{self.name}: the actions of {problem.name} are discrete; allowed: continuous ones")
        if not problem.has_expert:
            raise ValueError(f"family: nobody knows how to master {problem.name}; imitation needs an expert")
        self.config = config or ImitationConfig()
        one = GaussianMLP(problem.observation_size, problem.action_size, self.config.hidden, activation="relu")
        apart = problem.agents > 1 and self.config.networks == "apart"
        self.policy = TeamPolicy(one, problem.agents) if apart else one
        self.layout = self.policy.layout

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `BaseLearner.initial`."""
        return self.policy.initial(rng)

    def learn(
        self,
        problem: Problem,
        tasks: np.ndarray,
        start: Tensor,
        episodes: int,
        rng: np.random.Generator,
        told: Told = lambda episodes, success: None,
    ) -> Tensor:
        """See `BaseLearner.learn`; no success is told of episodes in which the expert acts in some steps, but NaN."""
        config = self.config.rounds(episodes, problem.agents)

        def shown(fraction: float, success: float) -> None:
            told(round(fraction * episodes), success)

        learned, _ = imitators(problem, self.policy, list(tasks[:, None]), rng, config, start=start, told=shown)
        return learned

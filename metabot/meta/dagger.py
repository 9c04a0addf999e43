"""DAgger over a distribution of tasks: a memory learns to do what an expert who knows the task does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from metabot.base.imitation import squared_error
from metabot.base.rollout import trial
from metabot.experience import Episodes, Stream
from metabot.meta.dagger_schedule import expert_share, half_without_noise
from metabot.meta.demands import an_expert
from metabot.meta.in_context import InContextConfig, InContextLearner
from metabot.meta.memory import GRUMemory, TransformerMemory
from metabot.policy.context import ContextPolicy
from metabot.problems import Problem


@dataclass(frozen=True)
class ImitationConfig(InContextConfig):
    """Hyper-parameters of DAgger on trials."""

    outer_step: float = 3e-3
    epochs: int = 8
    expert_updates: int = 3
    """Updates at the start in which the expert acts (β of the paper is 1)."""
    expert_decay: float = 0.0
    """Factor by which β, the share of steps in which the expert acts, falls with every later update: 0 where
    the policy acts alone from then on; near 1 where what matters comes late in an episode, and a policy
    that cannot do its beginning would never be shown the rest."""
    noise_log_std: float = -0.5
    """Logarithm of the largest spread with which the policy acts in training."""
    reads_reward: bool = False
    """Whether the policy is told rewards. The expert needs none, and a robot that runs it then does not either."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        if self.expert_updates < 0:
            raise ValueError(f"expert_updates: {self.expert_updates} is below 0")
        if not 0.0 <= self.expert_decay <= 1.0:
            raise ValueError(f"expert_decay: {self.expert_decay} is not in [0, 1]")


@dataclass(frozen=True)
class DAggerConfig(ImitationConfig, GRUMemory):
    """Hyper-parameters of `DAgger`."""


@dataclass(frozen=True)
class DAggerTransformerConfig(ImitationConfig, TransformerMemory):
    """Hyper-parameters of `DAggerTransformer`."""


class DAgger(InContextLearner):
    """An in-context policy trained by DAgger (Ross et al. 2011, algorithm 3.1); the task stays hidden from it.

    Every update descends the squared error on episodes that the newest policy has just played,
    labelled by the expert, and keeps none of them: DAgger's guarantee (theorem 3.2 there) asks for
    a no-regret learner of the sequence of losses, and gradient descent on each loss in turn is one.
    Simulated episodes cost less than storing all that went before beside every checkpoint.
    """

    name = "dagger"
    source = "Ross et al. 2011, arXiv:1011.0686; Duan et al. 2016, arXiv:1611.02779"
    Config: ClassVar[type[ImitationConfig]] = DAggerConfig
    config: ImitationConfig

    @classmethod
    def make_policy(cls, problem: Problem, config: Any) -> ContextPolicy:
        """See `InContextLearner.make_policy`."""
        return config.network(problem, reads_reward=config.reads_reward, initial_log_std=config.noise_log_std)

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> InContextLearner:
        """See `MetaLearner.for_problem`."""
        an_expert(problem, cls.name)
        return super().for_problem(problem, **settings)

    def _play(
        self,
        meta: Tensor,
        problem: Problem,
        tasks: np.ndarray,
        episodes: int,
        rng: np.random.Generator,
        *,
        training: bool = False,
    ) -> Episodes:
        """In training the expert acts or advises; a robot that adapts is alone, and acts as it means to."""
        parameters = self.start(meta).expand(len(tasks), -1)
        if not training:
            return trial(problem, self.policy, parameters, tasks, episodes, rng, deterministic=True)
        share = expert_share(self._adam.updates, self.config.expert_updates, self.config.expert_decay)
        noise = half_without_noise(len(tasks), rng)
        return trial(problem, self.policy, parameters, tasks, episodes, rng, noise=noise, expert_share=share)

    def prepare(self, meta: Tensor, stream: Stream) -> tuple[Tensor, ...]:
        """See `InContextLearner.prepare`."""
        return ()

    def losses(self, meta: Tensor, stream: Stream, *prepared: Tensor) -> Tensor:
        """Squared error of every trial, (trials,)."""
        assert stream.expert is not None
        mean, _ = self.policy.unroll(self.start(meta), stream)
        return squared_error(mean, stream.expert, stream.valid).sum(1)


class DAggerTransformer(DAgger):
    """DAgger whose memory is a window over the last steps, read by a causal Transformer."""

    name = "dagger-transformer"
    Config = DAggerTransformerConfig

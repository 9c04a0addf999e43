"""RL²: a recurrent policy whose memory is the fast learner, trained by PPO (Duan et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Stream
from metabot.meta.config import above_zero
from metabot.meta.in_context import InContextConfig, InContextLearner
from metabot.meta.memory import GRUMemory, TransformerMemory
from metabot.params import Layout
from metabot.policy import MLP, gaussian_log_prob
from metabot.policy.context import ContextPolicy
from metabot.problems import Problem


@dataclass(frozen=True)
class PPOConfig(InContextConfig):
    """Hyper-parameters of PPO on trials."""

    outer_step: float = 2e-3
    discount: float = 0.97
    trace: float = 0.95
    """λ of generalised advantage estimation."""
    clip: float = 0.2
    value_weight: float = 0.5
    """Of the value's squared error beside the policy's objective."""
    initial_log_std: float = -0.5

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        above_zero(self, "clip", "value_weight")
        for name in ("discount", "trace"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not in (0, 1]")


@dataclass(frozen=True)
class RL2Config(PPOConfig, GRUMemory):
    """Hyper-parameters of `RL2`."""


@dataclass(frozen=True)
class RL2TransformerConfig(PPOConfig, TransformerMemory):
    """Hyper-parameters of `RL2Transformer`."""


class RL2(InContextLearner):
    """The memory goes on through all episodes of a trial, and so do discounted returns.

    What an action found out in one episode is credited with what it brings in the next. Advantages
    are generalised (Schulman et al. 2016, equation 16) over the whole trial with a learned value
    that reads the policy's memory; the objective is PPO's (Schulman et al. 2017, equation 7), where
    the paper took TRPO.
    """

    name = "rl2"
    source = "Duan et al. 2016, arXiv:1611.02779"
    Config: ClassVar[type[PPOConfig]] = RL2Config
    config: PPOConfig

    @classmethod
    def make_policy(cls, problem: Problem, config: Any) -> ContextPolicy:
        """See `InContextLearner.make_policy`."""
        return config.network(problem, reads_reward=True, initial_log_std=config.initial_log_std)

    def _extra_layout(self) -> Layout:
        self._value = MLP((self.policy.feature_size, 64, 1), "tanh")
        return self._value.layout.prefixed("value/")

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return np.concatenate([super().initial(rng), self._value.layout.flatten(self._value.initial(rng))])

    def _evaluate(self, meta: Tensor, stream: Stream) -> tuple[Tensor, Tensor]:
        """Log-density of the actions taken and value before each step, (trials, steps) both."""
        parameters = self.start(meta)
        mean, features = self.policy.unroll(parameters, stream)
        log_std = self.policy.log_std(parameters)
        log_prob = gaussian_log_prob((stream.action - mean) * torch.exp(-log_std), log_std)
        value = self._value(self._value.layout.view(meta[self.policy.layout.size :]), features)
        return log_prob, value[..., 0]

    def prepare(self, meta: Tensor, stream: Stream) -> tuple[Tensor, ...]:
        """Normalised advantages and what the value should have been, (trials, steps) both."""
        _, value = self._evaluate(meta, stream)
        advantage = trial_advantages(stream, value, self.config.discount, self.config.trace)
        target = (advantage + value) * stream.valid
        count = stream.valid.sum()
        centred = (advantage - advantage.sum() / count) * stream.valid
        return centred / (torch.sqrt(centred.square().sum() / count) + 1e-6), target

    def losses(self, meta: Tensor, stream: Stream, *prepared: Tensor) -> Tensor:
        """PPO's clipped objective and the value's error of every trial, (trials,)."""
        advantage, target = prepared
        log_prob, value = self._evaluate(meta, stream)
        ratio = torch.exp(log_prob - stream.log_prob)
        clipped = torch.clamp(ratio, 1.0 - self.config.clip, 1.0 + self.config.clip)
        gain = torch.minimum(ratio * advantage, clipped * advantage)
        error = self.config.value_weight * (value - target).square()
        return ((error - gain) * stream.valid).sum(1)


class RL2Transformer(RL2):
    """RL² whose memory is a window over the last steps, read by a causal Transformer."""

    name = "rl2-transformer"
    Config = RL2TransformerConfig


def trial_advantages(stream: Stream, value: Tensor, discount: float, trace: float) -> Tensor:
    """Generalised advantages over whole trials, (trials, steps), zero behind the end.

    Args:
        stream: the trials; nothing is earned after their ends.
        value: (trials, steps) expected before each step.
        discount: γ, also from one episode to the next.
        trace: λ (Schulman et al. 2016, equation 16).
    """
    value = value * stream.valid
    following = torch.cat([value[:, 1:], torch.zeros_like(value[:, :1])], dim=1)
    delta = stream.reward * stream.valid + discount * following - value
    result = torch.zeros_like(delta)
    running = torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        running = delta[:, t] + discount * trace * running
        result[:, t] = running
    return result * stream.valid

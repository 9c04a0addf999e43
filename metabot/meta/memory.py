"""Which memory an in-context method has: part of its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from metabot.policy.context import ContextPolicy
from metabot.policy.recurrent import GRUPolicy
from metabot.policy.transformer import TransformerPolicy
from metabot.problems import Problem


class Memory(Protocol):
    """Sizes of a network with a memory."""

    def network(self, problem: Problem, *, reads_reward: bool, initial_log_std: float) -> ContextPolicy:
        """The policy of these sizes for a problem.

        Raises:
            ValueError: if there is none of these sizes; one line.
        """


@dataclass(frozen=True)
class GRUMemory:
    """Sizes of a `GRUPolicy`."""

    hidden_size: int = 64

    def network(self, problem: Problem, *, reads_reward: bool, initial_log_std: float) -> ContextPolicy:
        """See `Memory.network`."""
        return GRUPolicy(
            problem.observation_size,
            problem.action_size,
            self.hidden_size,
            reads_reward=reads_reward,
            initial_log_std=initial_log_std,
        )


@dataclass(frozen=True)
class TransformerMemory:
    """Sizes of a `TransformerPolicy`."""

    width: int = 32
    layers: int = 2
    heads: int = 4
    window: int = 160
    """Steps that are remembered."""

    def network(self, problem: Problem, *, reads_reward: bool, initial_log_std: float) -> ContextPolicy:
        """See `Memory.network`."""
        return TransformerPolicy(
            problem.observation_size,
            problem.action_size,
            self.width,
            self.layers,
            self.heads,
            self.window,
            reads_reward=reads_reward,
            initial_log_std=initial_log_std,
        )

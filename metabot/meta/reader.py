"""The policy that reads a context of its task, as the settings of a method have it."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from metabot.policy import LatentMLP
from metabot.problems import Problem

Reader = TypeVar("Reader", bound=LatentMLP)


class Reads(Protocol):
    """The settings that such a policy is made by."""

    @property
    def hidden(self) -> tuple[int, ...]:
        """Hidden layers."""

    @property
    def noise_log_std(self) -> float:
        """Logarithm of the spread that it explores with."""

    @property
    def products(self) -> bool:
        """See `LatentMLP.products`."""

    @property
    def weight_sets(self) -> int:
        """See `LatentMLP.weight_sets`."""


def reader_for(problem: Problem, config: Reads, kind: type[Reader], **sizes: Any) -> Reader:
    """A policy for what robots of a problem see and do.

    Args:
        problem: whose robots.
        config: how it is made.
        kind: of policy.
        sizes: of the context, by the names that this kind has for them.
    """
    return kind(
        problem.observation_size,
        problem.action_size,
        config.hidden,
        initial_log_std=config.noise_log_std,
        products=config.products,
        weight_sets=config.weight_sets,
        **sizes,
    )

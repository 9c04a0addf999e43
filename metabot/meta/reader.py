"""The policy that reads a context of its task, as the settings of a method have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from metabot.policy import LatentMLP
from metabot.problems import Problem

Reader = TypeVar("Reader", bound=LatentMLP)


@dataclass(frozen=True)
class ReaderConfig:
    """How such a policy is made."""

    hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the policy."""
    products: bool = False
    """Whether the policy is given the products of what it observes and its context, see `LatentMLP.products`."""
    weight_sets: int = 0
    """Sets of weights that the context mixes, see `LatentMLP.weight_sets`; 0: none."""
    noise_log_std: float = -0.5
    """Logarithm of the spread with which adaptation episodes are explored."""


def reader_for(problem: Problem, config: ReaderConfig, kind: type[Reader], **sizes: Any) -> Reader:
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

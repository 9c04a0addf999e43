"""Policies: networks as pure functions of a flat parameter vector."""

from metabot.policy.gaussian import GaussianMLP

__all__ = ["GaussianMLP"]

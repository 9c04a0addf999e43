"""Policies: networks as pure functions of a flat parameter vector."""

from metabot.policy.gaussian import GaussianMLP, gaussian_log_prob

__all__ = ["GaussianMLP", "gaussian_log_prob"]

"""Policies: networks as pure functions of a flat parameter vector."""

from metabot.policy.gaussian import GaussianMLP, gaussian_log_prob
from metabot.policy.mlp import MLP
from metabot.policy.policy import Moment, Policy, State

__all__ = ["MLP", "GaussianMLP", "Moment", "Policy", "State", "gaussian_log_prob"]

"""Policies: networks as pure functions of a flat parameter vector."""

from metabot.policy.context import ContextPolicy
from metabot.policy.digest import DigestMLP
from metabot.policy.gaussian import GaussianMLP, gaussian_log_prob
from metabot.policy.latent import LatentMLP
from metabot.policy.mlp import MLP
from metabot.policy.policy import Moment, Policy, State
from metabot.policy.probing import ProbingMLP
from metabot.policy.recurrent import GRUPolicy
from metabot.policy.team import TeamPolicy
from metabot.policy.transformer import TransformerPolicy

__all__ = [
    "MLP",
    "ContextPolicy",
    "DigestMLP",
    "GRUPolicy",
    "GaussianMLP",
    "LatentMLP",
    "Moment",
    "Policy",
    "ProbingMLP",
    "State",
    "TeamPolicy",
    "TransformerPolicy",
    "gaussian_log_prob",
]

"""Base learners: one robot, one task, as functions of a flat parameter vector."""

from metabot.base.learner import BaseLearner
from metabot.base.policies import drive_policy, policy_for
from metabot.base.policy_gradient import clipped_surrogate, policy_gradient_loss
from metabot.base.ppo import PPO, PPOConfig, PPOSession
from metabot.base.rollout import rollout, success_rate, trial

__all__ = [
    "PPO",
    "BaseLearner",
    "PPOConfig",
    "PPOSession",
    "clipped_surrogate",
    "drive_policy",
    "policy_for",
    "policy_gradient_loss",
    "rollout",
    "success_rate",
    "trial",
]

"""Base learners: one robot, one task, as functions of a flat parameter vector."""

from metabot.base.policy_gradient import clipped_surrogate, policy_gradient_loss
from metabot.base.rollout import rollout, success_rate

__all__ = ["clipped_surrogate", "policy_gradient_loss", "rollout", "success_rate"]

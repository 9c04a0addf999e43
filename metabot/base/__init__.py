"""Base learners: one robot, one task, as functions of a flat parameter vector."""

from metabot.base.policy_gradient import clipped_surrogate, policy_gradient_loss
from metabot.base.rollout import rollout
from metabot.base.twin import DriveTwin, drive_policy

__all__ = ["DriveTwin", "clipped_surrogate", "drive_policy", "policy_gradient_loss", "rollout"]

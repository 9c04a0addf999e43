"""Meta-learners: what turns the learning of many robots into a better start for each."""

from metabot.meta.adaptation import Adapted, adapt_to, adapted, trial_rng
from metabot.meta.learner import MetaBatch, MetaLearner
from metabot.meta.registry import META_LEARNERS, expert_acts, make_meta_learner
from metabot.meta.robot import Learned, RobotLearner

__all__ = [
    "META_LEARNERS",
    "Adapted",
    "Learned",
    "MetaBatch",
    "MetaLearner",
    "RobotLearner",
    "adapt_to",
    "adapted",
    "expert_acts",
    "make_meta_learner",
    "trial_rng",
]

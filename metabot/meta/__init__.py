"""Meta-learners: what turns the learning of many robots into a better start for each."""

from metabot.meta.learner import MetaBatch, MetaLearner
from metabot.meta.registry import META_LEARNERS, make_meta_learner
from metabot.meta.robot import Adapted, Learned, RobotLearner, trial_rng

__all__ = [
    "META_LEARNERS",
    "Adapted",
    "Learned",
    "MetaBatch",
    "MetaLearner",
    "RobotLearner",
    "make_meta_learner",
    "trial_rng",
]

"""Meta-learners: what turns the learning of many robots into a better start for each."""

from metabot.meta.maml import MAML, MAMLConfig, MetaBatch
from metabot.meta.registry import META_LEARNERS, make_meta_learner
from metabot.meta.robot import Adapted, Learned, RobotLearner, trial_rng

__all__ = [
    "MAML",
    "META_LEARNERS",
    "Adapted",
    "Learned",
    "MAMLConfig",
    "MetaBatch",
    "RobotLearner",
    "make_meta_learner",
    "trial_rng",
]

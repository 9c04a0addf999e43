"""Meta-learners: what turns the learning of many robots into a better start for each."""

from metabot.meta.maml import MAML, MAMLConfig, MetaBatch

__all__ = ["MAML", "MAMLConfig", "MetaBatch"]

"""Continual learning: one network, a stream of tasks that says nothing about where one ends, and what is forgotten."""

from metabot.continual.domain import Domain, Labelled
from metabot.continual.learner import ContinualLearner
from metabot.continual.registry import CONTINUAL_LEARNERS, make_domain, make_learner

__all__ = ["CONTINUAL_LEARNERS", "ContinualLearner", "Domain", "Labelled", "make_domain", "make_learner"]

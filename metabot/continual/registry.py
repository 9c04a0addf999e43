"""Continual learners and domains by name. Adding a learner is a file beside this one and a line here."""

from __future__ import annotations

from typing import Any

import numpy as np

from metabot.continual.domain import Domain
from metabot.continual.ewc import OnlineEWC
from metabot.continual.imitation import ImitationDomain
from metabot.continual.learner import ContinualLearner, Joint
from metabot.continual.replay import Replay
from metabot.continual.sine import SineDomain
from metabot.meta.config import configured
from metabot.policy import MLP
from metabot.problems import make_problem

_LEARNERS: tuple[type[ContinualLearner], ...] = (ContinualLearner, Replay, OnlineEWC, Joint)
CONTINUAL_LEARNERS: dict[str, type[ContinualLearner]] = {learner.name: learner for learner in _LEARNERS}


def learner_named(name: str) -> type[ContinualLearner]:
    """The learner of that name.

    Raises:
        ValueError: if there is none; one line.
    """
    if name not in CONTINUAL_LEARNERS:
        raise ValueError(f"method: no continual learner {name!r}; allowed: {', '.join(CONTINUAL_LEARNERS)}")
    return CONTINUAL_LEARNERS[name]


def make_learner(name: str, network: MLP, rng: np.random.Generator, **settings: Any) -> ContinualLearner:
    """The learner of that name, with random parameters.

    Args:
        name: a key of `CONTINUAL_LEARNERS`.
        network: what it fits.
        rng: of the parameters.
        settings: fields of its configuration that differ from the default.

    Raises:
        ValueError: if there is none of that name, or a setting is unknown or impossible; one line.
    """
    kind = learner_named(name)
    return kind(network, rng, configured(kind.Config, settings))


def make_domain(family: str, tasks: int, rng: np.random.Generator, *, trials: int = 16, threads: int = 1) -> Domain:
    """Tasks to learn one after the other.

    Args:
        family: "sine", or a problem with an expert, see `metabot.problems.make_problem`.
        tasks: how many.
        rng: of the tasks.
        trials: fresh episodes of each task that scores are of.
        threads: simulation threads.

    Raises:
        ValueError: if there is none of that name, or it cannot be learned so; one line.
    """
    if family == SineDomain.name:
        return SineDomain(tasks, rng)
    try:
        problem = make_problem(family, threads=threads)
    except ValueError as error:
        raise ValueError(f"{error}, {SineDomain.name}") from None
    return ImitationDomain(problem, tasks, rng, trials=trials)

"""Meta-learners by name. Adding one is a file beside this one and a line here."""

from __future__ import annotations

from typing import Any

from metabot.meta.anil import ANIL
from metabot.meta.context_dynamics import ContextDynamics
from metabot.meta.dagger import DAgger, DAggerTransformer
from metabot.meta.es_maml import ESMAML
from metabot.meta.fomaml import FOMAML
from metabot.meta.guided import Guided
from metabot.meta.learned_rule import LearnedLSTM, LearnedTransformer
from metabot.meta.learner import MetaLearner
from metabot.meta.maml import MAML
from metabot.meta.meta_sgd import MetaSGD
from metabot.meta.online_inference import OnlineInference
from metabot.meta.pearl import PEARL
from metabot.meta.population import Population
from metabot.meta.reptile import Reptile
from metabot.meta.ridge_dynamics import RidgeDynamics
from metabot.meta.rl2 import RL2, RL2Transformer
from metabot.meta.siamese import Siamese
from metabot.meta.task_inference import TaskInference
from metabot.meta.transfer_features import TransferFeatures
from metabot.meta.transfer_parameters import TransferParameters
from metabot.meta.transfer_relations import TransferRelations
from metabot.problems import Problem, make_problem

_METHODS: tuple[type[MetaLearner], ...] = (
    MAML,
    FOMAML,
    MetaSGD,
    ANIL,
    Guided,
    Reptile,
    RL2,
    RL2Transformer,
    DAgger,
    DAggerTransformer,
    ESMAML,
    Population,
    TransferFeatures,
    TransferParameters,
    TransferRelations,
    LearnedLSTM,
    LearnedTransformer,
    ContextDynamics,
    RidgeDynamics,
    PEARL,
    TaskInference,
    OnlineInference,
    Siamese,
)
META_LEARNERS: dict[str, type[MetaLearner]] = {method.name: method for method in _METHODS}


def make_meta_learner(name: str, problem: Problem | None = None, **settings: Any) -> MetaLearner:
    """The meta-learner of that name.

    Args:
        name: a key of `META_LEARNERS`.
        problem: what it is for; the tasks of `drive-goal` by default.
        settings: fields of its configuration that differ from the default.

    Raises:
        ValueError: if there is none of that name, or a setting is unknown or impossible.
    """
    if name not in META_LEARNERS:
        raise ValueError(f"algorithm: no meta-learner {name!r}; allowed: {', '.join(sorted(META_LEARNERS))}")
    return META_LEARNERS[name].for_problem(problem or make_problem("drive-goal"), **settings)

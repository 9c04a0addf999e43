"""Meta-learners by name. Adding one is a file beside this one and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metabot.meta.anil import ANIL
from metabot.meta.config import configured, with_tuples
from metabot.meta.context_dynamics import ContextDynamics
from metabot.meta.dagger import DAgger, DAggerTransformer
from metabot.meta.dagger_schedule import expert_share
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


def expert_acts(name: str, settings: Mapping[str, Any], updates: int) -> float:
    """Share of the steps of its training episodes in which an expert acts in a method's place.

    The success of such episodes is not the method's.

    Args:
        name: a key of `META_LEARNERS`.
        settings: fields of its configuration that differ from the default.
        updates: begun before.
    """
    kind: Any = META_LEARNERS[name]
    if not hasattr(getattr(kind, "Config", None), "expert_updates"):
        return 0.0
    config = configured(kind.Config, with_tuples(settings))
    return expert_share(updates, config.expert_updates, config.expert_decay)


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

"""Adaptation without rewards: a linear model of what actions change is solved for, and the policy reads it (ALPaCA)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from metabot.experience import Transitions
from metabot.meta.config import at_least_one
from metabot.meta.prediction import Prediction, PredictionConfig
from metabot.meta.reader import reader_for
from metabot.meta.ridge_model import RidgeModel
from metabot.params import Layout
from metabot.policy import DigestMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class RidgeDynamicsConfig(PredictionConfig):
    """Hyper-parameters of `RidgeDynamics`."""

    digest_size: int = 8
    """Numbers that the policy draws from the coefficients found."""
    features: int = 8
    """Learned features beside one and the action."""
    rewards: bool = False
    """Whether rewards are predicted beside changes: where nothing but what is paid tells tasks apart."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        at_least_one(self, "digest_size", "features")


class RidgeDynamics(Prediction):
    """The coefficients of a linear model, on learned features, of what actions change are the context.

    They are solved for in closed form (ridge regression towards a learned prior, which is the
    posterior mean of Bayesian linear regression), which is differentiated through: the features
    learn what is worth regressing on, by the squared error after adaptation as in Bertinetto et al.
    2019. What an action does in this task is found out at once, without a way to go for gradient steps
    and whatever its sign.
    """

    name = "ridge-dynamics"
    source = "Harrison et al. 2018, arXiv:1807.08912; Bertinetto et al. 2019, arXiv:1805.08136"
    Config: ClassVar[type[RidgeDynamicsConfig]] = RidgeDynamicsConfig
    policy: DigestMLP
    config: RidgeDynamicsConfig
    dynamics: RidgeModel

    def __init__(self, policy: DigestMLP, model: RidgeModel, config: RidgeDynamicsConfig) -> None:
        """Make a meta-learner of a policy that reads a model's context."""
        super().__init__(policy, config, model, Layout(()))

    @classmethod
    def between(cls, problem: Problem, config: RidgeDynamicsConfig) -> RidgeDynamics:
        """See `ContextImitation.between`."""
        sizes = (problem.observation_size, problem.action_size, config.features, config.model_hidden)
        model = RidgeModel(*sizes, rewards=config.rewards)
        policy = reader_for(problem, config, DigestMLP, latent_size=model.context_size, digest_size=config.digest_size)
        return cls(policy, model, config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return np.concatenate([self.policy.initial(rng), self.dynamics.initial(rng)])

    def infer(self, meta: Tensor, steps: Transitions) -> Tensor:
        """See `ContextImitation.infer`."""
        return self.dynamics.solved(meta.split(self._sizes)[2], steps, self.config.samples)

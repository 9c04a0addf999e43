"""Adaptation without rewards: a context that explains what a robot's actions change (CaDM, RMA)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Transitions
from metabot.meta.config import above_zero, at_least_one
from metabot.meta.dynamics_model import DynamicsModel
from metabot.meta.inner_loop import inner_loop
from metabot.meta.prediction import Prediction, PredictionConfig
from metabot.meta.reader import reader_for
from metabot.params import Layout
from metabot.policy import LatentMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class ContextDynamicsConfig(PredictionConfig):
    """Hyper-parameters of `ContextDynamics`."""

    context_size: int = 6
    inner_step: float = 1.0
    """Step size of the context that each of its numbers starts with; learned."""
    inner_steps: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        above_zero(self, "inner_step")
        at_least_one(self, "context_size", "inner_steps")


class ContextDynamics(Prediction):
    """A context of the task is inferred by gradient steps on the error of predicting the next observation.

    The dynamics model learns to predict after those steps: they are differentiated through, as in
    CAVIA (Zintgraf et al. 2019, algorithm 1). RMA (section 2) has an encoder in their place, regressed
    on dynamics that only a simulator knows.
    """

    name = "context-dynamics"
    source = "Lee et al. 2020, arXiv:2005.06800; Kumar et al. 2021, arXiv:2107.04034"
    Config: ClassVar[type[ContextDynamicsConfig]] = ContextDynamicsConfig
    config: ContextDynamicsConfig

    def __init__(self, policy: LatentMLP, config: ContextDynamicsConfig | None = None) -> None:
        """Make a meta-learner of a policy that reads a context."""
        config, size = config or self.Config(), policy.latent_size
        model = DynamicsModel(policy.observation_size, policy.action_size, size, config.model_hidden)
        super().__init__(policy, config, model, Layout.of({"log_step": (size,)}))

    @classmethod
    def between(cls, problem: Problem, config: ContextDynamicsConfig) -> ContextDynamics:
        """See `ContextImitation.between`."""
        policy = reader_for(problem, config, LatentMLP, latent_size=config.context_size)
        return cls(policy, config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        steps = np.full(self.policy.latent_size, math.log(self.config.inner_step), dtype=np.float32)
        return np.concatenate([self.policy.initial(rng), steps, self.dynamics.initial(rng)])

    def infer(self, meta: Tensor, steps: Transitions) -> Tensor:
        """The context of every task, (tasks, context_size); differentiable with respect to `meta`."""
        start, log_step, dynamics = meta.split(self._sizes)
        arrays = tuple(steps.arrays().values())

        def errors(context: Tensor, *arrays: Tensor) -> Tensor:
            return self.dynamics.errors(dynamics, context, Transitions(*arrays))

        return inner_loop(
            errors,
            self.policy.latent(start),
            torch.exp(log_step),
            arrays,
            steps=self.config.inner_steps,
            vectorised=True,
        )

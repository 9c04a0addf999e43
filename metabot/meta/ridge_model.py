"""A model of what an action changes whose last layer is solved for, task by task (Bayesian linear regression)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Transitions
from metabot.meta.dynamics_model import SCALE, ChangeModel
from metabot.params import Layout
from metabot.policy import MLP

_PRIOR, _LOG_PRECISION = "prior", "log_precision"


class RidgeModel(ChangeModel):
    """Changes are φ(o, a)ᵀ K with learned features φ; of a task only the coefficients K are found out.

    φ holds one, the action as it is, and what a tanh MLP makes of observation and action. The
    posterior mean of K in a task is (Φᵀ Φ + Λ)⁻¹ (Φᵀ Y + Λ K₀) (Harrison et al. 2018,
    arXiv:1807.08912, equation 5), with the prior's mean K₀ and diagonal precision Λ learned. The
    context of a task is how far K is from K₀, flattened.

    Attributes:
        context_size: rows of K times observation_size.
        layout: see `ChangeModel`.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        features: int,
        hidden: tuple[int, ...] = (64, 64),
        *,
        rewards: bool = False,
    ) -> None:
        """Choose the sizes.

        Args:
            observation_size: numbers observed.
            action_size: numbers commanded.
            features: learned ones.
            hidden: layers of the network that makes them.
            rewards: whether the reward of a step is predicted beside the change.
        """
        self._rewards = rewards
        self._mlp = MLP((observation_size + action_size, *hidden, features), "tanh")
        self._shape = (1 + action_size + features, observation_size + rewards)
        self.context_size = self._shape[0] * self._shape[1]
        own = {_PRIOR: self._shape, _LOG_PRECISION: self._shape[:1], SCALE: self._shape[1:]}
        self.layout = self._mlp.layout + Layout.of(own)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `ChangeModel.initial`; nothing is expected to change, as surely as one step says."""
        rows, columns = self._shape
        own = {_PRIOR: np.zeros(self._shape), _LOG_PRECISION: np.zeros(rows), SCALE: np.ones(columns)}
        return self.layout.flatten({**self._mlp.initial(rng), **own})

    def targets(self, steps: Transitions) -> Tensor:
        """See `ChangeModel.targets`; the reward comes last."""
        return torch.cat([steps.change, steps.reward[..., None]], dim=-1) if self._rewards else steps.change

    def features(self, parameters: Tensor, steps: Transitions) -> Tensor:
        """φ of all steps, (tasks, steps, 1 + action_size + features)."""
        seen = torch.tanh(self._mlp(self.layout.view(parameters), torch.cat([steps.observation, steps.action], dim=-1)))
        return torch.cat([torch.ones_like(steps.action[..., :1]), steps.action, seen], dim=-1)

    def solved(self, parameters: Tensor, steps: Transitions, most: int | None = None) -> Tensor:
        """The context that explains steps, (tasks, context_size); zero where there are none.

        Args:
            parameters: (layout.size,).
            steps: what happened.
            most: more steps than so many say together no more than these, only more surely: what is read of
                them is then drawn to the prior as it was in training.
        """
        views = self.layout.view(parameters)
        known = steps.moving
        if most is not None:
            known = known * (most / known.sum(1, keepdim=True).clamp(min=1.0)).clamp(max=1.0)
        phi = self.features(parameters, steps)
        unexplained = self.changes(parameters, steps) - phi @ views[_PRIOR]
        seen = (phi * known[..., None]).transpose(1, 2)
        precision = seen @ phi + torch.diag(torch.exp(views[_LOG_PRECISION]))
        return torch.linalg.solve(precision, seen @ unexplained).flatten(1)

    def predicted(self, parameters: Tensor, context: Tensor, steps: Transitions) -> Tensor:
        """See `ChangeModel.predicted`."""
        coefficients = self.layout.view(parameters)[_PRIOR] + context.unflatten(-1, self._shape)
        return self.features(parameters, steps) @ coefficients

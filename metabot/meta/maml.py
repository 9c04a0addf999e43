"""MAML with learned inner step sizes, for reinforcement learning.

Finn et al. 2017 (MAML, algorithm 3) with the per-parameter step sizes of Li et al. 2017
(Meta-SGD), the low-variance curvature of Rothfuss et al. 2019 (ProMP) in the inner step and
PPO's clipped objective (Schulman et al. 2017) as the outer loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metabot.base.policy_gradient import clipped_surrogate, policy_gradient_loss
from metabot.experience import Episodes, advantages
from metabot.params import Layout
from metabot.policy import GaussianMLP


@dataclass(frozen=True)
class MAMLConfig:
    """Hyper-parameters of `MAML`."""

    initial_inner_step: float = 0.3
    """Step size every parameter starts with; learned from there on."""
    outer_step: float = 2e-3
    """Step size of Adam on the outer loss."""
    outer_epochs: int = 4
    """Adam steps per `update`."""
    clip: float = 0.2
    """Clipping range of the outer objective."""
    discount: float = 0.97
    max_gradient_norm: float = 1.0


@dataclass(frozen=True)
class MetaBatch:
    """Experience of the same tasks before and after the inner step."""

    before: Episodes
    after: Episodes


class MAML:
    """One gradient step from a learned start with learned step sizes.

    The meta-parameters are one vector: the policy's parameters, then the logarithm of a step
    size for each of them. Adam's moments stay in this object: what robots exchange is the
    vector alone.
    """

    name = "maml"

    def __init__(self, policy: GaussianMLP, config: MAMLConfig | None = None) -> None:
        """Make a meta-learner for a policy."""
        self.policy = policy
        self.config = config or MAMLConfig()
        self.layout: Layout = policy.layout.prefixed("policy/") + policy.layout.prefixed("log_step/")
        self._variable: Tensor | None = None

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random meta-parameters, float32 (layout.size,)."""
        start = self.policy.initial(rng)
        steps = np.full_like(start, np.log(self.config.initial_inner_step))
        return np.concatenate([start, steps])

    def start(self, meta: Tensor) -> Tensor:
        """The policy's parameters before adaptation, a view of (policy.layout.size,)."""
        return meta[: self.policy.layout.size]

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """One inner step for every task (Finn 2017, equation 1; Li 2017, equation 2).

        Args:
            meta: (layout.size,).
            experience: episodes that `start(meta)` collected.

        Returns:
            (tasks, policy.layout.size) adapted parameters; differentiable with respect to `meta`.
        """
        return self._inner_step(meta, _flat(experience, advantages(experience, self.config.discount)))

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """Improve the meta-parameters from a batch of tasks.

        Tasks whose outer loss is not finite are dropped from the step and counted.

        Returns:
            New meta-parameters (layout.size,) and metrics: ``loss``, ``gradient_norm``,
            ``dropped_tasks``.
        """
        config = self.config
        before = _flat(batch.before, advantages(batch.before, config.discount))
        after = _flat(batch.after, advantages(batch.after, config.discount))
        variable = self._optimised(meta)
        metrics = {"dropped_tasks": 0.0}
        for _ in range(config.outer_epochs):
            losses = self._losses(variable, before, after)
            finite = torch.isfinite(losses.detach())
            if not finite.all():
                # Left out and computed again: a gradient of zero times NaN would be NaN.
                metrics["dropped_tasks"] += float((~finite).sum())
                before, after = (tuple(part[finite] for part in data) for data in (before, after))
                if not finite.any():
                    break
                losses = self._losses(variable, before, after)
            loss = losses.mean()
            self._optimiser.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_([variable], config.max_gradient_norm)
            if not torch.isfinite(norm):
                break
            self._optimiser.step()
            metrics |= {"loss": float(loss.detach()), "gradient_norm": float(norm)}
        return variable.detach().clone(), metrics

    def _losses(self, meta: Tensor, before: tuple[Tensor, ...], after: tuple[Tensor, ...]) -> Tensor:
        """The outer loss of every task, (tasks,)."""
        return torch.func.vmap(self._outer_loss)(self._inner_step(meta, before), *after)

    def _inner_step(self, meta: Tensor, data: tuple[Tensor, ...]) -> Tensor:
        size = self.policy.layout.size
        start, log_step = meta[:size], meta[size:]

        def inner_loss(parameters: Tensor, *data: Tensor) -> Tensor:
            return policy_gradient_loss(self.policy, parameters, *data)

        in_dims = (None, *(0 for _ in data))
        gradients = torch.func.vmap(torch.func.grad(inner_loss), in_dims=in_dims)(start, *data)
        return start - torch.exp(log_step) * gradients

    def _outer_loss(self, parameters: Tensor, *data: Tensor) -> Tensor:
        return clipped_surrogate(self.policy, parameters, *data, clip=self.config.clip)

    def _optimised(self, meta: Tensor) -> Tensor:
        """The variable that Adam knows, set to `meta`; Adam's moments survive."""
        if self._variable is None:
            self._variable = meta.detach().clone().requires_grad_(True)
            self._optimiser = torch.optim.Adam([self._variable], lr=self.config.outer_step)
        with torch.no_grad():
            self._variable.copy_(meta)
        return self._variable


def _flat(episodes: Episodes, weights: Tensor) -> tuple[Tensor, ...]:
    """What a loss needs of episodes, every array with the tasks first."""
    return (episodes.observations, episodes.actions, episodes.log_probs, weights, episodes.mask.sum((1, 2)))

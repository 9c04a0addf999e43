"""Meta-learning by differentiating through an inner loop: what MAML and its relatives share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.policies import policy_for
from metabot.experience import Episodes
from metabot.meta.config import configured
from metabot.meta.inner_loop import inner_loop, per_task
from metabot.meta.learner import Experience, Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.objective import Objective, PolicyObjective
from metabot.meta.outer import OuterAdam
from metabot.meta.trust_region import trust_region_step
from metabot.problems import Problem

Data = tuple[Tensor, ...]


@dataclass(frozen=True)
class GradientConfig:
    """Hyper-parameters of methods with an inner and an outer loop."""

    inner_step: float = 0.3
    """Step size of the inner loop; where step sizes are learned, what each starts with."""
    inner_steps: int = 1
    outer_step: float = 2e-3
    """Step size of Adam on the outer loss."""
    outer_epochs: int = 4
    """Adam steps per `update`."""
    trust_region: float = 0.0
    """Above 0, for policies: an `update` is one step of TRPO in place of Adam's, and this is the mean KL
    divergence of the adapted policies that it may reach; 0.01 is usual. `outer_step`, `outer_epochs` and
    `max_gradient_norm` then count for nothing. Some times slower per update, but it takes fewer of them."""
    max_gradient_norm: float = 1.0
    rematerialise: bool = False
    """Save memory in long inner loops at the price of computing each step twice."""
    compile: bool = False
    """Compile loss and gradient with `torch.compile`: some seconds at the first `update`, and a C++
    compiler is needed; worth it where arrays are small and steps many."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.compile and self.rematerialise:
            raise ValueError("rematerialise: True cannot be compiled; compile: True chooses by itself what it keeps")
        if not 0.0 <= self.trust_region < math.inf:
            raise ValueError(f"trust_region: {self.trust_region} is not a finite number of at least 0")
        for name in ("compile", "rematerialise"):
            if self.trust_region and getattr(self, name):
                raise ValueError(f"{name}: True gives no curvature, which trust_region: {self.trust_region} needs")
        for name in ("inner_step", "outer_step", "max_gradient_norm"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not above 0")
        for name in ("inner_steps", "outer_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")


class GradientMetaLearner(MetaLearner):
    """Gradient steps from a learned start.

    The meta-parameters are the start; where step sizes are learned (Li et al. 2017), the logarithm
    of one for each parameter follows. Adam's moments stay in this object: what robots exchange is
    the vector alone.
    """

    kind: ClassVar[Kind] = "optimisation-based"
    Config: ClassVar[type[GradientConfig]] = GradientConfig
    second_order: ClassVar[bool] = True
    learns_steps: ClassVar[bool] = False
    adapts_head_only: ClassVar[bool] = False

    def __init__(self, objective: Objective, config: GradientConfig | None = None) -> None:
        """Make a meta-learner of an objective."""
        self.objective, self.config = objective, config or self.Config()
        if isinstance(objective, PolicyObjective):
            self.policy = objective.policy
        elif self.config.trust_region:
            raise ValueError(f"trust_region: {self.config.trust_region} is for policies alone; 0 is allowed here")
        self.layout = objective.layout.prefixed("policy/")
        if self.learns_steps:
            self.layout += objective.layout.prefixed("log_step/")
        self._size = objective.layout.size
        self._adam = OuterAdam(self.config.outer_step, self.config.max_gradient_norm)
        self._compiled = None
        if self.config.compile:
            self._compiled = torch.compile(torch.func.grad_and_value(self._mean_loss, has_aux=True), fullgraph=True)
        adapted = np.ones(self._size, dtype=np.float32)
        if self.adapts_head_only:
            for name, where, _ in objective.layout.slices():
                adapted[where] = name in objective.head
        self._adapted = torch.from_numpy(adapted)

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> GradientMetaLearner:
        """See `MetaLearner.for_problem`."""
        return cls(PolicyObjective(policy_for(problem)), configured(cls.Config, settings))

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """Random meta-parameters, float32 (layout.size,)."""
        start = self.objective.initial(rng)
        if not self.learns_steps:
            return start
        return np.concatenate([start, np.full_like(start, math.log(self.config.inner_step))])

    def start(self, meta: Tensor) -> Tensor:
        """The parameters before adaptation, a view."""
        return meta[: self._size]

    def step_sizes(self, meta: Tensor) -> Tensor:
        """Step size of every parameter, (policy.layout.size,)."""
        adapted = self._adapted.to(meta.dtype)
        return adapted * (torch.exp(meta[self._size :]) if self.learns_steps else self.config.inner_step)

    def adapt(self, meta: Tensor, experience: Experience, steps: int | None = None) -> Tensor:
        """The inner loop for every task; differentiable with respect to `meta`.

        Args:
            meta: (layout.size,).
            experience: of several tasks, collected at `start(meta)`.
            steps: gradient steps; the configuration's by default.
        """
        return self._inner(meta, self.objective.data(experience), steps)

    def adapt_further(
        self, meta: Tensor, parameters: Tensor, experience: Experience, *, shortened: float = 1.0
    ) -> Tensor:
        """One more gradient step from parameters that collected the experience, (tasks, size) both.

        Args:
            meta: (layout.size,).
            parameters: (tasks, size).
            experience: of the tasks, under those parameters.
            shortened: factor on the step sizes.
        """
        return inner_loop(
            self.objective.inner,
            parameters,
            shortened * self.step_sizes(meta),
            self.objective.data(experience),
            vectorised=self.objective.vectorised,
        )

    def _inner(self, meta: Tensor, data: Data, steps: int | None = None) -> Tensor:
        return inner_loop(
            self.objective.inner,
            self.start(meta),
            self.step_sizes(meta),
            data,
            steps=steps or self.config.inner_steps,
            second_order=self.second_order,
            rematerialise=self.config.rematerialise,
            vectorised=self.objective.vectorised,
        )

    def losses(self, meta: Tensor, support: Data, query: Data) -> Tensor:
        """The outer loss of every task, (tasks,)."""
        return per_task(self.objective.outer, self.objective.vectorised)(self._inner(meta, support), *query)

    def _mean_loss(self, meta: Tensor, support: Data, query: Data) -> tuple[Tensor, Tensor]:
        losses = self.losses(meta, support, query)
        return losses.mean(), losses.detach()

    def _gradient(self, meta: Tensor, support: Data, query: Data) -> tuple[Tensor, Tensor]:
        """Gradient of the mean outer loss, (layout.size,), and the losses, (tasks,)."""
        mean, losses = self._mean_loss(meta, support, query)
        return torch.autograd.grad(mean, meta)[0], losses

    def _compiled_gradient(self, meta: Tensor, support: Data, query: Data) -> tuple[Tensor, Tensor]:
        """The same."""
        assert self._compiled is not None
        gradient, (_, losses) = self._compiled(meta.detach(), support, query)
        return gradient, losses

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``gradient_norm``, ``dropped_tasks``."""
        if self.config.trust_region:
            return self._within_trust_region(meta, batch)
        support, query = self.objective.data(batch.support), self.objective.data(batch.query)
        variable = self._adam.variable(meta)
        metrics = {"dropped_tasks": 0.0}
        gradient_of = self._compiled_gradient if self._compiled is not None else self._gradient
        for _ in range(self.config.outer_epochs):
            gradient, losses = gradient_of(variable, support, query)
            finite = torch.isfinite(losses)
            if not finite.all():
                # Left out and computed again: a gradient of zero times NaN would be NaN.
                metrics["dropped_tasks"] += float((~finite).sum())
                support, query = _rows(support, finite), _rows(query, finite)
                if not finite.any():
                    break
                gradient_of = self._gradient  # Another number of tasks would be compiled anew.
                gradient, losses = gradient_of(variable, support, query)
            norm = self._adam.follow(gradient)
            if norm is None:
                break
            metrics |= {"loss": float(losses.mean()), "gradient_norm": norm}
        return variable.detach().clone(), metrics

    def _within_trust_region(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """One step of TRPO on the outer loss, as Finn et al. 2017 (appendix A.2) do it.

        Metrics: those of `update`, and ``divergence``, 0 where no step was found.
        """
        objective, query = self.objective, batch.query
        assert isinstance(objective, PolicyObjective) and isinstance(query, Episodes)
        support, queried = objective.data(batch.support), objective.data(query)
        surrogate = per_task(objective.inner)
        with torch.no_grad():
            former = self._inner(meta, support)
            finite = torch.isfinite(surrogate(former, *queried))
        metrics = {"dropped_tasks": float((~finite).sum())}
        if not finite.any():
            return meta.detach().clone(), metrics
        support, queried = _rows(support, finite), _rows(queried, finite)
        between = partial(objective.divergence, former[finite], query.observations[finite], query.mask[finite])
        step = trust_region_step(
            meta,
            lambda tried: surrogate(self._inner(tried, support), *queried).mean(),
            lambda tried: between(self._inner(tried, support)).mean(),
            self.config.trust_region,
        )
        found = {"loss": step.loss, "divergence": step.divergence, "gradient_norm": step.gradient_norm}
        return step.point, metrics | found

    def moments(self) -> Moments:
        """Adam's moments."""
        return self._adam.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._adam.restore(moments)


def _rows(data: Data, which: Tensor) -> Data:
    """Some of the tasks, (tasks,) bool."""
    return tuple(part[which] for part in data)

"""Learned update rules: a network that reads gradients and losses writes the updates (Andrychowicz et al. 2016)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.policies import policy_for
from metabot.meta.config import configured
from metabot.meta.inner_loop import per_task
from metabot.meta.learner import Experience, Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.objective import Objective, PolicyObjective
from metabot.meta.outer import OuterAdam
from metabot.meta.update_rules import LSTMRule, State, TransformerRule, UpdateRule, preprocess
from metabot.problems import Problem

JUDGED = ("all", "last")
Data = tuple[Tensor, ...]


@dataclass(frozen=True)
class LearnedRuleConfig:
    """Hyper-parameters of methods whose update rule is learned."""

    inner_steps: int = 5
    truncation: int = 20
    """Inner steps that back-propagation goes through at a time, each followed by a step of Adam."""
    judged: str = "last"
    """Which inner steps' losses are learned from: "all" as in the paper, or the "last" one, where
    the data to judge by were collected after it, as in control."""
    learn_start: bool = True
    """Whether the start is learned with the rule, or stays as it was drawn."""
    second_order: bool = False
    """Whether gradients that the rule reads are differentiated too; the paper takes them as given."""
    reads_loss: bool = True
    """Whether the rule reads the loss beside the gradient."""
    scale: float = 0.1
    """What the network's output is multiplied by to be an update."""
    hidden: tuple[int, ...] = (32, 32)
    """Hidden layers of the policy, in control."""
    outer_step: float = 2e-3
    """Step size of Adam."""
    outer_epochs: int = 4
    """Times that an `update` goes over the same batch."""
    max_gradient_norm: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("inner_steps", "truncation", "outer_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        for name in ("scale", "outer_step", "max_gradient_norm"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not above 0")
        if self.judged not in JUDGED:
            raise ValueError(f"judged: no {self.judged!r}; allowed: {', '.join(JUDGED)}")
        if self.judged == "last" and self.truncation < self.inner_steps:
            raise ValueError(
                f"truncation: {self.truncation} cuts what is learned from the last of {self.inner_steps} inner_steps;"
                ' allowed: that many or more, or judged "all"'
            )


class LearnedRule(MetaLearner):
    """Inner steps by a network instead of gradient descent.

    The meta-parameters are the start and the network's weights. Training unrolls the inner steps
    and differentiates through them, a stretch at a time.
    """

    kind: ClassVar[Kind] = "learned update rule"
    source = "Andrychowicz et al. 2016, arXiv:1606.04474"
    Config: ClassVar[type[LearnedRuleConfig]] = LearnedRuleConfig
    config: LearnedRuleConfig

    def __init__(self, objective: Objective, config: LearnedRuleConfig | None = None) -> None:
        """Make a meta-learner of an objective."""
        self.objective, self.config = objective, config or self.Config()
        if isinstance(objective, PolicyObjective):
            self.policy = objective.policy
        self.rule = self.make_rule(4 if self.config.reads_loss else 2)
        self.layout = objective.layout.prefixed("policy/") + self.rule.layout.prefixed("rule/")
        self._size = objective.layout.size
        self._inner = per_task(objective.inner, objective.vectorised)
        self._outer = per_task(objective.outer, objective.vectorised)
        self._adam = OuterAdam(self.config.outer_step, self.config.max_gradient_norm)

    @abstractmethod
    def make_rule(self, features: int) -> UpdateRule:
        """The network, which reads so many numbers of a coordinate at a step."""

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> LearnedRule:
        """See `MetaLearner.for_problem`."""
        config = configured(cls.Config, settings)
        return cls(PolicyObjective(policy_for(problem, config.hidden)), config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return np.concatenate([self.objective.initial(rng), self.rule.initial(rng)])

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`; a view."""
        return meta[: self._size]

    def adapt(
        self, meta: Tensor, experience: Experience, steps: int | None = None, starts: Tensor | None = None
    ) -> Tensor:
        """The rule's inner steps on every task; differentiable with respect to `meta`.

        Args:
            meta: (layout.size,).
            experience: of several tasks.
            steps: inner steps; the configuration's by default.
            starts: (tasks, size) to begin with, if not from `start(meta)`.
        """
        data = self.objective.data(experience)
        parameters = self._begin(meta, data, starts)
        state = self.rule.begin(parameters)
        for _ in range(steps or self.config.inner_steps):
            parameters, state = self.inner_step(meta, parameters, state, data)
        return parameters

    def _begin(self, meta: Tensor, data: Data, starts: Tensor | None) -> Tensor:
        return self.start(meta).expand(len(data[0]), -1) if starts is None else starts

    def inner_step(self, meta: Tensor, parameters: Tensor, state: State, data: Data) -> tuple[Tensor, State]:
        """One step of the rule: new parameters (tasks, size) and memories."""
        further = self.config.second_order and torch.is_grad_enabled() and parameters.requires_grad
        with torch.enable_grad():
            at = parameters if further else parameters.detach().requires_grad_(True)
            losses = self._inner(at, *data)
            gradients = torch.autograd.grad(losses.sum(), at, create_graph=further)[0]
        features = preprocess(gradients)
        if self.config.reads_loss:
            read = preprocess(losses if further else losses.detach())
            features = torch.cat([features, read[:, None].expand_as(features)], dim=-1)
        weights = self.rule.layout.view(meta[self._size :])
        update, state = self.rule.step(weights, features, state)
        return parameters + self.config.scale * update, state

    def stretch(
        self, meta: Tensor, parameters: Tensor, state: State, support: Data, query: Data, steps: int, done: int = 0
    ) -> tuple[Tensor, Tensor, State]:
        """Some inner steps and what they are judged by.

        Args:
            meta: (layout.size,).
            parameters: (tasks, size) to go on from.
            state: the memories with them.
            support: what the inner loss is taken on.
            query: what the outer loss is taken on.
            steps: how many.
            done: inner steps before these.

        Returns:
            The mean of the judged steps' outer losses, (tasks,); parameters and memories after them.
        """
        judged = []
        for step in range(done + 1, done + steps + 1):
            parameters, state = self.inner_step(meta, parameters, state, support)
            if self.config.judged == "all" or step == self.config.inner_steps:
                judged.append(self._outer(parameters, *query))
        return torch.stack(judged).mean(0), parameters, state

    def update(self, meta: Tensor, batch: MetaBatch, starts: Tensor | None = None) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``gradient_norm``, ``dropped_tasks``.

        Args:
            meta: (layout.size,).
            batch: of tasks.
            starts: (tasks, size) where each task's inner steps begin, if not at `start(meta)`.
        """
        support, query = self.objective.data(batch.support), self.objective.data(batch.query)
        variable = self._adam.variable(meta)
        kept = torch.ones(len(support[0]), dtype=torch.bool)
        metrics: dict[str, float] = {}
        for _ in range(self.config.outer_epochs):
            kept, found = self._unroll(variable, support, query, starts, kept)
            metrics |= found
            if not kept.any():
                break
        return variable.detach().clone(), {"dropped_tasks": float((~kept).sum())} | metrics

    def _unroll(
        self, variable: Tensor, support: Data, query: Data, starts: Tensor | None, kept: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Go through the inner steps once, with a step of Adam after every stretch.

        Returns:
            Which tasks are still finite, (tasks,), and metrics.
        """
        support, query = (tuple(part[kept] for part in data) for data in (support, query))
        parameters = self._begin(variable, support, None if starts is None else starts[kept])
        state, metrics, kept = self.rule.begin(parameters), {}, kept.clone()
        for done in range(0, self.config.inner_steps, self.config.truncation):
            steps = min(self.config.truncation, self.config.inner_steps - done)
            losses, after, memories = self.stretch(variable, parameters, state, support, query, steps, done)
            finite = torch.isfinite(losses.detach()) & torch.isfinite(after.detach()).all(1)
            if not finite.all():
                # Left out and computed again: a gradient of zero times NaN would be NaN.
                kept[kept.nonzero()[~finite, 0]] = False
                if not finite.any():
                    break
                support, query = (tuple(part[finite] for part in data) for data in (support, query))
                parameters, state = parameters[finite], tuple(part[finite] for part in state)
                losses, after, memories = self.stretch(variable, parameters, state, support, query, steps, done)
            mean = losses.mean()
            gradient = torch.autograd.grad(mean, variable)[0]
            if not self.config.learn_start:
                gradient[: self._size] = 0.0
            norm = self._adam.follow(gradient)
            if norm is None:
                break
            metrics = {"loss": float(mean.detach()), "gradient_norm": norm}
            parameters, state = after.detach(), tuple(part.detach() for part in memories)
        return kept, metrics

    def moments(self) -> Moments:
        """Adam's moments."""
        return self._adam.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._adam.restore(moments)


class LearnedLSTM(LearnedRule):
    """A coordinate-wise LSTM of two layers of 20 units, as in the paper."""

    name = "learned-lstm"

    def make_rule(self, features: int) -> UpdateRule:
        """See `LearnedRule.make_rule`."""
        return LSTMRule(features)


class LearnedTransformer(LearnedRule):
    """A small causal Transformer over each coordinate's recent gradients and losses."""

    name = "learned-transformer"

    def make_rule(self, features: int) -> UpdateRule:
        """See `LearnedRule.make_rule`."""
        return TransformerRule(features)

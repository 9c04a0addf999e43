"""Adaptation without rewards: what methods share that tell a task by what a robot's actions change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from metabot.experience import Episodes, Transitions
from metabot.meta.config import above_zero
from metabot.meta.context_imitation import ContextImitation, ContextImitationConfig
from metabot.meta.dynamics_model import ChangeModel
from metabot.meta.learner import Kind, MetaBatch, Moments
from metabot.meta.lessons import Lessons
from metabot.params import Layout
from metabot.policy import LatentMLP


@dataclass(frozen=True)
class PredictionConfig(ContextImitationConfig):
    """Hyper-parameters of a `Prediction`."""

    model_hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the dynamics model."""
    states: int = -1
    """States of each task that the policy imitates the expert in; -1: as many as `samples`, 0: it does so in
    `policy_steps` alone."""
    follow: float = 0.2
    """Share of the way that the scales of changes go to those of an update's episodes."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        above_zero(self, "follow")
        if self.follow > 1.0:
            raise ValueError(f"follow: {self.follow} is above 1")
        if self.states < -1:
            raise ValueError(f"states: {self.states} is below -1")
        if not self.states and not self.policy_steps:
            raise ValueError("states: 0; allowed with policy_steps alone")


class Prediction(ContextImitation):
    """A context of the task is found by predicting the next observation; the policy that reads it imitates an expert.

    No reward is read, in adaptation or in training: a model learns to predict with what a few steps of
    the task say. The context is trained by prediction alone, as in CaDM.

    What tells tasks apart must show in what observations do: where only rewards differ, nothing can
    be found out.

    The parameters are those of the policy, of the inference and of the model, in this order.
    """

    kind: ClassVar[Kind] = "self-supervised"
    Config: ClassVar[type[PredictionConfig]] = PredictionConfig
    config: PredictionConfig

    def __init__(self, policy: LatentMLP, config: PredictionConfig, model: ChangeModel, inference: Layout) -> None:
        """Make a meta-learner of a policy that reads a context, and of a model that predicts with one.

        Args:
            policy: its context is what `infer` finds.
            config: hyper-parameters.
            model: of what actions change.
            inference: what else `infer` learns.
        """
        super().__init__(policy, config, {"": inference, "dynamics/": model.layout})
        self.dynamics = model
        self._lessons: Lessons | None = None

    def predicted(self, meta: Tensor, support: Transitions, query: Transitions) -> tuple[Tensor, Tensor]:
        """The contexts of tasks, (tasks, latent_size), and the errors of what is predicted with them, (tasks,)."""
        context = self.infer(meta, support)
        return context, self.dynamics.errors(meta.split(self._sizes)[2], context, query)

    def losses(
        self, meta: Tensor, support: Transitions, query: Transitions, observation: Tensor, advice: Tensor
    ) -> Tensor:
        """Errors of prediction and of imitation of every task, (tasks,).

        Args:
            meta: (layout.size,).
            support: what the context is inferred from.
            query: what is predicted with it.
            observation: (tasks, states, observation_size).
            advice: (tasks, states, action_size), what the expert would do there.
        """
        context, losses = self.predicted(meta, support, query)
        if not self.config.states:
            return losses
        return losses + self.imitation(self.start(meta), context, observation, advice)

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``prediction_error``, ``gradient_norm``, ``dropped_tasks``."""
        steps, labels = Transitions.of(batch.support), self.lessons_of(batch)
        states = Transitions.of(Episodes.join([batch.support, batch.query]))
        kept = steps.finite & states.finite & labels.finite
        generator = self._adam.begin_update()
        metrics = {"dropped_tasks": float((~kept).sum())}
        if not kept.any():
            return meta.clone(), metrics
        steps, states, labels = (part.rows(kept) for part in (steps, states, labels))
        start, inference, dynamics = meta.split(self._sizes)
        followed = self.dynamics.followed(dynamics, states, self.config.follow)
        variable = self._adam.variable(torch.cat([start, inference, followed]))
        count, states_each = self.config.samples, self.config.states
        if states_each < 0:
            states_each = count
        for _ in range(self.config.outer_steps):
            # One that nobody looks at where there are none: none cannot be drawn.
            seen = labels.sample(states_each or 1, generator)
            given, asked_for = (part.sample(count, generator, terminal=False) for part in (steps, states))
            losses = self.losses(variable, given, asked_for, seen.observation, seen.action)
            norm = self._adam.descend(losses.mean)
            if norm is None:
                break
            metrics |= {"loss": float(losses.detach().mean()), "gradient_norm": norm}
        new = variable.detach().clone()
        if self.config.policy_steps:
            self._lessons = Lessons.of(steps, labels, self.config.lesson, generator).after(
                self._lessons, self.config.remembered
            )
            with torch.no_grad():
                contexts = self.infer(new, self._lessons.steps)
            new = self.practised(new, contexts, self._lessons, generator)
        with torch.no_grad():
            _, error = self.predicted(new, steps, states)
        return new, metrics | {"prediction_error": float(error.mean())}

    def moments(self) -> Moments:
        """See `ContextImitation.moments`; and what is remembered."""
        return super().moments() | ({} if self._lessons is None else self._lessons.moments())

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._lessons, left = Lessons.restored(moments)
        super().restore(left)

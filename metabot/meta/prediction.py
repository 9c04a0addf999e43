"""Adaptation without rewards: what methods share that tell a task by what a robot's actions change."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from metabot.base.imitation import asked, squared_error
from metabot.base.rollout import rollout
from metabot.experience import Episodes, Transitions
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.demands import an_expert, one_robot
from metabot.meta.dynamics_model import ChangeModel
from metabot.meta.learner import Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.lessons import Lessons
from metabot.meta.outer import NumberedAdam, OuterAdam
from metabot.params import Layout
from metabot.policy import LatentMLP
from metabot.problems import Problem

_POLICY = "policy/"


@dataclass(frozen=True)
class PredictionConfig:
    """Hyper-parameters of a `Prediction`."""

    hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the policy."""
    model_hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the dynamics model."""
    samples: int = 96
    """Steps of each task that an Adam step infers the context from, and as many that it is judged by."""
    outer_step: float = 2e-3
    """Step size of Adam."""
    outer_steps: int = 60
    """Adam steps per `update`, of the model and the policy together."""
    policy_steps: int = 0
    """Adam steps of the policy alone that follow them: where doing is harder than knowing the task."""
    policy_states: int = 512
    """States of such a step."""
    remembered: int = 512
    """Tasks that these are drawn from, the ones met last."""
    lesson: int = 100
    """States, and steps to tell it by, that are remembered of each task."""
    max_gradient_norm: float = 1.0
    expert_updates: int = 2
    """Updates at the start in which the expert acts after adaptation."""
    expert_decay: float = 0.0
    """Factor by which the share of steps in which it acts falls with every later update, as `dagger` has it."""
    noise_log_std: float = -0.5
    """Logarithm of the spread with which adaptation episodes are explored."""
    query_noise: float = 1.0
    """Largest factor on that spread in the queries of training; less where much noise lets nothing succeed."""
    demonstrations: bool = False
    """Whether adaptation episodes are the expert's, shown on the robot that adapts, and not its own."""
    demonstration_noise: float = 0.0
    """Spread of noise on what the expert does in them: of what it hardly moves, nothing could be found out."""
    follow: float = 0.2
    """Share of the way that the scales of changes go to those of an update's episodes."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "outer_step", "max_gradient_norm", "follow")
        at_least_one(self, "samples", "outer_steps", "policy_states", "remembered", "lesson")
        for name in ("expert_updates", "policy_steps", "query_noise", "demonstration_noise"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is below 0")
        if not 0.0 <= self.expert_decay <= 1.0:
            raise ValueError(f"expert_decay: {self.expert_decay} is not in [0, 1]")
        if self.follow > 1.0:
            raise ValueError(f"follow: {self.follow} is above 1")


class Prediction(MetaLearner):
    """A context of the task is found by predicting the next observation; the policy that reads it imitates an expert.

    No reward is read, in adaptation or in training: a model learns to predict with what a few steps of
    the task say, and the policy, given the same, learns to do what an expert would (DAgger, as
    `metabot.meta.dagger`). The context is trained by prediction alone, as in CaDM.

    What tells tasks apart must show in what observations do: where only rewards differ, nothing can
    be found out.

    The parameters are those of the policy, of the inference and of the model, in this order.
    """

    kind: ClassVar[Kind] = "self-supervised"
    Config: ClassVar[type[PredictionConfig]] = PredictionConfig
    policy: LatentMLP
    config: PredictionConfig

    def __init__(self, policy: LatentMLP, config: PredictionConfig, model: ChangeModel, inference: Layout) -> None:
        """Make a meta-learner of a policy that reads a context, and of a model that predicts with one.

        Args:
            policy: its context is what `infer` finds.
            config: hyper-parameters.
            model: of what actions change.
            inference: what else `infer` learns.
        """
        self.policy, self.config, self.dynamics = policy, config, model
        self.layout = policy.layout.prefixed("policy/") + inference + model.layout.prefixed("dynamics/")
        self._sizes = [policy.layout.size, inference.size, model.layout.size]
        self._adam = NumberedAdam(config.outer_step, config.max_gradient_norm)
        # With moments of its own: those of the joint steps would move the model without a gradient.
        self._policy_adam = OuterAdam(config.outer_step, config.max_gradient_norm)
        self._lessons: Lessons | None = None

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> Self:
        """See `MetaLearner.for_problem`."""
        one_robot(problem, cls.name, "a context")
        an_expert(problem, cls.name)
        return cls.between(problem.observation_size, problem.action_size, configured(cls.Config, settings))

    @classmethod
    @abstractmethod
    def between(cls, observation_size: int, action_size: int, config: Any) -> Self:
        """A meta-learner of robots that see and do so many numbers."""

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`, a view; its context is the one that inference begins with."""
        return meta[: self.policy.layout.size]

    @abstractmethod
    def infer(self, meta: Tensor, steps: Transitions) -> Tensor:
        """The context of every task, (tasks, latent_size); differentiable with respect to `meta`.

        Args:
            meta: (layout.size,).
            steps: what happened.
        """

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """See `MetaLearner.adapt`; rewards are not looked at."""
        return self.policy.knowing(self.start(meta), self.infer(meta, Transitions.of(experience)))

    def gather(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Episodes:
        """See `MetaLearner.gather`; demonstrations if it adapts from them."""
        start, noise = self.start(meta).expand(len(tasks), -1), self.config.demonstration_noise
        share = 1.0 if self.config.demonstrations else None
        return rollout(problem, self.policy, start, tasks, episodes, rng, expert_share=share, expert_noise=noise)

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> MetaBatch:
        """See `MetaLearner.collect`; the expert advises throughout, and acts in the first queries."""
        start, shaken = self.start(meta).expand(len(tasks), -1), self.config.demonstration_noise
        shown = float(self.config.demonstrations)
        support = rollout(problem, self.policy, start, tasks, episodes, rng, expert_share=shown, expert_noise=shaken)
        with torch.no_grad():
            adapted = self.adapt(meta, support)
        # Half of the tasks without noise, which is how the policy will act; the rest see what mistakes lead to.
        factors = self.config.query_noise * np.maximum(rng.uniform(-1.0, 1.0, len(tasks)), 0.0)
        noise = torch.from_numpy(factors.astype(np.float32))
        share = self.config.expert_decay ** max(0, self._adam.updates + 1 - self.config.expert_updates)
        query = rollout(problem, self.policy, adapted, tasks, episodes, rng, noise=noise, expert_share=share)
        return MetaBatch(support, query)

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
        return losses + self.imitation(self.start(meta), context, observation, advice)

    def imitation(self, start: Tensor, context: Tensor, observation: Tensor, advice: Tensor) -> Tensor:
        """Errors of imitation, (tasks,), with contexts and without; contexts are not moved by them.

        Args:
            start: (policy.layout.size,).
            context: (tasks, latent_size).
            observation: (tasks, states, observation_size).
            advice: (tasks, states, action_size).
        """
        views = self.policy.layout.view(start)
        losses = torch.zeros(len(context), dtype=start.dtype)
        # Before it knows its task, a robot should do what is best on average and not anything.
        for known in (context, self.policy.latent(start)):
            mean = self.policy.mean_given(views, observation, known.detach())
            losses = losses + squared_error(mean, advice, torch.ones(())).mean(1)
        return losses

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``prediction_error``, ``gradient_norm``, ``dropped_tasks``."""
        played = Episodes.join([batch.support, batch.query])
        steps, states = Transitions.of(batch.support), Transitions.of(played)
        labels = Transitions.of(dataclasses.replace(played, actions=asked(played)))
        kept = steps.finite & states.finite & labels.finite
        generator = self._adam.begin_update()
        metrics = {"dropped_tasks": float((~kept).sum())}
        if not kept.any():
            return meta.clone(), metrics
        steps, states, labels = (part.rows(kept) for part in (steps, states, labels))
        start, inference, dynamics = meta.split(self._sizes)
        followed = self.dynamics.followed(dynamics, states, self.config.follow)
        variable = self._adam.variable(torch.cat([start, inference, followed]))
        count = self.config.samples
        for _ in range(self.config.outer_steps):
            seen = labels.sample(count, generator)
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
            new[: self.policy.layout.size] = self._practised(new, self._lessons, generator)
        with torch.no_grad():
            _, error = self.predicted(new, steps, states)
        return new, metrics | {"prediction_error": float(error.mean())}

    def _practised(self, meta: Tensor, lessons: Lessons, generator: torch.Generator) -> Tensor:
        """The policy's parameters after some more steps of imitation, (policy.layout.size,)."""
        with torch.no_grad():
            contexts = self.infer(meta, lessons.steps)
        variable = self._policy_adam.variable(self.start(meta))
        for _ in range(self.config.policy_steps):
            context, observation, advice = lessons.draw(contexts, self.config.policy_states, generator)
            losses = self.imitation(variable, context, observation, advice)
            if self._policy_adam.descend(losses.mean) is None:
                break
        return variable.detach()

    def moments(self) -> Moments:
        """Moments of both optimisers, the number of updates, and what is remembered."""
        policy = {_POLICY + name: value for name, value in self._policy_adam.moments().items()}
        return self._adam.moments() | policy | ({} if self._lessons is None else self._lessons.moments())

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._lessons, moments = Lessons.restored(moments)
        policy = {n.removeprefix(_POLICY): value for n, value in moments.items() if n.startswith(_POLICY)}
        self._policy_adam.restore(policy)
        self._adam.restore({name: value for name, value in moments.items() if not name.startswith(_POLICY)})

"""Guided meta-policy search: adapting by a policy gradient, meta-trained by imitation (Mendonca et al. 2019)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.imitation import asked, squared_error
from metabot.base.rollout import rollout
from metabot.experience import Episodes, Transitions, advantages
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.dagger_schedule import expert_share, half_without_noise
from metabot.meta.demands import an_expert
from metabot.meta.guidance import Guidance
from metabot.meta.inner_loop import inner_loop
from metabot.meta.learner import Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.outer import NumberedAdam
from metabot.meta.reader import ReaderConfig, reader_for
from metabot.params import Layout
from metabot.policy import ProbingMLP
from metabot.problems import Problem


@dataclass(frozen=True)
class GuidedConfig(ReaderConfig):
    """Hyper-parameters of `Guided`."""

    probe_hidden: tuple[int, ...] = (32,)
    """Hidden layers of the probe, by which the inner gradient reaches the context."""
    context_size: int = 8
    """Numbers that the inner step changes."""
    inner_step: float = 300.0
    """Step size that each of them starts with; learned."""
    outer_step: float = 3e-3
    """Step size of Adam."""
    outer_decay: float = 1.0
    """Factor by which the step size falls with every update."""
    outer_steps: int = 100
    """Adam steps per `update`, each through the inner step."""
    tasks: int = 32
    """Tasks of such a step, drawn from those remembered."""
    states: int = 64
    """States of each task that the adapted policy imitates the expert in."""
    lesson: int = 512
    """States that are remembered of each task."""
    remembered: int = 512
    """Tasks that are remembered, the ones met last."""
    max_gradient_norm: float = 1.0
    discount: float = 0.5
    """Of the rewards that an action is judged by: the less far they look, the less noise is in a gradient."""
    trace: float = 0.0
    """λ of generalised advantage estimation."""
    expert_updates: int = 2
    """Updates at the start in which the expert acts after adaptation."""
    expert_decay: float = 0.0
    """Factor by which the share of steps in which it acts falls with every later update, as `dagger` has it."""
    noise_log_std: float = -0.5
    """Logarithm of the spread of actions. It stays: imitation has no use for it, adaptation has."""
    exploration: float = 0.7
    """What the start does on average, in every action. Who stands still finds out nothing."""
    exploration_weight: float = 1.0
    """How much it counts beside imitation: with no weight the start becomes the mean of all experts, which is
    hardly to move."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "inner_step", "outer_step", "max_gradient_norm")
        at_least_one(self, "context_size", "outer_steps", "tasks", "states", "lesson", "remembered")
        for name in ("expert_updates", "exploration_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is below 0")
        for name in ("discount", "trace", "expert_decay", "outer_decay"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not in [0, 1]")
        if not -1.0 <= self.exploration <= 1.0:
            raise ValueError(f"exploration: {self.exploration} is not in [-1, 1]")


class Guided(MetaLearner):
    """A robot adapts by a policy gradient on its own rewards; in training an expert says what should come of it.

    The outer loss is how far the adapted policy is from what an expert who knows the task would do in the
    states that it gets into (DAgger): a supervised loss, on which many Adam steps can be taken for each episode,
    each differentiated through the inner step. Adaptation needs no expert.

    What the inner step changes is a context, constant inputs of the policy (Finn et al. 2017,
    arXiv:1709.04905, section 4.2; Zintgraf et al. 2019, CAVIA), with a learned step size for each number.
    Episodes are remembered with the noise that was acted with and not with the actions: their gradient then
    stays one of the start that explored, however far the newest has moved, where the paper's importance
    weights (section 4.2) grow without bound.

    The parameters are those of the policy and the logarithms of the step sizes, in this order.
    """

    name = "guided"
    kind: ClassVar[Kind] = "optimisation-based"
    source = "Mendonca et al. 2019, arXiv:1904.00956"
    policy: ProbingMLP
    Config: ClassVar[type[GuidedConfig]] = GuidedConfig
    config: GuidedConfig

    def __init__(self, policy: ProbingMLP, config: GuidedConfig | None = None) -> None:
        """Make a meta-learner of a policy."""
        self.policy, self.config = policy, config or GuidedConfig()
        self.layout = policy.layout.prefixed("policy/") + Layout.of({"log_step": (policy.latent_size,)})
        self._adam = NumberedAdam(self.config.outer_step, self.config.max_gradient_norm, self.config.outer_decay)
        self._memory: Guidance | None = None
        # The context of nobody is where its own way into the policy has no slope; it must not move from there.
        still = {"log_std", policy.layout.entries[-1][0]}
        self._learned = torch.ones(self.layout.size)
        for name, where, _ in policy.layout.slices():
            self._learned[where] = float(name not in still)

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> Guided:
        """See `MetaLearner.for_problem`."""
        an_expert(problem, cls.name)
        config = configured(cls.Config, settings)
        sizes = {"latent_size": config.context_size, "probe_hidden": config.probe_hidden}
        policy = reader_for(problem, config, ProbingMLP, **sizes)
        return cls(policy, config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        policy = self.policy.initial(rng)
        self.policy.layout.view(policy)[self.policy.head[1]][:] = self.config.exploration
        return np.concatenate([policy, np.full(self.policy.latent_size, math.log(self.config.inner_step), np.float32)])

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`, a view; its context is that of a robot that knows nothing."""
        return meta[: self.policy.layout.size]

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """See `MetaLearner.adapt`; the episodes are the start's."""
        start = self.start(meta)
        context = self.context(meta, experience.observations, *self.pushes(start, experience))
        return self.policy.knowing(start, context)

    @torch.no_grad()
    def pushes(self, start: Tensor, episodes: Episodes) -> tuple[Tensor, Tensor]:
        """What the policy gradient does to mean actions, and the number of steps.

        Args:
            start: (policy.layout.size,) that acted.
            episodes: of several tasks.

        Returns:
            (tasks, episodes, steps, action_size), A (a - mean(o)) / σ², and (tasks,).
        """
        weights = advantages(episodes, self.config.discount, self.config.trace)
        apart = episodes.actions - self.policy.mean(start, episodes.observations)
        slope = apart * torch.exp(-2.0 * self.policy.log_std(start))
        # A stray number behind the end would go on as zero times itself.
        counts = episodes.mask[..., None] > 0
        return torch.where(counts, weights[..., None] * slope, torch.zeros(())), episodes.mask.sum((1, 2))

    def context(self, meta: Tensor, observations: Tensor, pushes: Tensor, counted: Tensor) -> Tensor:
        """One step along the policy gradient from the context of nobody, (tasks, context_size).

        It is `policy_gradient_loss`'s at the parameters that acted; see `ProbingMLP` for why the probe
        alone has a part in it. Differentiable with respect to `meta`.

        Args:
            meta: (layout.size,).
            observations: (tasks, episodes, steps, observation_size).
            pushes: (tasks, episodes, steps, action_size).
            counted: (tasks,).
        """
        start, log_step = self.start(meta), meta[self.policy.layout.size :]
        probed = self.policy.probed(self.policy.layout.view(start), observations)
        slope = (pushes[..., None] * probed).sum((1, 2, 3)) / counted[:, None]

        def loss(context: Tensor, slope: Tensor) -> Tensor:
            return -(context * slope).sum(-1)

        return inner_loop(loss, self.policy.latent(start), torch.exp(log_step), (slope,), vectorised=True)

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> MetaBatch:
        """See `MetaLearner.collect`; the expert advises after adaptation, and acts in the first updates."""
        support = self.gather(meta, problem, tasks, episodes, rng)
        with torch.no_grad():
            adapted = self.adapt(meta, support)
        share = expert_share(self._adam.updates, self.config.expert_updates, self.config.expert_decay)
        noise = half_without_noise(len(tasks), rng)
        query = rollout(problem, self.policy, adapted, tasks, episodes, rng, noise=noise, expert_share=share)
        return MetaBatch(support, query)

    def losses(self, meta: Tensor, guidance: Guidance) -> Tensor:
        """Error of imitation of every task after adaptation, and of exploration before it, (tasks,)."""
        start = self.start(meta)
        views = self.policy.layout.view(start)
        context = self.context(meta, guidance.observations, guidance.pushes, guidance.counted)
        done = self.policy.mean_given(views, guidance.seen, context)
        tried = self.policy.mean_given(views, guidance.seen, self.policy.latent(start))
        away = (tried - self.config.exploration).square().sum(-1)
        error = squared_error(done, guidance.advice, torch.ones(()))
        return (error + self.config.exploration_weight * away).mean(1)

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``gradient_norm``, ``dropped_tasks``."""
        generator = self._adam.begin_update()
        metrics = {"dropped_tasks": self._remember(self.start(meta), batch, generator)}
        if self._memory is None:
            return meta.clone(), metrics
        variable = self._adam.variable(meta)
        for _ in range(self.config.outer_steps):
            losses = self.losses(variable, self._memory.draw(self.config.tasks, self.config.states, generator))
            (gradient,) = torch.autograd.grad(losses.mean(), variable)
            norm = self._adam.follow(gradient * self._learned)
            if norm is None:
                break
            metrics |= {"loss": float(losses.detach().mean()), "gradient_norm": norm}
        return variable.detach().clone(), metrics

    def _remember(self, start: Tensor, batch: MetaBatch, generator: torch.Generator) -> float:
        """Take in new tasks that hold finite numbers only; how many were left out."""
        support, query = batch.support, batch.query
        count, episodes = support.mask.shape[:2]
        # Of half of the tasks as few episodes as a robot may have: what those do not say is not to be believed.
        known = torch.randint(1 - episodes, episodes + 1, (count, 1), generator=generator)
        known = torch.where(known < 1, episodes, known)
        mask = support.mask * (torch.arange(episodes) < known)[..., None]
        pushes, counted = self.pushes(start, dataclasses.replace(support, mask=mask))
        labels = Transitions.of(dataclasses.replace(query, actions=asked(query)))
        labels = labels.sample(self.config.lesson, generator)
        new = Guidance(support.observations, pushes, counted, labels.observation, labels.action)
        kept = new.finite
        if kept.any():
            self._memory = new.rows(kept).after(self._memory, self.config.remembered)
        return float((~kept).sum())

    def moments(self) -> Moments:
        """Adam's moments, the number of updates, and what is remembered."""
        return self._adam.moments() | ({} if self._memory is None else self._memory.moments())

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._memory, left = Guidance.restored(moments)
        self._adam.restore(left)

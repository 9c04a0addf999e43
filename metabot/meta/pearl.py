"""PEARL: a probabilistic context of the task, learned off policy by soft actor-critic (Rakelly et al. 2019)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from metabot.base.rollout import rollout
from metabot.experience import Episodes, Transitions
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.critics import TwinCritics
from metabot.meta.demands import one_robot
from metabot.meta.learner import Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.outer import NumberedAdam
from metabot.meta.replay import TaskReplay
from metabot.meta.rounds import doubling
from metabot.meta.task_encoder import Posterior, TaskEncoder
from metabot.params import Layout
from metabot.policy.squashed import Drawing, SquashedMLP
from metabot.problems import Problem

_TARGETS = "target_critics"


@dataclass(frozen=True)
class PEARLConfig:
    """Hyper-parameters of `PEARL`."""

    latent_size: int = 5
    hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the policy, of the critics and of the encoder."""
    discount: float = 0.97
    reward_scale: float = 20.0
    """What rewards are multiplied by for the critics: their error has to outweigh entropy and divergence."""
    outer_step: float = 2e-3
    """Step size of Adam."""
    outer_steps: int = 400
    """Adam steps per `update`."""
    tasks: int = 8
    """Tasks of an Adam step, drawn from the replay buffer."""
    samples: int = 32
    """Transitions of each that soft actor-critic learns from."""
    context: int = 32
    """Transitions of each that the posterior is inferred from."""
    divergence_weight: float = 0.1
    """Of the posterior's divergence from the prior (β of the paper)."""
    target_share: float = 0.01
    """Share of the way that the target critics go to the critics at an Adam step."""
    initial_temperature: float = 0.1
    """Weight of the entropy at the beginning; later it keeps the entropy at minus one per action."""
    replay_tasks: int = 96
    """Tasks that are remembered; they are saved with every checkpoint."""
    max_gradient_norm: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "reward_scale", "outer_step", "target_share", "initial_temperature", "max_gradient_norm")
        at_least_one(self, "latent_size", "outer_steps", "tasks", "samples", "context", "replay_tasks")
        if not self.divergence_weight >= 0.0:
            raise ValueError(f"divergence_weight: {self.divergence_weight} is below 0")
        for name in ("discount", "target_share"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not in (0, 1]")


class Noise(NamedTuple):
    """Standard normal numbers for a loss: of the context (tasks, latent_size), of actions (tasks, points, action_size).

    Attributes:
        latent: of the posterior's draw.
        now: of the policy's actions.
        after: of its actions one step later.
    """

    latent: Tensor
    now: Tensor
    after: Tensor


class PEARL(MetaLearner):
    """An encoder turns transitions into a posterior of a latent context, which policy and critics read.

    Adaptation episodes are explored by posterior sampling: each acts under a context drawn from what
    the ones before say. The encoder learns from the critics' error and from its divergence from the
    prior, the policy from the critics. All data are replayed.
    """

    name = "pearl"
    kind: ClassVar[Kind] = "latent context"
    source = "Rakelly et al. 2019, arXiv:1903.08254"
    Config: ClassVar[type[PEARLConfig]] = PEARLConfig
    policy: SquashedMLP
    config: PEARLConfig

    def __init__(self, policy: SquashedMLP, config: PEARLConfig | None = None) -> None:
        """Make a meta-learner of a policy that reads a context."""
        self.policy, self.config = policy, config or self.Config()
        sizes = (policy.observation_size, policy.action_size, policy.latent_size, self.config.hidden)
        self.encoder, self.critics = TaskEncoder(*sizes), TwinCritics(*sizes)
        parts = {"policy": policy.layout, "encoder": self.encoder.layout, "critics": self.critics.layout}
        self.layout = Layout.of({"log_temperature": (1,)})
        for name, layout in reversed(parts.items()):
            self.layout = layout.prefixed(f"{name}/") + self.layout
        self._sizes = [*(layout.size for layout in parts.values()), 1]
        self._adam = NumberedAdam(self.config.outer_step, self.config.max_gradient_norm)
        self._replay = TaskReplay(self.config.replay_tasks)
        self._targets: Tensor | None = None

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> PEARL:
        """See `MetaLearner.for_problem`."""
        one_robot(problem, cls.name, "a context")
        config = configured(cls.Config, settings)
        size = config.latent_size
        return cls(SquashedMLP(problem.observation_size, problem.action_size, config.hidden, latent_size=size), config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        temperature = np.array([math.log(self.config.initial_temperature)], dtype=np.float32)
        return np.concatenate(
            [self.policy.initial(rng), self.encoder.initial(rng), self.critics.initial(rng), temperature]
        )

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`, a view; its context is the mean of the prior."""
        return meta[: self.policy.layout.size]

    def posterior(self, meta: Tensor, steps: Transitions) -> Posterior:
        """What is known of every task."""
        return self.encoder(meta.split(self._sizes)[1], steps)

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """The policy with the mean of each task's posterior; differentiable with respect to `meta`."""
        return self.policy.knowing(self.start(meta), self.posterior(meta, Transitions.of(experience)).mean)

    @torch.no_grad()
    def gather(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Episodes:
        """Posterior sampling, see `MetaLearner.gather`: as many episodes again as there were, and then a new posterior.

        The paper has a new one after each; episodes side by side take a fraction of the time.
        """
        shape = (len(tasks), self.policy.latent_size)
        known, played = Posterior(torch.zeros(shape), torch.ones(shape)), []
        for count in doubling(episodes):
            noise = torch.from_numpy(rng.standard_normal((count, *shape), dtype=np.float32))
            latent = known.draw(noise).transpose(0, 1).flatten(0, 1)
            played.append(
                self._play(meta, problem, np.repeat(tasks, count, axis=0), latent, 1, rng).grouped(len(tasks))
            )
            known = self.posterior(meta, Transitions.of(Episodes.join(played)))
        return Episodes.join(played)

    @torch.no_grad()
    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> MetaBatch:
        """See `MetaLearner.collect`; after adaptation, too, actions are drawn."""
        support = self.gather(meta, problem, tasks, episodes, rng)
        latent = self.policy.latent(self.adapt(meta, support))
        return MetaBatch(support, self._play(meta, problem, tasks, latent, episodes, rng))

    def _play(
        self,
        meta: Tensor,
        problem: Problem,
        tasks: np.ndarray,
        latent: Tensor,
        episodes: int,
        rng: np.random.Generator,
    ) -> Episodes:
        rows = self.policy.knowing(self.start(meta), latent)
        return rollout(problem, Drawing(self.policy, rng), rows, tasks, episodes, rng, deterministic=True)

    @torch.no_grad()
    def targets(self, meta: Tensor, latent: Tensor, steps: Transitions, noise: Tensor) -> Tensor:
        """What the critics should say, (tasks, points): r + γ (min Q(o', a', z) - α log π(a'|o', z)).

        Haarnoja et al. 2018 (arXiv:1812.05905), equations 5 and 6; nothing follows the end of an episode.
        """
        following = steps.observation + steps.change
        views = self.policy.layout.view(self.start(meta))
        action, log_prob = self.policy.draw(views, following, latent, noise)
        critics = meta.split(self._sizes)[2] if self._targets is None else self._targets
        value = self.critics.values(critics, following, action, latent).amin(0) - torch.exp(meta[-1]) * log_prob
        return self.config.reward_scale * steps.reward + self.config.discount * (1.0 - steps.terminal) * value

    def critic_losses(self, meta: Tensor, known: Posterior, latent: Tensor, steps: Transitions, to: Tensor) -> Tensor:
        """Error of the critics and divergence of the posterior of every task, (tasks,), for targets `to`."""
        values = self.critics.values(meta.split(self._sizes)[2], steps.observation, steps.action, latent)
        return (values - to).square().sum(0).mean(1) + self.config.divergence_weight * known.divergence()

    def actor_losses(self, meta: Tensor, latent: Tensor, steps: Transitions, noise: Tensor) -> tuple[Tensor, Tensor]:
        """α log π - min Q of every task, (tasks,) (equation 7 there), and log π, (tasks, points).

        Only the policy is descended by it.
        """
        views = self.policy.layout.view(self.start(meta))
        latent, critics = latent.detach(), meta.split(self._sizes)[2].detach()
        action, log_prob = self.policy.draw(views, steps.observation, latent, noise)
        value = self.critics.values(critics, steps.observation, action, latent).amin(0)
        return (torch.exp(meta[-1]).detach() * log_prob - value).mean(1), log_prob

    def losses(self, meta: Tensor, context: Transitions, steps: Transitions, noise: Noise) -> Tensor:
        """All that an Adam step descends, of every task, (tasks,)."""
        known = self.posterior(meta, context)
        latent = known.draw(noise.latent)
        to = self.targets(meta, latent, steps, noise.after)
        losses, log_prob = self.actor_losses(meta, latent, steps, noise.now)
        # The temperature keeps the entropy at minus one per action (equation 18 there).
        temperature = meta[-1] * (self.policy.action_size - log_prob.detach()).mean(1)
        return losses + temperature + self.critic_losses(meta, known, latent, steps, to)

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`.

        Metrics: ``loss``, ``gradient_norm``, ``temperature``, ``divergence``, ``dropped_tasks``.
        """
        steps = Transitions.of(Episodes.join([batch.support, batch.query]))
        finite, generator = steps.finite, self._adam.begin_update()
        metrics = {"dropped_tasks": float((~finite).sum())}
        if finite.any():
            self._replay.add(steps.rows(finite))
        if not len(self._replay):
            return meta.clone(), metrics
        variable = self._adam.variable(meta)
        if self._targets is None:
            self._targets = meta.split(self._sizes)[2].detach().clone()
        for _ in range(self.config.outer_steps):
            counts = (self.config.context, self.config.samples)
            context, points = self._replay.draw(self.config.tasks, counts, generator)
            actions = points.action.shape
            sizes = ((actions[0], self.policy.latent_size), actions, actions)
            noise = Noise(*(torch.randn(size, generator=generator) for size in sizes))
            losses = self.losses(variable, context, points, noise)
            norm = self._adam.descend(losses.mean)
            if norm is None:
                break
            self._targets.lerp_(variable.detach().split(self._sizes)[2], self.config.target_share)
            metrics |= {"loss": float(losses.detach().mean()), "gradient_norm": norm}
        new = variable.detach().clone()
        with torch.no_grad():
            divergence = self.posterior(new, Transitions.of(batch.support).rows(finite)).divergence()
        return new, metrics | {"temperature": float(torch.exp(new[-1])), "divergence": float(divergence.mean())}

    def moments(self) -> Moments:
        """Adam's moments, the number of updates, the target critics and the replay buffer."""
        targets = {} if self._targets is None else {_TARGETS: self._targets.numpy().copy()}
        return self._adam.moments() | targets | self._replay.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        left = self._replay.restore(moments)
        targets = left.pop(_TARGETS, None)
        self._targets = None if targets is None else torch.from_numpy(targets.copy())
        self._adam.restore(left)

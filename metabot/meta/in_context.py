"""What in-context meta-learners share: trials under one memory, minibatches of them, adaptation by remembering."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.rollout import trial
from metabot.experience import Episodes, Stream
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.demands import one_robot
from metabot.meta.learner import Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.outer import NumberedAdam
from metabot.params import Layout
from metabot.policy.context import ContextPolicy
from metabot.problems import Problem


@dataclass(frozen=True)
class InContextConfig:
    """Hyper-parameters of methods whose policy has a memory."""

    trial_episodes: int = 2
    """Episodes of a trial, in all of which the memory goes on."""
    outer_step: float = 1e-3
    """Step size of Adam."""
    epochs: int = 4
    """How often an `update` goes through its trials."""
    minibatches: int = 4
    """Parts into which an epoch divides them; an Adam step each."""
    max_gradient_norm: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "outer_step", "max_gradient_norm")
        at_least_one(self, "trial_episodes", "epochs", "minibatches")


@dataclass(frozen=True)
class TrialBatch(MetaBatch):
    """Whole trials; `support` and `query` are the first and the last episode of each.

    Attributes:
        trials: one per row, rows of the same task next to each other.
        lanes: trials of each task.
    """

    support: Episodes
    query: Episodes
    trials: Episodes = field(kw_only=True)
    lanes: int = field(kw_only=True)

    @property
    def env_steps(self) -> int:
        """See `MetaBatch.env_steps`."""
        return self.trials.env_steps


class InContextLearner(MetaLearner):
    """A policy whose memory learns: adapting is remembering, no gradient is taken.

    The meta-parameters are the policy's, the memory it starts with among them, and what training
    alone needs behind them.
    """

    kind: ClassVar[Kind] = "in-context"
    Config: ClassVar[type[InContextConfig]] = InContextConfig
    policy: ContextPolicy
    config: InContextConfig

    def __init__(self, policy: ContextPolicy, config: InContextConfig | None = None) -> None:
        """Make a meta-learner of a policy with a memory."""
        self.policy, self.config = policy, config or self.Config()
        self.layout = policy.layout.prefixed("policy/") + self._extra_layout()
        self._adam = NumberedAdam(self.config.outer_step, self.config.max_gradient_norm)

    @classmethod
    @abstractmethod
    def make_policy(cls, problem: Problem, config: Any) -> ContextPolicy:
        """The policy for a problem."""

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> InContextLearner:
        """See `MetaLearner.for_problem`."""
        one_robot(problem, cls.name, "a memory")
        config = configured(cls.Config, settings)
        return cls(cls.make_policy(problem, config), config)

    def _extra_layout(self) -> Layout:
        """What the meta-parameters hold beside the policy's."""
        return Layout(())

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return self.policy.initial(rng)

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`, a view."""
        return meta[: self.policy.layout.size]

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """The start with the memory of what a robot went through; differentiable with respect to `meta`."""
        return self.policy.remember(self.start(meta), Stream.of(experience))

    def gather(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Episodes:
        """A trial of each task, see `MetaLearner.gather`."""
        return self._play(meta, problem, tasks, episodes, rng)

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> TrialBatch:
        """Twice as many episodes of each task, as many trials side by side as that makes.

        Arguments as in `gather`.
        """
        length = self.config.trial_episodes
        lanes = max(1, round(2 * episodes / length))
        trials = self._play(meta, problem, np.repeat(tasks, lanes, axis=0), length, rng, training=True)
        return TrialBatch(trials.first(1), trials.part(slice(length - 1, None)), trials=trials, lanes=lanes)

    def _play(
        self,
        meta: Tensor,
        problem: Problem,
        tasks: np.ndarray,
        episodes: int,
        rng: np.random.Generator,
        *,
        training: bool = False,
    ) -> Episodes:
        return trial(problem, self.policy, self.start(meta).expand(len(tasks), -1), tasks, episodes, rng)

    @abstractmethod
    def prepare(self, meta: Tensor, stream: Stream) -> tuple[Tensor, ...]:
        """What the losses need beside the stream, every array with the trials first; constant in an update."""

    @abstractmethod
    def losses(self, meta: Tensor, stream: Stream, *prepared: Tensor) -> Tensor:
        """The loss of every trial, (trials,), a sum over its steps."""

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``gradient_norm``, ``dropped_tasks``."""
        assert isinstance(batch, TrialBatch)
        stream = Stream.of(batch.trials)
        kept = stream.finite
        generator = self._adam.begin_update()
        variable = self._adam.variable(meta)
        metrics: dict[str, float] = {}
        with torch.no_grad():
            prepared = self.prepare(meta, stream.rows(kept)) if kept.any() else ()
        numbers = torch.nonzero(kept)[:, 0]
        whole = [torch.zeros(len(kept), *part.shape[1:]).index_copy(0, numbers, part) for part in prepared]
        for _ in range(self.config.epochs):
            order = numbers[torch.randperm(len(numbers), generator=generator)]
            for rows in order.chunk(min(self.config.minibatches, max(1, len(order)))):
                rows = rows[kept[rows]]
                if len(rows) == 0:
                    continue
                losses, part = self._losses_of(variable, stream, whole, rows)
                finite = torch.isfinite(losses.detach())
                if not finite.all():
                    kept[rows[~finite]] = False
                    if not finite.any():
                        continue
                    # Computed again: a gradient of zero times NaN would be NaN.
                    losses, part = self._losses_of(variable, stream, whole, rows[finite])
                loss = losses.sum() / part.valid.sum()
                norm = self._adam.descend(lambda loss=loss: loss)  # type: ignore[misc]
                if norm is not None:
                    metrics |= {"loss": float(loss.detach()), "gradient_norm": norm}
        dropped = (~kept).reshape(-1, batch.lanes).any(1).sum()
        return variable.detach().clone(), metrics | {"dropped_tasks": float(dropped)}

    def _losses_of(self, meta: Tensor, stream: Stream, prepared: list[Tensor], rows: Tensor) -> tuple[Tensor, Stream]:
        part = stream.rows(rows)
        steps = part.valid.shape[1]
        return self.losses(meta, part, *(values[rows][:, :steps] for values in prepared)), part

    def moments(self) -> Moments:
        """Adam's moments and the number of updates."""
        return self._adam.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._adam.restore(moments)

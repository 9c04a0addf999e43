"""What a simulator knows of a task is inferred from experience, and the policy reads it (Humplik et al. 2019)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.experience import Episodes, Transitions
from metabot.meta.config import above_zero, at_least_one
from metabot.meta.context_imitation import ContextImitation, ContextImitationConfig
from metabot.meta.learner import Kind, MetaBatch, Moments
from metabot.meta.lessons import Lessons
from metabot.meta.reader import reader_for
from metabot.meta.rounds import doubling
from metabot.meta.standard import Standard
from metabot.meta.task_encoder import TaskEncoder
from metabot.policy import LatentMLP
from metabot.policy.information_encoder import InformationEncoder
from metabot.problems import Problem

_HIDDEN = "hidden"
PRIOR_PRECISION = 0.02
"""What a step says counts for much more than what is expected of any task."""
_AT_ONCE = 256
"""Tasks that are inferred together, where all that are remembered are: a bound on memory."""


@dataclass(frozen=True)
class TaskInferenceConfig(ContextImitationConfig):
    """Hyper-parameters of `TaskInference`."""

    encoder_hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the network that looks at steps."""
    belief_size: int = 0
    """Numbers of a belief that steps inform jointly and the context is read from, see `InformationEncoder`;
    0: every number of the context is inferred by itself."""
    passes: int = 1
    """How often every step is looked at by such a belief, each time by who knows what came of the time before."""
    outer_step: float = 5e-3
    """Step size of Adam."""
    outer_steps: int = 240
    """Adam steps per `update`, of all parameters together."""
    tasks: int = 32
    """Tasks of such a step, drawn from those remembered."""
    states: int = 128
    """States of each of them that the policy imitates the expert in; 0: it does so in `policy_steps` alone."""
    lesson: int = 128
    """States, and steps to tell it by, that are remembered of each task."""
    query_steps: bool = False
    """Whether tasks are told by steps of adapted episodes, too, and not by those of adaptation alone."""
    told: float = 0.0
    """Share of tasks whose context in imitation is what is hidden itself, and not what was inferred (the first
    phase of RMA): the policy then need not wait for the encoder."""
    change_size: float = 0.2
    """What changes of observations within a step, and rewards, are divided by for the encoder."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        above_zero(self, "change_size")
        if self.belief_size < 0:
            raise ValueError(f"belief_size: {self.belief_size} is below 0")
        if self.passes > 1 and not self.belief_size:
            raise ValueError(f"passes: {self.passes} is above 1; allowed with belief_size alone")
        at_least_one(self, "tasks", "passes")
        if self.states < (0 if self.policy_steps else 1):
            raise ValueError(f"states: {self.states} is below 1; allowed with policy_steps alone: 0")
        if not 0.0 <= self.told <= 1.0:
            raise ValueError(f"told: {self.told} is not in [0, 1]")


@dataclass(frozen=True)
class Revealed(MetaBatch):
    """Episodes of tasks of which a simulator says what they hide.

    Attributes:
        hidden: (tasks, latent_size).
    """

    hidden: Tensor


class TaskInference(ContextImitation):
    """The context is an estimate of what is hidden in the task: dynamics, a place, the ways of a partner.

    In training a simulator says what that is, and an encoder of steps learns it by regression (the
    belief of Humplik et al. 2019, its mean alone; the second phase of RMA, Kumar et al. 2021). A robot
    is told none of it: it reads its own observations, actions and rewards. It looks at what its
    adaptation episodes say after 1, 2, 4, … of them, and goes on with what it knows then.

    The parameters are those of the policy and of the encoder, in this order.
    """

    name = "task-inference"
    kind: ClassVar[Kind] = "latent context"
    source = "Humplik et al. 2019, arXiv:1905.06424; Kumar et al. 2021, arXiv:2107.04034"
    Config: ClassVar[type[TaskInferenceConfig]] = TaskInferenceConfig
    config: TaskInferenceConfig

    def __init__(self, policy: LatentMLP, config: TaskInferenceConfig, standard: Standard) -> None:
        """Make a meta-learner of a policy that reads what is hidden.

        Args:
            policy: with a context as long as what is hidden.
            config: hyper-parameters.
            standard: units of what is hidden.
        """
        sizes = (policy.observation_size, policy.action_size, policy.latent_size, config.encoder_hidden)
        self.encoder: TaskEncoder | InformationEncoder
        if config.belief_size:
            self.encoder = InformationEncoder(
                *sizes, belief_size=config.belief_size, prior_precision=PRIOR_PRECISION, passes=config.passes
            )
        else:
            self.encoder = TaskEncoder(*sizes, prior_precision=PRIOR_PRECISION, tempered=True)
        super().__init__(policy, config, {"encoder/": self.encoder.layout})
        self._begin(standard, policy.latent_size)

    def _begin(self, standard: Standard, size: int) -> None:
        """Remember nothing yet.

        Args:
            standard: units of what is hidden.
            size: how many numbers that are.
        """
        self._standard = standard
        self._lessons: Lessons | None = None
        self._hidden = torch.zeros(0, size)

    @classmethod
    def between(cls, problem: Problem, config: TaskInferenceConfig) -> TaskInference:
        """See `ContextImitation.between`.

        Raises:
            ValueError: if a problem cannot say what its tasks hide.
        """
        standard = Standard.of(problem, cls.name)
        policy = reader_for(problem, config, LatentMLP, latent_size=standard.size)
        return cls(policy, config, standard)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`."""
        return np.concatenate([self.policy.initial(rng), self.encoder.initial(rng)])

    def infer(self, meta: Tensor, steps: Transitions) -> Tensor:
        """See `ContextImitation.infer`."""
        return self._estimates(meta, steps)[-1]

    def _estimates(self, meta: Tensor, steps: Transitions) -> list[Tensor]:
        """The context after every pass; the last is `infer`'s."""
        return self.encoder.estimates(self.encoding(meta), self.scaled(steps))

    def encoding(self, meta: Tensor) -> Tensor:
        """The encoder's parameters, a view."""
        return meta.split(self._sizes)[1]

    def scaled(self, steps: Transitions) -> Transitions:
        """Steps as the encoder is shown them."""
        size = self.config.change_size
        return dataclasses.replace(steps, change=steps.change / size, reward=steps.reward / size)

    def known(self, valid: Tensor, generator: torch.Generator) -> Tensor:
        """Which steps a task is inferred from in training, (tasks, episodes, steps) like `valid`.

        Those of some of the episodes: of some tasks as few as a robot may have, what those do not say is not to
        be believed.

        Args:
            valid: (tasks, episodes, steps), 1 where there is a step.
            generator: of the draw.
        """
        episodes = valid.shape[1]
        first = torch.randint(1, episodes + 1, (len(valid), 1), generator=generator)
        return valid * (torch.arange(episodes) < first)[..., None]

    def rounds(self, episodes: int) -> Iterator[int]:
        """See `ContextImitation.rounds`."""
        return doubling(episodes)

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Revealed:
        """See `ContextImitation.collect`; what is hidden in the tasks goes with it."""
        batch = super().collect(meta, problem, tasks, episodes, rng)
        return Revealed(batch.support, batch.query, self._standard(problem, tasks))

    def losses(self, meta: Tensor, steps: Transitions, hidden: Tensor, observation: Tensor, advice: Tensor) -> Tensor:
        """Errors of inference and of imitation of every task, (tasks,).

        Args:
            meta: (layout.size,).
            steps: what is inferred from.
            hidden: (tasks, latent_size), what should be.
            observation: (tasks, states, observation_size).
            advice: (tasks, states, action_size), what the expert would do there.
        """
        estimates = self._estimates(meta, steps)
        wrong = torch.stack([(each - hidden).square().sum(-1) for each in estimates]).sum(0)
        if not self.config.states:
            return wrong
        read = torch.where(torch.arange(len(hidden))[:, None] < self.config.told * len(hidden), hidden, estimates[-1])
        return wrong + self.imitation(self.start(meta), read, observation, advice)

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`; metrics: ``loss``, ``inference_error``, ``gradient_norm``, ``dropped_tasks``."""
        assert isinstance(batch, Revealed)
        generator = self._adam.begin_update()
        kept = self._remember(batch, generator)
        metrics = {"dropped_tasks": float((~kept).sum())}
        if self._lessons is None:
            return meta.clone(), metrics
        variable = self._adam.variable(meta)
        config = self.config
        for _ in range(config.outer_steps):
            rows = torch.randperm(len(self._hidden), generator=generator)[: config.tasks]
            lesson, hidden = self._lessons.some(rows, config.samples, config.states, generator), self._hidden[rows]
            losses = self.losses(variable, lesson.steps, hidden, lesson.observation, lesson.advice)
            norm = self._adam.descend(losses.mean)
            if norm is None:
                break
            metrics |= {"loss": float(losses.detach().mean()), "gradient_norm": norm}
        new = self._practised(variable.detach(), generator)
        if kept.any():
            with torch.no_grad():
                wrong = self.infer(new, Transitions.of(batch.support).rows(kept)) - batch.hidden[kept]
            metrics["inference_error"] = float(wrong.square().mean())
        return new, metrics

    def _practised(self, meta: Tensor, generator: torch.Generator) -> Tensor:
        """See `ContextImitation.practised`: with what is hidden in the share of tasks that the policy is told it of."""
        if not self.config.policy_steps:
            return meta.clone()
        assert self._lessons is not None, "`update` has asked"
        contexts = self._hidden
        if self.config.told < 1.0:
            parts = torch.arange(len(contexts)).split(_AT_ONCE)
            with torch.no_grad():
                inferred = torch.cat([self.infer(meta, self._lessons.steps.rows(part)) for part in parts])
            told = torch.rand(len(inferred), 1, generator=generator) < self.config.told
            contexts = torch.where(told, self._hidden, inferred)
        return self.practised(meta, contexts, self._lessons, generator)

    def _remember(self, batch: Revealed, generator: torch.Generator) -> Tensor:
        """Take in new tasks that hold finite numbers only; which ones, (tasks,) bool."""
        hidden, labels = batch.hidden, self.lessons_of(batch)
        played = Episodes.join([batch.support, batch.query]) if self.config.query_steps else batch.support
        steps, episodes = Transitions.of(played), played.mask.shape[1]
        among = self.known(steps.valid.unflatten(1, (episodes, -1)), generator)
        steps = dataclasses.replace(steps, valid=among.flatten(1))
        kept = steps.finite & labels.finite & torch.isfinite(hidden).all(1)
        if kept.any():
            new = Lessons.of(steps.rows(kept), labels.rows(kept), self.config.lesson, generator, terminal=True)
            self._lessons = new.after(self._lessons, self.config.remembered)
            self._hidden = torch.cat([self._hidden, hidden[kept]])[-self.config.remembered :]
        return kept

    def moments(self) -> Moments:
        """See `ContextImitation.moments`; and what is remembered."""
        if self._lessons is None:
            return super().moments()
        return super().moments() | self._lessons.moments() | {_HIDDEN: self._hidden.numpy().copy()}

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        self._lessons, left = Lessons.restored(moments)
        hidden = left.pop(_HIDDEN, None)
        self._hidden = torch.zeros(0, self.reader.latent_size) if hidden is None else torch.from_numpy(hidden.copy())
        super().restore(left)

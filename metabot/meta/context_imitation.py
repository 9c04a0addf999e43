"""What methods share that find a context of the task and have a policy that reads it imitate an expert."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from metabot.base.imitation import asked, squared_error
from metabot.base.rollout import rollout
from metabot.experience import Episodes, Transitions
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.dagger_schedule import expert_share, half_without_noise
from metabot.meta.demands import an_expert, one_robot
from metabot.meta.learner import MetaBatch, MetaLearner, Moments
from metabot.meta.lessons import Lessons
from metabot.meta.outer import NumberedAdam, OuterAdam
from metabot.meta.reader import ReaderConfig
from metabot.params import Layout
from metabot.policy import LatentMLP
from metabot.problems import Problem

_POLICY = "policy/"


@dataclass(frozen=True)
class ContextImitationConfig(ReaderConfig):
    """Hyper-parameters of a `ContextImitation`."""

    samples: int = 96
    """Steps of each task that an Adam step infers the context from."""
    outer_step: float = 2e-3
    """Step size of Adam."""
    outer_decay: float = 1.0
    """Factor by which the step size falls with every update."""
    outer_steps: int = 60
    """Adam steps per `update`, of all parameters together."""
    policy_steps: int = 0
    """Adam steps of the policy alone that follow an update's: where doing is harder than knowing the task."""
    policy_step: float = 0.0
    """Step size of those, which falls with `outer_decay`, too; 0: that of the joint steps. What is inferred may be
    learned with steps far too long for the policy."""
    policy_states: int = 512
    """States of such a step, of as many tasks."""
    policy_decay: float = 1.0
    """Factor by which their size falls from an update's first to its last, to rise again in the next one (Loshchilov
    and Hutter 2017, arXiv:1608.03983): who acts next has settled, where a hand that trembles grasps nothing."""
    remembered: int = 512
    """Tasks that are remembered, the ones met last."""
    lesson: int = 100
    """States, and steps to tell it by, that are remembered of each task."""
    max_gradient_norm: float = 1.0
    expert_updates: int = 2
    """Updates at the start in which the expert acts after adaptation."""
    expert_decay: float = 0.0
    """Factor by which the share of steps in which it acts falls with every later update, as `dagger` has it."""
    query_noise: float = 1.0
    """Largest factor on that spread in the queries of training; less where much noise lets nothing succeed."""
    start_weight: float = 1.0
    """How much imitation without a context counts beside imitation with one. What is best on average takes room in
    the network: where nobody comes far without knowing the task, little is enough."""
    support_states: bool = True
    """Whether the policy imitates the expert in the states of adaptation episodes, too. Where a task is long, a robot
    that does not know it comes to states that one who does never sees."""
    demonstrations: bool = False
    """Whether adaptation episodes are the expert's, shown on the robot that adapts, and not its own."""
    demonstration_noise: float = 0.0
    """Spread of noise on what the expert does in them: of what it hardly moves, nothing could be found out."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "outer_step", "max_gradient_norm")
        at_least_one(self, "samples", "outer_steps", "policy_states", "remembered", "lesson")
        for name in (
            "policy_steps",
            "policy_step",
            "expert_updates",
            "query_noise",
            "demonstration_noise",
            "start_weight",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is below 0")
        for name in ("expert_decay", "outer_decay"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name}: {getattr(self, name)} is not in [0, 1]")
        if not 0.0 < self.policy_decay <= 1.0:
            raise ValueError(f"policy_decay: {self.policy_decay} is not in (0, 1]")
        if not self.policy_steps and (self.policy_step or self.policy_decay < 1.0):
            named = "policy_step" if self.policy_step else "policy_decay"
            raise ValueError(f"{named}: {getattr(self, named)}; allowed with policy_steps alone")


class ContextImitation(MetaLearner):
    """A context of the task is inferred from steps in it; the policy that reads it imitates an expert.

    The policy learns to do what an expert would (DAgger, as `metabot.meta.dagger`), with the context and
    without it; what the context is trained by is the subclass's, and imitation does not move it.

    The parameters of the policy come first.
    """

    Config: ClassVar[type[ContextImitationConfig]] = ContextImitationConfig
    policy: LatentMLP
    config: ContextImitationConfig

    def __init__(self, policy: LatentMLP, config: ContextImitationConfig, rest: dict[str, Layout]) -> None:
        """Make a meta-learner of a policy that reads a context.

        Args:
            policy: its context is what `infer` finds.
            config: hyper-parameters.
            rest: layouts of all else that is learned, by what goes before the names of its arrays.
        """
        self.policy, self.config = policy, config
        self.layout = policy.layout.prefixed("policy/")
        for prefix, layout in rest.items():
            self.layout = self.layout + layout.prefixed(prefix)
        self._sizes = [policy.layout.size, *(layout.size for layout in rest.values())]
        self._adam = NumberedAdam(config.outer_step, config.max_gradient_norm, config.outer_decay)
        # With moments of its own: those of the joint steps would move all else without a gradient.
        self._policy_adam = OuterAdam(config.outer_step, config.max_gradient_norm)

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> Self:
        """See `MetaLearner.for_problem`."""
        one_robot(problem, cls.name, "a context")
        an_expert(problem, cls.name)
        return cls.between(problem, configured(cls.Config, settings))

    @classmethod
    @abstractmethod
    def between(cls, problem: Problem, config: Any) -> Self:
        """A meta-learner of robots that see and do what a problem's do."""

    def start(self, meta: Tensor) -> Tensor:
        """See `MetaLearner.start`, a view; its context is that of a robot that knows nothing."""
        return meta[: self.policy.layout.size]

    @abstractmethod
    def infer(self, meta: Tensor, steps: Transitions) -> Tensor:
        """The context of every task, (tasks, latent_size); differentiable with respect to `meta`.

        Args:
            meta: (layout.size,).
            steps: what happened.
        """

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """See `MetaLearner.adapt`."""
        return self.policy.knowing(self.start(meta), self.infer(meta, Transitions.of(experience)))

    def gather(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Episodes:
        """See `MetaLearner.gather`; demonstrations if it adapts from them."""
        return self.explore(meta, problem, tasks, episodes, rng, 1.0 if self.config.demonstrations else None)

    def rounds(self, episodes: int) -> Iterable[int]:
        """How many adaptation episodes are played side by side before what they say is looked at: all, by default."""
        return (episodes,)

    @torch.no_grad()
    def explore(
        self,
        meta: Tensor,
        problem: Problem,
        tasks: np.ndarray,
        episodes: int,
        rng: np.random.Generator,
        share: float | None,
    ) -> Episodes:
        """Adaptation episodes in rounds, the first from the start.

        Args:
            meta: (layout.size,).
            problem: where.
            tasks: (tasks, ...) rows of `Problem.sample`.
            episodes: of each task.
            rng: source of starts, goals and noise.
            share: of steps in which the expert acts, as `expert_share` of `rollout`.
        """
        acting, shaken = self.start(meta).expand(len(tasks), -1), self.config.demonstration_noise
        played: list[Episodes] = []
        for count in self.rounds(episodes):
            if played:
                acting = self.adapt(meta, Episodes.join(played))
            played.append(
                rollout(problem, self.policy, acting, tasks, count, rng, expert_share=share, expert_noise=shaken)
            )
        return Episodes.join(played)

    def collect(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> MetaBatch:
        """See `MetaLearner.collect`; the expert advises throughout, and acts in the first queries."""
        support = self.explore(meta, problem, tasks, episodes, rng, float(self.config.demonstrations))
        with torch.no_grad():
            adapted = self.adapt(meta, support)
        noise = self.config.query_noise * half_without_noise(len(tasks), rng)
        share = expert_share(self._adam.updates, self.config.expert_updates, self.config.expert_decay)
        query = rollout(problem, self.policy, adapted, tasks, episodes, rng, noise=noise, expert_share=share)
        return MetaBatch(support, query)

    @property
    def reader(self) -> LatentMLP:
        """The network that reads the context; its parameters are the first of the policy's."""
        return self.policy

    def lessons_of(self, batch: MetaBatch) -> Transitions:
        """The states that the policy imitates in, with what the expert would do there as actions."""
        played = Episodes.join([batch.support, batch.query]) if self.config.support_states else batch.query
        return Transitions.of(dataclasses.replace(played, actions=asked(played)))

    def imitation(self, start: Tensor, context: Tensor, observation: Tensor, advice: Tensor) -> Tensor:
        """Errors of imitation, (tasks,), with contexts and without; contexts are not moved by them.

        Args:
            start: (policy.layout.size,).
            context: (tasks, latent_size).
            observation: (tasks, states, observation_size).
            advice: (tasks, states, action_size).
        """
        reader = self.reader
        start = start[: reader.layout.size]
        views = reader.layout.view(start)
        losses = torch.zeros(len(context), dtype=start.dtype)
        # Before it knows its task, a robot should do what is best on average and not anything.
        for known, weight in ((context, 1.0), (reader.latent(start), self.config.start_weight)):
            if weight:
                mean = reader.mean_given(views, observation, known.detach())
                losses = losses + weight * squared_error(mean, advice, torch.ones(())).mean(1)
        return losses

    def practised(self, meta: Tensor, contexts: Tensor, lessons: Lessons, generator: torch.Generator) -> Tensor:
        """The parameters after `policy_steps` more steps of imitation, which move the reader's alone, (layout.size,).

        Each is of states of many tasks: of each task then few suffice, which do not say what they are alike.

        Args:
            meta: (layout.size,).
            contexts: (tasks, latent_size), what is read of each task.
            lessons: of the same tasks.
            generator: of the states.
        """
        new, size = meta.clone(), self.reader.layout.size
        variable = self._policy_adam.variable(new[:size])
        step = self._adam.step * (self.config.policy_step or self.config.outer_step) / self.config.outer_step
        for number in range(self.config.policy_steps):
            share = self.config.policy_decay ** (number / self.config.policy_steps)
            self._policy_adam.resize(share * step)
            losses = self.imitation(variable, *lessons.draw(contexts, self.config.policy_states, generator))
            if self._policy_adam.descend(losses.mean) is None:
                break
        new[:size] = variable.detach()
        return new

    def moments(self) -> Moments:
        """Moments of both optimisers, and the number of updates."""
        return self._adam.moments() | {_POLICY + name: value for name, value in self._policy_adam.moments().items()}

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        policy = {n.removeprefix(_POLICY): value for n, value in moments.items() if n.startswith(_POLICY)}
        self._policy_adam.restore(policy)
        self._adam.restore({name: value for name, value in moments.items() if not name.startswith(_POLICY)})

"""The nearest source tasks by a Siamese network, and a blend of their policies (Koch et al. 2015, Task2Vec)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from metabot.base.policies import policy_for
from metabot.base.rollout import rollout
from metabot.experience import Episodes, Transitions
from metabot.meta.config import above_zero, at_least_one, configured
from metabot.meta.inner_loop import per_task
from metabot.meta.learner import Kind, MetaBatch, MetaLearner, Moments
from metabot.meta.objective import PolicyObjective
from metabot.meta.outer import NumberedAdam, OuterAdam
from metabot.meta.replay import TaskReplay
from metabot.meta.siamese_encoder import SiameseEncoder
from metabot.params import Layout
from metabot.policy import GaussianMLP
from metabot.problems import Problem

_POLICIES, _KEYS, _PRESENT = "policies", "keys", "present"
_ENCODER = "encoder/"
Data = tuple[Tensor, ...]


@dataclass(frozen=True)
class SiameseConfig:
    """Hyper-parameters of `Siamese`."""

    sources: int = 16
    """Source tasks: the first ones that training meets."""
    neighbours: int = 4
    """How many of them are blended."""
    embedding_size: int = 8
    hidden: tuple[int, ...] = (64, 64)
    """Hidden layers of the policies."""
    samples: int = 48
    """Transitions of each side of a pair."""
    remembered: int = 128
    """Tasks that pairs are drawn from, the ones met last."""
    pair_tasks: int = 24
    """Tasks of a step of the encoder; all their pairs are compared."""
    encoder_steps: int = 60
    """Adam steps of the encoder per `update`."""
    outer_epochs: int = 10
    """Adam steps of the policies per `update`."""
    outer_step: float = 3e-3
    """Step size of Adam."""
    max_gradient_norm: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        above_zero(self, "outer_step", "max_gradient_norm")
        at_least_one(self, "sources", "neighbours", "embedding_size", "samples", "encoder_steps", "outer_epochs")
        for name, least in (("remembered", 2), ("pair_tasks", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: {getattr(self, name)} is below {least}")
        if self.neighbours > self.sources:
            raise ValueError(f"neighbours: {self.neighbours} is more than the {self.sources} sources")


class Siamese(MetaLearner):
    """A robot takes over what was learned in the source tasks that its own resembles most.

    The encoder learns to tell whether two experiences are of one task; source tasks are ranked by
    that, as Task2Vec (Achille et al. 2019) ranks them by the distance of embeddings. The policies of
    the nearest are averaged, weighted by a softmax of the log-odds that each is the robot's task.
    Networks can be averaged because they begin as one and are trained as blends: PPO descends the
    surrogate of each blend, and every source takes its share.

    Experience to compare is gathered by commands at random, the same throughout training: that of a
    source never grows stale. Several robots of one episode count as one task.
    """

    name = "siamese"
    kind: ClassVar[Kind] = "metric-based"
    source = "Koch et al. 2015 (ICML deep learning workshop); Achille et al. 2019, arXiv:1902.03545"
    Config: ClassVar[type[SiameseConfig]] = SiameseConfig
    policy: GaussianMLP
    config: SiameseConfig

    def __init__(self, policy: GaussianMLP, config: SiameseConfig | None = None) -> None:
        """Make a meta-learner of a policy."""
        self.policy, self.config = policy, config or self.Config()
        config = self.config
        self.objective = PolicyObjective(policy)
        self.encoder = SiameseEncoder(policy.observation_size, policy.action_size, config.embedding_size)
        shapes = {
            _POLICIES: (config.sources, policy.layout.size),
            _KEYS: (config.sources, config.embedding_size),
            _PRESENT: (config.sources,),
        }
        self.layout = self.encoder.layout.prefixed("encoder/") + Layout.of(shapes).prefixed("sources/")
        # With moments of their own: each takes steps in which the other has no gradient.
        self._encoder_adam = OuterAdam(config.outer_step, config.max_gradient_norm)
        self._adam = NumberedAdam(config.outer_step, config.max_gradient_norm)
        self._pairs = TaskReplay(config.remembered, "pairs")
        self._sources = TaskReplay(config.sources, "sources")

    @classmethod
    def for_problem(cls, problem: Problem, **settings: Any) -> Siamese:
        """See `MetaLearner.for_problem`."""
        config = configured(cls.Config, settings)
        return cls(policy_for(problem, config.hidden), config)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """See `MetaLearner.initial`; all sources begin as one, and none is there yet."""
        encoder, one = self.encoder.initial(rng), self.policy.initial(rng)
        rest = np.zeros(self.config.sources * (self.config.embedding_size + 1), dtype=np.float32)
        return np.concatenate([encoder, np.tile(one, self.config.sources), rest])

    def _parts(self, meta: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        views = self.layout.view(meta)
        named = {name: views[f"sources/{name}"] for name in (_POLICIES, _KEYS, _PRESENT)}
        return meta[: self.encoder.layout.size], named

    def start(self, meta: Tensor) -> Tensor:
        """The mean of all sources; see `MetaLearner.start`."""
        return self._parts(meta)[1][_POLICIES].mean(0)

    def weights(self, meta: Tensor, steps: Transitions) -> Tensor:
        """What share each source has in each task's blend, (tasks, sources); alike while there is none."""
        encoder, sources = self._parts(meta)
        odds = self.encoder.log_odds(encoder, self.encoder.embed(encoder, steps), sources[_KEYS])
        present = sources[_PRESENT] > 0.5
        if not present.any():
            return torch.full_like(odds, 1.0 / odds.shape[1])
        odds = odds.masked_fill(~present, -torch.inf)
        least = odds.topk(self.config.neighbours, dim=1).values[:, -1:]
        return torch.softmax(odds.masked_fill(odds < least, -torch.inf), dim=1)

    def adapt(self, meta: Tensor, experience: Episodes) -> Tensor:
        """See `MetaLearner.adapt`."""
        return self.weights(meta, Transitions.of(experience)) @ self._parts(meta)[1][_POLICIES]

    def gather(
        self, meta: Tensor, problem: Problem, tasks: np.ndarray, episodes: int, rng: np.random.Generator
    ) -> Episodes:
        """Episodes of commands at random: normal ones of unit spread; see `MetaLearner.gather`."""
        nothing = torch.zeros(1, self.policy.layout.size).expand(len(tasks), -1)
        return rollout(problem, self.policy, nothing, tasks, episodes, rng)

    def losses(self, policies: Tensor, weights: Tensor, query: Data) -> Tensor:
        """PPO's loss of every task's blend, (tasks,).

        Args:
            policies: (sources, policy.layout.size).
            weights: (tasks, sources).
            query: `PolicyObjective.data` of episodes that the blends played.
        """
        losses: Tensor = per_task(self.objective.outer)(weights @ policies, *query)
        return losses

    def update(self, meta: Tensor, batch: MetaBatch) -> tuple[Tensor, dict[str, float]]:
        """See `MetaLearner.update`.

        Metrics: ``loss``, ``contrastive_loss``, ``gradient_norm``, ``dropped_tasks``.
        """
        generator = self._adam.begin_update()
        steps, query = Transitions.of(batch.support), self.objective.data(batch.query)
        encoder, sources = self._parts(meta)
        with torch.no_grad():
            weights = self.weights(meta, steps)
            kept = comparable(steps) & torch.isfinite(self.losses(sources[_POLICIES], weights, query))
        metrics = {"dropped_tasks": float((~kept).sum())}
        if not kept.any():
            return meta.clone(), metrics
        pairs = halves(steps.rows(kept), self.config.samples, generator)
        self._pairs.add(pairs)
        self._sources.add(pairs.rows(torch.arange(len(pairs.valid))[: self.config.sources - len(self._sources)]))
        policies = self._adam.variable(sources[_POLICIES].flatten())
        query = tuple(part[kept] for part in query)
        for _ in range(self.config.outer_epochs):
            losses = self.losses(policies.reshape(self.config.sources, -1), weights[kept], query)
            norm = self._adam.descend(losses.mean)
            if norm is None:
                break
            metrics |= {"loss": float(losses.detach().mean()), "gradient_norm": norm}
        encoder, loss = self._compared(encoder, generator)
        with torch.no_grad():
            known = self.encoder.embed(encoder, self._sources.whole())
        missing = self.config.sources - len(known)
        keys = torch.cat([known, torch.zeros(missing, known.shape[1])])
        present = torch.cat([torch.ones(len(known)), torch.zeros(missing)])
        return torch.cat([encoder, policies.detach(), keys.flatten(), present]), metrics | loss

    def _compared(self, encoder: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The encoder after some steps on pairs, and its loss."""
        metrics: dict[str, float] = {}
        variable = self._encoder_adam.variable(encoder)
        if len(self._pairs) < 2:
            return variable.detach().clone(), metrics
        for _ in range(self.config.encoder_steps):
            pairs = self._pairs.some(self.config.pair_tasks, generator)
            both = torch.arange(2 * self.config.samples).expand(len(pairs.valid), -1)
            left, right = (pairs.take(numbers) for numbers in both.chunk(2, dim=1))
            loss = self.encoder.loss(variable, left, right)
            if self._encoder_adam.descend(lambda loss=loss: loss) is None:  # type: ignore[misc]
                break
            metrics = {"contrastive_loss": float(loss.detach())}
        return variable.detach().clone(), metrics

    def moments(self) -> Moments:
        """Moments of both optimisers, the number of updates, experience of the sources and of the tasks met last."""
        encoder = {_ENCODER + name: value for name, value in self._encoder_adam.moments().items()}
        return self._adam.moments() | encoder | self._pairs.moments() | self._sources.moments()

    def restore(self, moments: Moments) -> None:
        """See `MetaLearner.restore`."""
        left = self._sources.restore(self._pairs.restore(moments))
        encoder = {name: value for name, value in left.items() if name.startswith(_ENCODER)}
        self._encoder_adam.restore({name.removeprefix(_ENCODER): value for name, value in encoder.items()})
        self._adam.restore({name: value for name, value in left.items() if name not in encoder})


def comparable(steps: Transitions) -> Tensor:
    """Which tasks are finite and have steps in both halves of their experience, (tasks,) bool."""
    return steps.finite & torch.stack([part.any(1) for part in steps.moving.tensor_split(2, dim=1)]).all(0)


def halves(steps: Transitions, samples: int, generator: torch.Generator) -> Transitions:
    """So many steps of the first half of every task's experience, and as many of the second behind them."""
    first, second = steps.moving.tensor_split(2, dim=1)
    early, late = (torch.multinomial(part, samples, replacement=True, generator=generator) for part in (first, second))
    return steps.take(torch.cat([early, late + first.shape[1]], dim=1))

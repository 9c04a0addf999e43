"""Replay: a sample of all that came is learned again beside what comes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from metabot.continual.domain import Labelled
from metabot.continual.learner import ContinualConfig, ContinualLearner
from metabot.meta.config import at_least_one
from metabot.policy import MLP


class Reservoir:
    """A uniform sample of a stream of unknown length (Vitter 1985, algorithm R).

    Each of the points so far is in it with the same probability, whatever task it was of.

    Attributes:
        seen: points so far.
    """

    def __init__(self, capacity: int) -> None:
        """Make room for so many points."""
        self._capacity = capacity
        self._held: Labelled | None = None
        self.seen = 0

    def __len__(self) -> int:
        """Points that it holds."""
        return min(self.seen, self._capacity)

    def add(self, points: Labelled, rng: np.random.Generator) -> None:
        """Offer the next points of the stream."""
        if self._held is None:
            self._held = Labelled(*(torch.empty(self._capacity, part.shape[1]) for part in points))
        for row in range(len(points.inputs)):
            place = self.seen if self.seen < self._capacity else int(rng.integers(self.seen + 1))
            self.seen += 1
            if place < self._capacity:
                for held, part in zip(self._held, points, strict=True):
                    held[place] = part[row]

    def draw(self, count: int, rng: np.random.Generator) -> Labelled | None:
        """Some of the points at random, with repetition; None from an empty one."""
        if self._held is None:
            return None
        chosen = torch.from_numpy(rng.integers(len(self), size=count))
        return Labelled(*(part[chosen] for part in self._held))


@dataclass(frozen=True)
class ReplayConfig(ContinualConfig):
    """Hyper-parameters of `Replay`."""

    capacity: int = 500
    """Points that are kept."""
    replayed: int = 64
    """Of them, that are learned beside every batch."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        at_least_one(self, "capacity", "replayed")


class Replay(ContinualLearner):
    """Experience replay with reservoir sampling, which needs no boundaries."""

    name = "replay"
    source = "Rolnick et al. 2019, arXiv:1811.11682; Vitter 1985"
    Config = ReplayConfig

    def __init__(self, network: MLP, rng: np.random.Generator, config: ReplayConfig | None = None) -> None:
        """See `ContinualLearner`; the memory is empty."""
        super().__init__(network, rng, config)
        self.memory = Reservoir(self.config.capacity)

    def learn(self, points: Labelled, rng: np.random.Generator) -> float:
        """See `ContinualLearner.learn`."""
        again = self.memory.draw(self.config.replayed, rng)
        loss = super().learn(points if again is None else points.joined(again), rng)
        self.memory.add(points, rng)
        return loss

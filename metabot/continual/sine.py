"""Sine waves one after the other (Javed and White 2019, section 4.1, "incremental sine waves")."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from metabot.continual.domain import Domain, Labelled, refuse_fewer_than_two
from metabot.policy import MLP
from metabot.problems.sine import SineRegression

_POINTS = 200


class SineDomain(Domain):
    """A few of the waves of `SineRegression`; the score is the share of a wave's variance that is explained."""

    name = SineRegression.name
    score = "explained variance"

    def __init__(self, tasks: int, rng: np.random.Generator, hidden: tuple[int, ...] = (128, 128)) -> None:
        """Draw the waves.

        Args:
            tasks: how many.
            rng: of amplitudes and phases.
            hidden: layers of the network.

        Raises:
            ValueError: if there are fewer than two.
        """
        refuse_fewer_than_two(tasks)
        waves = SineRegression()
        self.tasks = tasks
        # Units that are silent for a wave have nothing to lose by it: tanh forgets more, with EWC above all.
        self.network = MLP((waves.input_size + tasks, *hidden, waves.output_size), "relu")
        self._waves, self._rows = waves, waves.sample(rng, tasks)
        held = waves.draw(self._rows, _POINTS, np.random.default_rng(0))
        numbers = np.arange(tasks).repeat(_POINTS)
        self._inputs, self._targets = self.named(held.inputs.flatten(0, 1), numbers), held.targets[..., 0]

    def draw(self, tasks: np.ndarray, rng: np.random.Generator) -> Labelled:
        """See `Domain.draw`."""
        points = self._waves.draw(self._rows[tasks], 1, rng)
        return Labelled(self.named(points.inputs[:, 0], tasks), points.targets[:, 0])

    @torch.no_grad()
    def scores(self, parameters: Tensor) -> np.ndarray:
        """See `Domain.scores`; 0 for what is no better than the wave's mean."""
        found = self.network(self.network.layout.view(parameters), self._inputs).reshape(self.tasks, -1)
        left = (found - self._targets).square().mean(1) / self._targets.var(1, correction=0)
        return (1.0 - left).clamp(min=0.0).numpy()

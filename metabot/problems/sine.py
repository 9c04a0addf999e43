"""Sinusoid regression from a few points (Finn et al. 2017, section 5.1)."""

from __future__ import annotations

import numpy as np
import torch

from metabot.experience import Samples


class SineRegression:
    """Tasks are y = A sin(x - phase) with A in [0.1, 5], phase in [0, π], x in [-5, 5], all uniform.

    The published code has the phase this way round; the paper does not say.
    """

    name = "sine"
    input_size = 1
    output_size = 1

    def sample(self, rng: np.random.Generator, tasks: int) -> np.ndarray:
        """Draw tasks, (tasks, 2): amplitude and phase."""
        return np.stack([rng.uniform(0.1, 5.0, tasks), rng.uniform(0.0, np.pi, tasks)], axis=1)

    def draw(self, tasks: np.ndarray, points: int, rng: np.random.Generator) -> Samples:
        """Draw labelled points of every task.

        Args:
            tasks: (tasks, 2).
            points: of each task.
            rng: source of the inputs.
        """
        inputs = rng.uniform(-5.0, 5.0, (len(tasks), points, 1))
        targets = tasks[:, None, :1] * np.sin(inputs - tasks[:, None, 1:])
        return Samples(torch.from_numpy(inputs.astype(np.float32)), torch.from_numpy(targets.astype(np.float32)))

"""Random quadratics, the smallest problem an update rule can be learned on (Andrychowicz et al. 2016, section 3.1)."""

from __future__ import annotations

import numpy as np
import torch

from metabot.experience import Samples


class Quadratics:
    """Tasks are f(x) = |W x - y|² with W and y of standard normal numbers.

    A start drawn at random is as good as a target that is moved by it: y becomes y - W s with s
    standard normal, and all tasks start at zero.
    """

    name = "quadratics"

    def __init__(self, size: int = 10) -> None:
        """Choose the number of coordinates."""
        self.size = size

    def draw(self, tasks: int, rng: np.random.Generator) -> Samples:
        """Draw tasks: W as inputs (tasks, size, size), the moved y as targets (tasks, size, 1)."""
        matrix = rng.standard_normal((tasks, self.size, self.size))
        target = rng.standard_normal((tasks, self.size, 1)) - matrix @ rng.standard_normal((tasks, self.size, 1))
        return Samples(torch.from_numpy(matrix.astype(np.float32)), torch.from_numpy(target.astype(np.float32)))

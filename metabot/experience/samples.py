"""`Samples`: pairs of input and output of many supervised tasks."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Samples:
    """Labelled points of several tasks.

    Attributes:
        inputs: (tasks, points, input_size).
        targets: (tasks, points, output_size).
    """

    inputs: Tensor
    targets: Tensor

"""What a matrix of scores, time × task, says about forgetting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measures:
    """How a stream was learned; R[i, j] is the score of task j at the end of task i's steps.

    Attributes:
        average: mean of the last row: how much is mastered in the end.
        learned: mean of the diagonal: how well each task was mastered when its steps were over.
        backward: mean of R[last, j] - R[j, j] over all tasks but the last: what later tasks did to
            earlier ones (Lopez-Paz and Ranzato 2017, equation 3).
        forward: mean of R[j - 1, j] - R[start, j] over all tasks but the first: what earlier tasks did
            to later ones (equation 4 there).
        forgetting: mean of the highest R[i, j] before the last row less R[last, j], over all tasks but
            the last (Chaudhry et al. 2018, equation 3).
    """

    average: float
    learned: float
    backward: float
    forward: float
    forgetting: float

    @classmethod
    def of(cls, matrix: np.ndarray) -> Measures:
        """The measures of a stream.

        Args:
            matrix: (tasks + 1, tasks) scores, before the stream and at the end of each task's steps.
        """
        start, ends = matrix[0], matrix[1:]
        last, diagonal = ends[-1], np.diag(ends)
        return cls(
            average=float(last.mean()),
            learned=float(diagonal.mean()),
            backward=float((last - diagonal)[:-1].mean()),
            forward=float((np.diag(ends, 1) - start[1:]).mean()),
            forgetting=float((ends[:-1].max(0) - last)[:-1].mean()),
        )

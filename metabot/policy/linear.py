"""Systems of linear equations that leave as ONNX, which has no solver."""

from __future__ import annotations

import torch
from torch import Tensor


def solve(matrix: Tensor, vector: Tensor) -> Tensor:
    """X with matrix @ x = vector, (..., n), for symmetric positive definite matrices.

    While a graph is exported the elimination is written out, in double precision: n steps of a few operations each.

    Args:
        matrix: (..., n, n).
        vector: (..., n).
    """
    if torch.compiler.is_exporting():
        return eliminated(matrix.double(), vector.double()).to(vector.dtype)
    return torch.linalg.solve(matrix, vector[..., None])[..., 0]


def eliminated(matrix: Tensor, vector: Tensor) -> Tensor:
    """The same by Gauss-Jordan elimination; positive definite matrices need no pivots (Golub and Van Loan 2013, 4.2).

    >>> eliminated(torch.tensor([[2.0, 1.0], [1.0, 3.0]]), torch.tensor([3.0, 4.0]))
    tensor([1., 1.])
    """
    size = matrix.shape[-1]
    whole = torch.cat([matrix, vector[..., None]], dim=-1)
    units = torch.eye(size, dtype=matrix.dtype)
    for index in range(size):
        row = whole[..., index, :] / whole[..., index, index : index + 1]
        # Of the row itself all but its share is taken away, of the others what is in their column.
        whole = whole - (whole[..., :, index] - units[index])[..., None] * row[..., None, :]
    return whole[..., :, -1]

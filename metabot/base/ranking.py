"""Learning in which order a list should stand."""

from __future__ import annotations

from torch import Tensor


def list_mle(scores: Tensor, order: Tensor) -> Tensor:
    """Negative log-likelihood of an order under the Plackett-Luce model of the scores.

    ListMLE (Xia et al. 2008, equation 8): the first of the order is chosen from all in proportion to
    exp(score), the next from those left, and so on. Only the order of the teacher counts, not by how
    much one is better.

    Args:
        scores: (..., items).
        order: (..., items) int64, numbers of the items from the best to the worst.

    Returns:
        (...), divided by the number of items.
    """
    ranked = scores.gather(-1, order)
    left = ranked.flip(-1).logcumsumexp(-1).flip(-1)
    return (left - ranked).mean(-1)

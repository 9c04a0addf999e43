"""RL²: its advantages, and that its memory learns."""

import pytest
import torch

from metabot.experience import Stream
from metabot.meta.rl2 import trial_advantages


def test_advantages_reach_from_one_episode_into_the_one_before() -> None:
    """Generalised advantages as the sum of discounted errors, written out."""
    torch.manual_seed(0)
    reward, value, none = torch.randn(2, 6), torch.randn(2, 6), torch.zeros(2, 6)
    valid = torch.ones(2, 6)
    valid[1, 4:] = 0.0
    first = none.clone()
    first[:, 0] = first[:, 3] = 1.0
    stream = Stream(none[..., None], none[..., None], none, first, none[..., None], reward * valid, none, valid)
    result = trial_advantages(stream, value, 0.9, 0.8)
    for row, length in enumerate((6, 4)):
        for t in range(length):
            total = 0.0
            for k in range(t, length):
                following = float(value[row, k + 1]) if k + 1 < length else 0.0
                total += 0.72 ** (k - t) * (float(reward[row, k]) + 0.9 * following - float(value[row, k]))
            assert float(result[row, t]) == pytest.approx(total, abs=1e-5)
    assert (result[1, 4:] == 0).all()

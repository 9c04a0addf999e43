"""RL²: its advantages, and that its memory learns."""

import numpy as np
import pytest
import torch

from metabot.base import rollout
from metabot.experience import Stream
from metabot.meta import make_meta_learner
from metabot.meta.rl2 import trial_advantages
from metabot.problems.navigation import Navigation2D


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


@pytest.mark.slow
def test_a_memory_of_one_episode_beats_none_after_a_short_training() -> None:
    """A point that looks for a goal it cannot see goes straight there once it remembers."""
    problem = Navigation2D()
    problem.horizon = 20
    learner = make_meta_learner("rl2", problem, outer_step=3e-3)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    for version in range(70):
        rng = np.random.default_rng([1, version])
        meta, _ = learner.update(meta, learner.collect(meta, problem, problem.sample(rng, 128), 1, rng))
    rng = np.random.default_rng(9)
    tasks = problem.sample(rng, 128)
    adapted = learner.adapt(meta, learner.gather(meta, problem, tasks, 1, rng))

    def mean_return(parameters: torch.Tensor) -> float:
        fresh = np.random.default_rng(3)
        return float(rollout(problem, learner.policy, parameters, tasks, 1, fresh, deterministic=True).returns.mean())

    before, after = mean_return(learner.start(meta).expand(128, -1)), mean_return(adapted)
    assert before > -2.0, "it must have learned to look"
    assert after > 0.7 * before

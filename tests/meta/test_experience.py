import numpy as np
import torch

from metabot.base import drive_policy, rollout
from metabot.experience import Episodes, advantages
from metabot.problems import make_problem
from metabot.problems.family import FamilyProblem


def episodes(rewards: torch.Tensor, mask: torch.Tensor) -> Episodes:
    shape = rewards.shape
    observations = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(0))
    return Episodes(observations, torch.zeros(*shape, 2), rewards, mask, torch.zeros(shape), torch.zeros(shape[:2]))


def test_advantages_are_normalised_per_task_and_zero_where_masked() -> None:
    rewards = (
        torch.randn(4, 5, 20, generator=torch.Generator().manual_seed(1))
        * torch.tensor([1.0, 10, 100, 1000])[:, None, None]
    )
    mask = torch.ones_like(rewards)
    mask[:, 2, 9:] = 0
    result = advantages(episodes(rewards, mask))
    assert (result[mask == 0] == 0).all()
    for task in range(4):
        kept = result[task][mask[task] == 1]
        assert abs(float(kept.mean())) < 1e-5 and abs(float(kept.std(unbiased=False)) - 1) < 1e-3


def test_a_better_action_has_a_higher_advantage() -> None:
    rewards = torch.zeros(1, 2, 10)
    rewards[0, 1, 4] = 1.0
    result = advantages(episodes(rewards, torch.ones_like(rewards)))
    assert result[0, 1, 4] > 1.0


def test_rollout_masks_what_comes_after_the_end() -> None:
    twin, policy = make_problem("drive-goal"), drive_policy()
    rng = np.random.default_rng(0)
    parameters = torch.from_numpy(policy.initial(rng)).clone()
    policy.layout.view(parameters)["bias_2"][:] = torch.tensor([1.0, 0.0])  # straight ahead
    assert isinstance(twin, FamilyProblem)
    healthy = np.tile(twin.state(twin.spec), (2, 1))
    result = rollout(twin, policy, parameters.expand(2, -1), healthy, 64, rng)
    assert 0 < result.success.mean() < 0.5
    ended = result.success.bool()
    lengths = result.mask.sum(-1)
    assert (lengths[ended] < 80).any() and (lengths[~ended] == 80).all()
    assert (result.rewards * (1 - result.mask)).abs().max() == 0
    recomputed = policy.log_prob(parameters, result.observations, result.actions)
    assert torch.allclose(recomputed, result.log_probs, atol=1e-4)

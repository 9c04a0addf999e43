"""A policy that reads a context: the same whether one row or many, and it leaves as ONNX."""

from pathlib import Path

import numpy as np
import pytest
import torch

from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.policy import LatentMLP
from metabot.policy.latent import LATENT


def rows(policy: LatentMLP, tasks: int = 3) -> torch.Tensor:
    rng = np.random.default_rng(0)
    start = torch.from_numpy(policy.initial(rng))
    start += 0.3 * torch.from_numpy(rng.standard_normal(len(start), dtype=np.float32))
    return policy.knowing(start, torch.from_numpy(rng.standard_normal((tasks, policy.latent_size), dtype=np.float32)))


def test_one_policy_per_task_acts_as_each_alone_and_contexts_matter() -> None:
    policy = LatentMLP(4, 2, (8,), latent_size=3)
    parameters = rows(policy)
    observations = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    together = policy.mean(parameters, observations)
    assert together.shape == (3, 5, 2)
    for task in range(3):
        assert torch.allclose(together[task], policy.mean(parameters[task], observations[task]), atol=1e-6)
    shared = policy.mean_given(policy.layout.view(parameters[0]), observations, policy.latent(parameters))
    assert torch.allclose(shared, together, atol=1e-6)
    assert not torch.allclose(policy.mean(parameters[0], observations[1]), together[1], atol=1e-3)


def test_a_fresh_policy_has_a_context_of_zero_behind_everything_else() -> None:
    policy = LatentMLP(4, 2, (8,), latent_size=3)
    start = torch.from_numpy(policy.initial(np.random.default_rng(0)))
    assert torch.equal(policy.layout.view(start)[LATENT], start[-3:]) and (start[-3:] == 0.0).all()


def test_it_leaves_as_onnx_with_the_context_that_it_has(tmp_path: Path) -> None:
    policy = LatentMLP(6, 2, (8,), latent_size=3)
    contract = PolicyContract("diffdrive", tuple("abcdef"), ("forward", "turn"), 20, policy.layout.hash, 1)
    exported = export_policy(tmp_path / "policy.onnx", policy, rows(policy)[1].numpy(), contract, probes=16)
    assert exported.parity_max_abs < 1e-5


def test_no_context_is_refused() -> None:
    with pytest.raises(ValueError, match="latent_size: 0 is below 1"):
        LatentMLP(4, 2, latent_size=0)

"""Policies that read a context: the same whether one row or many, and they leave as ONNX."""

from pathlib import Path

import numpy as np
import pytest
import torch

from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.policy import DigestMLP, LatentMLP, ProbingMLP
from metabot.policy.latent import LATENT
from metabot.policy.policy import Moment
from metabot.task import RobotInterface, Term


def rows(policy: LatentMLP, tasks: int = 3) -> torch.Tensor:
    rng = np.random.default_rng(0)
    start = torch.from_numpy(policy.initial(rng))
    start += 0.3 * torch.from_numpy(rng.standard_normal(len(start), dtype=np.float32))
    return policy.knowing(start, torch.from_numpy(rng.standard_normal((tasks, policy.latent_size), dtype=np.float32)))


POLICIES = (
    LatentMLP(4, 2, (8,), latent_size=3),
    DigestMLP(4, 2, (8,), latent_size=7, digest_size=3),
    LatentMLP(4, 2, (8,), latent_size=3, products=True),
    DigestMLP(4, 2, (8,), latent_size=7, digest_size=3, products=True),
    LatentMLP(4, 2, (8, 6), latent_size=3, weight_sets=2),
    DigestMLP(4, 2, (8,), latent_size=7, digest_size=3, products=True, weight_sets=2),
    ProbingMLP(4, 2, (8,), latent_size=3, products=True),
    ProbingMLP(4, 2, (8,), latent_size=3, weight_sets=3),
)


@pytest.mark.parametrize("policy", POLICIES)
def test_one_policy_per_task_acts_as_each_alone_and_contexts_matter(policy: LatentMLP) -> None:
    parameters = rows(policy)
    observations = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    together = policy.mean(parameters, observations)
    assert together.shape == (3, 5, 2)
    for task in range(3):
        assert torch.allclose(together[task], policy.mean(parameters[task], observations[task]), atol=1e-6)
    # Of few points no network of its own is made for any task, of many one is: that is a matter of time alone.
    for seen, done in ((observations, together), (observations[:, :1], together[:, :1])):
        shared = policy.mean_given(policy.layout.view(parameters[0]), seen, policy.latent(parameters))
        assert torch.allclose(shared, done, atol=1e-6)
    many = observations.repeat(1, 20, 1)
    shared = policy.mean_given(policy.layout.view(parameters[0]), many, policy.latent(parameters))
    assert torch.allclose(shared, together.repeat(1, 20, 1), atol=1e-6)
    assert not torch.allclose(policy.mean(parameters[0], observations[1]), together[1], atol=1e-3)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_fresh_policy_has_a_context_of_zero_behind_everything_else(policy: LatentMLP) -> None:
    start = torch.from_numpy(policy.initial(np.random.default_rng(0)))
    behind = start[-policy.latent_size :]
    assert torch.equal(policy.layout.view(start)[LATENT], behind) and (behind == 0.0).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_a_settled_policy_acts_the_same(policy: LatentMLP) -> None:
    parameters = rows(policy)
    observations = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    settled, those = policy.settled(parameters)
    assert those.shape == (3, settled.layout.size)
    moment = Moment(observations, *(torch.zeros(3, 5, size) for size in (2,)), torch.zeros(3, 5), torch.zeros(3, 5))
    assert torch.allclose(settled.act(those, moment, None)[0], policy.mean(parameters, observations), atol=1e-5)
    assert torch.equal(settled.spread(those), policy.spread(parameters))
    alone, that = policy.settled(parameters[1])
    assert alone == settled and torch.allclose(that, those[1], atol=1e-6)


def test_sets_of_weights_are_added_in_shares_that_the_context_decides() -> None:
    policy = LatentMLP(1, 1, (), latent_size=1, weight_sets=2)
    views = policy.layout.view(start := torch.zeros(policy.layout.size))
    # Shares are (z, 2 z) for z > 0 and none below: weights 1 + 10 z + 200 z, biases 5 z.
    views["weight_0"][0, 0] = 1.0
    views["sets/weight_0"][:, 0, 0] = torch.tensor([10.0, 100.0])
    views["sets/bias_0"][0, 0] = 5.0
    views["shares/weight_0"][0, 0] = 1.0
    views["shares/weight_1"][:, 0] = torch.tensor([1.0, 2.0])
    turned = policy.knowing(start, torch.tensor([[0.0], [1.0], [2.0], [-1.0]]))
    assert policy.mean(turned, torch.ones(4, 1, 1)).flatten().tolist() == [1.0, 216.0, 431.0, 1.0]


def test_with_products_a_linear_network_turns_what_it_sees() -> None:
    policy = LatentMLP(2, 2, (), latent_size=2, products=True)
    views = policy.layout.view(start := torch.zeros(policy.layout.size))
    # x cos - y sin and x sin + y cos; pairs stand behind two observed numbers and two of the context.
    views["weight_0"][0, 4], views["weight_0"][0, 7] = 1.0, -1.0
    views["weight_0"][1, 5], views["weight_0"][1, 6] = 1.0, 1.0
    turned = policy.knowing(start, torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    seen = torch.tensor([[2.0, 0.5]]).expand(2, 1, 2)
    assert policy.mean(turned, seen)[:, 0].tolist() == [[-0.5, 2.0], [-2.0, -0.5]]


def test_a_digest_is_all_that_is_read_of_a_context() -> None:
    policy = POLICIES[1]
    start = rows(policy)[0]
    matrix = policy.layout.view(start)["digest"]
    unread = torch.linalg.svd(matrix).Vh[3:].sum(0)
    seen, views = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)), policy.layout.view(start)
    as_ever = policy.mean_given(views, seen, policy.latent(start) + unread)
    assert torch.allclose(as_ever, policy.mean(start, seen), atol=1e-5)
    assert not torch.allclose(policy.mean_given(views, seen, policy.latent(start) + matrix[0]), as_ever, atol=1e-3)


@pytest.mark.parametrize("policy", POLICIES)
def test_it_leaves_as_onnx_with_the_context_that_it_has(policy: LatentMLP, tmp_path: Path) -> None:
    robot = RobotInterface("diffdrive", tuple(map(Term, "abcd")), (Term("forward"), Term("turn")), 20)
    contract = PolicyContract(robot, policy.layout.hash, 1)
    exported = export_policy(tmp_path / "policy.onnx", policy, rows(policy)[1].numpy(), contract)
    assert exported.parity_max_abs < 1e-5


def test_no_context_is_refused() -> None:
    with pytest.raises(ValueError, match="latent_size: 0 is below 1"):
        LatentMLP(4, 2, latent_size=0)
    with pytest.raises(ValueError, match="weight_sets: -1 is below 0"):
        LatentMLP(4, 2, latent_size=3, weight_sets=-1)
    with pytest.raises(ValueError, match="digest_size: 0 is below 1"):
        DigestMLP(4, 2, latent_size=3, digest_size=0)

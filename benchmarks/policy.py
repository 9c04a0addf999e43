"""A policy on one thread: a decision by ONNX Runtime beside PyTorch, and imitation in contexts of many tasks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from metabot.base import drive_policy
from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import export_policy
from metabot.deploy.runtime import PolicySession
from metabot.policy import LatentMLP
from metabot.problems import make_problem
from metabot.problems.interface import interface_of

CALLS = 5000
STEPS = 40
"""Gradients of imitation."""
TASKS = 512
IMITATORS = {
    "6 sets of weights": LatentMLP(18, 5, (64, 64, 64), latent_size=4, weight_sets=6),
    "products": LatentMLP(18, 5, (256, 256), latent_size=4, products=True),
}
"""As arms have them."""


def run() -> list[dict[str, object]]:
    """Rows of the benchmark."""
    torch.set_num_threads(1)
    return [*_decisions(), *_imitation()]


def _decisions() -> list[dict[str, object]]:
    """ONNX Runtime beside PyTorch, batch 1."""
    policy = drive_policy()
    vector = policy.initial(np.random.default_rng(0))
    contract = PolicyContract(interface_of(make_problem("drive-goal")), policy.layout.hash)
    with tempfile.TemporaryDirectory() as folder:
        session = PolicySession(export_policy(Path(folder) / "policy.onnx", policy, vector, contract).path, "cpu")
    observation = np.zeros((1, policy.observation_size), np.float32)
    parameters = torch.from_numpy(vector)

    def eager() -> None:
        with torch.inference_mode():
            policy.mean(parameters, torch.from_numpy(observation)).numpy()

    # In turns, so that a machine that slows down slows both.
    ours, peer = _times_us((lambda: session.act(observation), eager), CALLS)
    return [
        {
            "case": f"a decision, p{share}",
            "value": round(float(np.percentile(ours, share)), 2),
            "unit": "us",
            "peer": round(float(np.percentile(peer, share)), 2),
            "ratio": round(float(np.percentile(peer, share) / np.percentile(ours, share)), 2),
        }
        for share in (50, 99)
    ]


def _imitation() -> list[dict[str, object]]:
    """A gradient of imitation on one state of each of many tasks, beside making the network of every task first."""
    rows: list[dict[str, object]] = []
    for name, policy in IMITATORS.items():
        mixed, made = (np.median(each) / 1e3 for each in _times_us(_gradients(policy), STEPS))
        rows.append(
            {
                "case": f"a gradient of imitation, {TASKS} tasks, {name}: beside a network made for each",
                "value": round(float(mixed), 2),
                "unit": "ms",
                "peer": round(float(made), 2),
                "ratio": round(float(made / mixed), 2),
            }
        )
    return rows


def _gradients(policy: LatentMLP) -> tuple[Callable[[], object], Callable[[], object]]:
    """What computes the same gradient as metabot does, and by way of a network for each task."""
    draw = torch.Generator().manual_seed(0)
    row = torch.from_numpy(policy.initial(np.random.default_rng(0))).requires_grad_(True)
    seen = torch.randn(TASKS, 1, policy.observation_size, generator=draw)
    advice = torch.randn(TASKS, 1, policy.action_size, generator=draw)
    context = torch.randn(TASKS, policy.latent_size, generator=draw)

    def gradient(action: torch.Tensor) -> object:
        return torch.autograd.grad((action - advice).square().mean(), row)

    def mixed() -> object:
        return gradient(policy.mean_given(policy.layout.view(row), seen, context))

    def made() -> object:
        return gradient(policy.mlp(policy.network(policy.layout.view(row), context), seen))

    return mixed, made


def _times_us(functions: tuple[Callable[[], object], ...], calls: int) -> list[np.ndarray]:
    times = np.empty((len(functions), calls))
    for call in range(-calls // 50, calls):  # the first ones warm up
        for index, function in enumerate(functions):
            started = time.perf_counter()
            function()
            times[index, call] = time.perf_counter() - started
    return list(times * 1e6)

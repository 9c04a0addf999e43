"""One decision of an exported policy: ONNX Runtime against PyTorch, batch 1, one thread."""

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
from metabot_sim.robots import diffdrive

CALLS = 5000


def run() -> list[dict[str, object]]:
    """Rows of the benchmark."""
    torch.set_num_threads(1)
    policy = drive_policy()
    vector = policy.initial(np.random.default_rng(0))
    contract = PolicyContract(
        "diffdrive", diffdrive.OBSERVATION_NAMES, diffdrive.ACTION_NAMES, 20, policy.layout.hash, 0
    )
    with tempfile.TemporaryDirectory() as folder:
        session = PolicySession(export_policy(Path(folder) / "policy.onnx", policy, vector, contract).path, "cpu")
    observation = np.zeros((1, policy.observation_size), np.float32)
    parameters = torch.from_numpy(vector)

    def eager() -> None:
        with torch.inference_mode():
            policy.mean(parameters, torch.from_numpy(observation)).numpy()

    # In turns, so that a machine that slows down slows both.
    ours, peer = _times_us((lambda: session.act(observation), eager))
    return [
        {
            "case": f"p{share}",
            "value": round(float(np.percentile(ours, share)), 2),
            "unit": "us",
            "peer": round(float(np.percentile(peer, share)), 2),
            "ratio": round(float(np.percentile(peer, share) / np.percentile(ours, share)), 2),
        }
        for share in (50, 99)
    ]


def _times_us(functions: tuple[Callable[[], object], ...]) -> list[np.ndarray]:
    times = np.empty((len(functions), CALLS))
    for call in range(-100, CALLS):  # the first hundred warm up
        for index, function in enumerate(functions):
            started = time.perf_counter()
            function()
            times[index, call] = time.perf_counter() - started
    return list(times * 1e6)

"""drive-goal on MuJoCo Warp, 1,024 to 8,192 simulations on a GPU, beside the CPU backend in the same run."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from metabot_sim.backends import Backend
from metabot_sim.env import FleetEnv

WORLDS = (1024, 2048, 4096, 8192)


def run(
    *, worlds: tuple[int, ...] = WORLDS, robots: int = 3, steps: int = 40, backend: Backend = "warp"
) -> list[dict[str, Any]]:
    """Rows of the benchmark: environment steps per second, observation, reward and autoreset included.

    Args:
        worlds: simulations of each case.
        robots: in each scene.
        steps: timed.
        backend: what is measured.

    Raises:
        ValueError: if there is no CUDA device, or Warp is not installed.
    """
    threads = os.cpu_count() or 1
    peer = _rate(FleetEnv("drive-goal", 256, robots=robots, threads=threads), steps)
    rows = []
    for count in worlds:
        env = FleetEnv("drive-goal", count, robots=robots, backend=backend)
        if backend == "warp" and env.world.batch.device == "cpu":
            raise ValueError(
                "sim_warp: Warp finds no CUDA device here; on a CPU `metabot bench sim` says what to expect"
            )
        rate = _rate(env, steps)
        lost = int(np.count_nonzero(env.world.batch.overflows))
        rows.append(
            {
                "case": f"drive-goal, {robots} robots, {count:,} simulations on {env.world.batch.device} over 256 on "
                f"{threads} threads" + (f"; buffers too small in {lost}" if lost else ""),
                "value": round(rate),
                "unit": "steps/s",
                "peer": round(peer),
                "ratio": round(rate / peer, 2),
            }
        )
    return rows


def _rate(env: FleetEnv, steps: int) -> float:
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (env.num_sims, env.num_robots, env.max_action_size))
    # Kernels are compiled and recorded in the first few.
    for _ in range(4):
        env.step(actions)
    started = time.perf_counter()
    for _ in range(steps):
        env.step(actions)
    return env.num_sims * steps / (time.perf_counter() - started)

"""Which engine steps a batch: MuJoCo's own `Batch` on the CPU, or MuJoCo Warp on a GPU.

An engine is whatever has the part of `mujoco.batch.Batch` that `Engine` names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import mujoco
import numpy as np

from metabot_sim.backends.cpu import CPUBatch


class Engine(Protocol):
    """What `BatchedWorld` and the robots ask of a batch; see `mujoco.batch.Batch` for each."""

    def bind(self, name: str) -> np.ndarray:
        """A live (nsim, ...) array of an `MjData` field."""

    def expand(self, name: str) -> np.ndarray:
        """A live (nsim, ...) array of an `MjModel` field, from now on per simulation."""

    def set_const(self, ids: np.ndarray | None = None) -> None:
        """Recompute what depends on masses and sizes."""

    def step(self, ids: np.ndarray | None = None, *, nstep: int = 1, stage: int = 0) -> None:
        """Advance the given simulations, all by default, then compute the stages up to `stage`.

        What becomes of the others does not matter: an engine may advance them, too.
        """

    def reset(self, ids: np.ndarray | None = None, *, stage: int = 3) -> None:
        """Put simulations to the model's defaults."""

    def forward(self, ids: np.ndarray | None = None, *, stage: int = 3) -> None:
        """Compute the stages up to `stage`."""

    def get_data(self, sim: int, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """The state of one simulation."""

    def get_model(self, sim: int, model: mujoco.MjModel | None = None) -> mujoco.MjModel:
        """The model of one simulation."""


Backend = str | Callable[[mujoco.MjModel, int], Any]
"""A name of `BACKENDS`, or a function from model and number of simulations to an `Engine`."""

BACKENDS = ("mujoco", "warp", "warp:cpu")


def make_engine(backend: Backend, model: mujoco.MjModel, num_sims: int, threads: int) -> Any:
    """The engine of that name.

    Args:
        backend: ``mujoco``; ``warp``, on a GPU where there is one; ``warp:cpu``; or a function,
            such as ``functools.partial(WarpBatch, nconmax=96)``.
        model: compiled.
        num_sims: number of simulations.
        threads: of the CPU; Warp does without.

    Raises:
        ValueError: if there is no such backend, or it is not installed; one line.
    """
    if not isinstance(backend, str):
        return backend(model, num_sims)
    if backend == "mujoco":
        return CPUBatch(model, num_sims, threads)
    if backend not in BACKENDS:
        raise ValueError(f"backend: no {backend!r}; allowed: {', '.join(BACKENDS)}")
    from metabot_sim.backends.warp import WarpBatch

    return WarpBatch(model, num_sims, device="cpu" if backend == "warp:cpu" else None)

"""Exporting an adapted policy to ONNX, and proving that it acts the same."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from metabot.deploy.contract import METADATA_KEY, PolicyContract, PolicyFileError
from metabot.deploy.runtime import PolicySession
from metabot.params.atomic import atomic_file
from metabot.policy import GaussianMLP

PARITY_LIMIT = 1e-5


@dataclass(frozen=True)
class Exported:
    """An ONNX file and how closely it follows PyTorch."""

    path: Path
    parity_max_abs: float
    """Largest absolute difference of actions over the probe observations."""
    sha256: str


class _MeanAction(nn.Module):
    """The policy's mean action as a module, for PyTorch's exporter."""

    def __init__(self, policy: GaussianMLP, parameters: Tensor) -> None:
        super().__init__()
        self.policy = policy
        self.parameters_vector = nn.Parameter(parameters, requires_grad=False)

    def forward(self, observation: Tensor) -> Tensor:
        return self.policy.mean(self.parameters_vector, observation)


def check_target(path: Path) -> None:
    """Refuse to write a policy where something else is.

    Raises:
        ValueError: if there is a folder, or a file that is no exported policy; one line.
    """
    if path.is_dir():
        raise ValueError(f"export_path: {path} is a folder; allowed: the name of a file")
    if path.exists():
        try:
            PolicySession(path, "cpu")
        except PolicyFileError:
            raise ValueError(
                f"export_path: {path} is there already and is no policy; allowed: a new file, or an earlier policy"
            ) from None


def export_policy(
    path: Path,
    policy: GaussianMLP,
    parameters: np.ndarray,
    contract: PolicyContract,
    *,
    probes: int = 1024,
    seed: int = 0,
) -> Exported:
    """Write a policy as ONNX and compare it with PyTorch.

    The file appears whole or not at all, and only if ONNX Runtime acts as PyTorch does.

    Args:
        path: the file to write.
        policy: the network.
        parameters: (policy.layout.size,) float32.
        contract: stored in the file.
        probes: random observations to compare on.
        seed: of the probes.

    Raises:
        ValueError: if parameters are not finite, or parity is worse than `PARITY_LIMIT`; also see `check_target`.
    """
    check_target(path)
    if not np.isfinite(parameters).all():
        raise ValueError("parameters: NaN or infinite, nothing is exported")
    vector = torch.from_numpy(np.ascontiguousarray(parameters))
    module = _MeanAction(*policy.settled(vector)).eval()
    example = torch.zeros(2, policy.observation_size)
    with _quiet():
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            input_names=["observation"],
            output_names=["action"],
            dynamic_shapes={"observation": {0: torch.export.Dim("batch", min=1)}},
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, contract.to_json()
    content = model.SerializeToString()
    session = PolicySession(content, "cpu")
    observations = np.random.default_rng(seed).standard_normal((probes, policy.observation_size)).astype(np.float32)
    with torch.no_grad():
        expected = policy.mean(vector, torch.from_numpy(observations)).numpy()
    parity = float(np.max(np.abs(session.act(observations) - expected)))
    if not parity <= PARITY_LIMIT:
        raise ValueError(f"parity: ONNX differs from PyTorch by {parity:.2g}, allowed {PARITY_LIMIT:.0e}")
    with atomic_file(path) as file:
        file.write(content)
    return Exported(path, parity, session.sha256)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints its own progress; ours says what matters."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)

"""Exporting a policy to ONNX, with its memory, and proving that it acts the same."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from metabot.deploy.contract import METADATA_KEY, PolicyContract, PolicyFileError
from metabot.deploy.graph import Step
from metabot.deploy.proof import EPISODES, Proof, check_probes, prove
from metabot.deploy.runtime import PolicySession
from metabot.params.atomic import atomic_file
from metabot.policy import Policy
from metabot.problems import Problem


@dataclass(frozen=True)
class Exported:
    """An ONNX file and how closely it follows PyTorch.

    Attributes:
        path: the file; None where only the content was wanted.
        content: of the file.
        parity_max_abs: largest absolute difference of actions.
        sha256: of the file.
        proof: what was compared; None where no problem was at hand, and random observations were.
    """

    path: Path | None
    content: bytes
    parity_max_abs: float
    sha256: str
    proof: Proof | None = None


def check_target(path: Path) -> None:
    """Refuse to write a policy where something else is.

    Raises:
        ValueError: if there is a folder, or a file that is no exported policy; one line.
    """
    if path.is_dir():
        raise ValueError(f"file: {path} is a folder; allowed: the name of a file")
    if path.exists():
        try:
            PolicySession(path, "cpu")
        except PolicyFileError:
            raise ValueError(
                f"file: {path} is there already and is no policy; allowed: a new file, or an earlier policy"
            ) from None


def export_policy(
    path: Path | None,
    policy: Policy,
    parameters: np.ndarray,
    contract: PolicyContract,
    *,
    problem: Problem | None = None,
    tasks: np.ndarray | None = None,
    episodes: int = EPISODES,
    seed: int = 0,
) -> Exported:
    """Write a policy as ONNX and compare it with PyTorch.

    The file appears whole or not at all, and only if ONNX Runtime acts as PyTorch does.

    Args:
        path: the file to write, if any.
        policy: the network.
        parameters: (policy.layout.size,) float32; a memory begins with what they remember.
        contract: stored in the file; inputs, state and versions are filled in here.
        problem: where the two are compared in real episodes; on random observations without one.
        tasks: rows of `Problem.sample` of those episodes; drawn from its test tasks by default.
        episodes: driven in closed loop.
        seed: of what is compared.

    Raises:
        ValueError: if parameters are not finite, or the file acts otherwise than PyTorch; also see `check_target`.
    """
    if path is not None:
        check_target(path)
    if not np.isfinite(parameters).all():
        raise ValueError("parameters: NaN or infinite, nothing is exported")
    vector = torch.from_numpy(np.ascontiguousarray(parameters))
    step = Step(policy, vector).eval()
    contract = replace(
        contract,
        inputs=step.inputs,
        state=step.state,
        made_with={name: version(name) for name in ("metabot", "torch", "onnx")},
    )
    content = _converted(step, contract)
    session = PolicySession(content, "cpu")
    proof = None
    if problem is None:
        parity = check_probes(session, step, seed)
    else:
        proof = prove(session, policy, vector, problem, tasks, episodes, seed)
        parity = proof.parity_max_abs
    if path is not None:
        with atomic_file(path) as file:
            file.write(content)
    return Exported(path, content, parity, session.sha256, proof)


def _converted(step: Step, contract: PolicyContract) -> bytes:
    batch = torch.export.Dim("batch", min=1)
    example = step.example(2)
    with _quiet():
        program = torch.onnx.export(
            step,
            example,
            dynamo=True,
            input_names=[*step.inputs, *(entry.name for entry in step.state)],
            output_names=list(step.outputs),
            dynamic_shapes=(tuple({0: batch} for _ in example),),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, contract.to_json()
    content: bytes = model.SerializeToString()
    return content


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

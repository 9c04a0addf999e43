"""A trained method's policy as an ONNX file, as it starts or adapted to a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from metabot.deploy.contract import PolicyContract
from metabot.deploy.export import Exported, check_target, export_policy
from metabot.harness.training import Training
from metabot.meta import adapted
from metabot.problems import Problem
from metabot.problems.interface import interface_of


def export_trained(
    training: Training,
    path: Path,
    *,
    problem: Problem | None = None,
    task: np.ndarray | None = None,
    named: str = "",
    episodes: int = 0,
    parameters: np.ndarray | None = None,
    robot: int = 0,
    seed: int = 0,
    told: Callable[[str], None] = lambda what: None,
) -> Exported:
    """Write a policy as ONNX, proved in episodes of its own problem.

    Args:
        training: whose policy it is.
        path: the file to write.
        problem: where it adapts and is proved; the training's by default.
        task: one row of `Problem.sample` that it adapts to; needed for episodes.
        named: how people call that task.
        episodes: adaptation episodes; without any the policy leaves as it starts.
        parameters: (policy.layout.size,) that were adapted before.
        robot: whose interface the file describes, where several kinds act.
        seed: of adaptation and proof.
        told: called with what is being done.

    Raises:
        ValueError: if nobody's robot could be driven so, or the file acts otherwise than PyTorch; one line.
    """
    problem, policy = problem or training.problem, training.learner.policy
    if problem.discrete:
        raise ValueError(f"family: {problem.name} has discrete actions; allowed: problems with continuous ones")
    check_target(path)
    if parameters is None:
        if episodes:
            assert task is not None
            told("adapting")
            start = adapted(training.learner, training.meta, problem, task, episodes, seed)
        else:
            start = training.learner.start(training.meta).detach()
        parameters = start.numpy()
    else:
        told("reading adapted parameters")
    config = training.config
    contract = PolicyContract(
        robot=interface_of(problem, robot),
        layout_hash=policy.layout.hash,
        version=training.updates,
        method=config.method,
        settings=dict(config.settings),
        family=config.family,
        adapted=named,
    )
    told("converting to ONNX and driving with both")
    tasks = None if task is None else task[None]
    return export_policy(
        path, policy, np.asarray(parameters, np.float32), contract, problem=problem, tasks=tasks, seed=seed
    )


def source_of(path: Path, threads: int = 1) -> tuple[Training, torch.Tensor | None, str]:
    """The training that a folder holds, or the one that a file of adapted parameters lies beside.

    Args:
        path: folder of a training or of a model, or what `metabot adapt` wrote there.
        threads: simulation threads.

    Returns:
        The training, the adapted parameters (None for a folder) and how they were adapted, for people.

    Raises:
        CheckpointError: if there is nothing that can be used; one line.
    """
    from metabot.harness.training import CHECKPOINT, load_trained
    from metabot.params import CheckpointError, load_checkpoint

    if path.is_file() and not (path.parent / CHECKPOINT).exists():
        raise CheckpointError(f"policy: {path} is not beside the {CHECKPOINT} of its training; allowed: there")
    training = load_trained(path if path.is_dir() else path.parent, threads)
    if not path.is_file():
        return training, None, ""
    found = load_checkpoint(path, training.learner.policy.layout)
    if found.info.get("method") != training.config.method or "success_after" not in found.info:
        raise CheckpointError(f"policy: {path} holds no parameters that `metabot adapt` wrote; allowed: its folder")
    facts = found.info
    what = facts.get("spec") or f"{facts.get('split')} task {facts.get('task')}"
    return training, torch.from_numpy(found.vector), f"{what}, {facts.get('episodes')} episodes"

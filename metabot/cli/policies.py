"""Who drives in `metabot sim view` and `metabot sim video`: a word, or what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from metabot_sim.policies import Drivers

PolicyOption = Annotated[
    str,
    typer.Option(
        metavar="NAME|PATH",
        help="Who drives: expert, random, idle, or what was trained: a training's or model's folder, parameters"
        " that `metabot adapt` wrote, an ONNX file.",
    ),
]
AdaptOption = Annotated[
    int, typer.Option("--adapt", min=0, help="Adaptation episodes of what was trained, before it drives.")
]


def drivers(family: str, policy: str, adapt: int, seed: int) -> tuple[str, Drivers, int | None]:
    """Who drives.

    Args:
        family: what is looked at.
        policy: a name of `metabot_sim.policies.POLICIES`, or a path.
        adapt: adaptation episodes.
        seed: of those.

    Returns:
        The driver's name, those beside the ones that are always there, and with how many robots it was
        trained on this family; None where that does not matter.

    Raises:
        ValueError: if there is no such policy, or it does not adapt; one line.
    """
    from metabot_sim.policies import POLICIES

    path = Path(policy)
    if policy in POLICIES:
        _refuse(adapt, policy)
        return policy, {}, None
    if not path.exists():
        raise ValueError(
            f"policy: no {policy!r}; allowed: {', '.join(POLICIES)}, the folder of a training or of a model,"
            " parameters that `metabot adapt` wrote, an ONNX file"
        )
    name = path.resolve().name
    name = f"{name} (trained)" if name in POLICIES else name
    if path.suffix == ".onnx":
        _refuse(adapt, policy)
        from metabot.deploy.runtime import PolicySession
        from metabot.harness.driving import ExportedDriver

        session = PolicySession(path, "cpu")
        return name, {name: lambda env: ExportedDriver(session, policy, env)}, None
    import torch

    from metabot.harness.driving import TrainedDriver
    from metabot.harness.training import CHECKPOINT, load_trained
    from metabot.params import CheckpointError, load_checkpoint
    from metabot.policy.threads import one_torch_thread

    one_torch_thread()
    if path.is_file() and not (path.parent / CHECKPOINT).exists():
        raise CheckpointError(f"policy: {path} is not beside the {CHECKPOINT} of its training; allowed: there")
    training = load_trained(path if path.is_dir() else path.parent)
    parameters = None
    if path.is_file():
        _refuse(adapt, policy)
        found = load_checkpoint(path, training.learner.policy.layout)
        if found.info.get("method") != training.config.method or "success_after" not in found.info:
            raise CheckpointError(f"policy: {path} holds no parameters that `metabot adapt` wrote; allowed: its folder")
        parameters = torch.from_numpy(found.vector)

    def made(env: object) -> TrainedDriver:
        return TrainedDriver(training, policy, env, episodes=adapt, seed=seed, parameters=parameters)  # type: ignore[arg-type]

    return name, {name: made}, training.problem.agents if training.problem.name == family else None


def _refuse(adapt: int, policy: str) -> None:
    if adapt:
        raise ValueError(f"adapt: {policy} does not adapt; allowed: the folder of a training or of a model")

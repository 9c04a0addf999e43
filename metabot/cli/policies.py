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
    from metabot.harness.driving import TrainedDriver
    from metabot.harness.exporting import source_of
    from metabot.policy.threads import one_torch_thread

    one_torch_thread()
    training, parameters, _ = source_of(path)
    if parameters is not None:
        _refuse(adapt, policy)

    def made(env: object) -> TrainedDriver:
        return TrainedDriver(training, policy, env, episodes=adapt, seed=seed, parameters=parameters)  # type: ignore[arg-type]

    return name, {name: made}, training.problem.agents if training.problem.name == family else None


def _refuse(adapt: int, policy: str) -> None:
    if adapt:
        raise ValueError(f"adapt: {policy} does not adapt; allowed: the folder of a training or of a model")

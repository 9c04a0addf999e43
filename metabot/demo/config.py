"""What a demo run can be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from metabot.params import Checkpoint, CheckpointError, Origin, load_checkpoint
from metabot.task import DriveDistribution, Interval

DEFAULT_TASK = "three robots drive to the red, green and blue pads without touching each other"
ALGORITHM = "task-inference"
SETTINGS: dict[str, Any] = {
    "products": True,
    "belief_size": 8,
    "told": 0.5,
    "outer_steps": 200,
    "outer_decay": 0.85,
    "expert_updates": 1,
    "states": 48,
    "samples": 192,
    "lesson": 192,
    "remembered": 4096,
}
"""Of that algorithm, for the budget of a demo: few rounds of many tasks each."""
_NOTHING = Interval(low=0.0, high=0.0)
_HEALTHY = Interval(low=1.0, high=1.0)
DISTRIBUTION = DriveDistribution(
    family="drive-odometry",
    drive_gain=_HEALTHY,
    steer_gain=_HEALTHY,
    steer_bias=_NOTHING,
    others={
        "heading_offset": Interval(low=-3.14159, high=3.14159),
        "odometry_scale": Interval(low=0.8, high=1.25),
    },
    horizon_s=5.0,
    success_radius_m=0.25,
    success_hold_s=0.5,
)
"""What the fleet learns from: a compass mounted any way round, wheels of any size. Within an episode feedback
swallows neither."""


@dataclass(frozen=True)
class DemoConfig:
    """One run of the main job."""

    sentence: str = DEFAULT_TASK
    seed: int = 0
    runs: Path = Path("runs")
    """Folder in which the run gets a folder of its own."""
    algorithm: str = ALGORITHM
    """Meta-learner by its registry name."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of its configuration that differ: from `SETTINGS`, or from the defaults of another algorithm."""
    whole: bool = False
    """Whether these are all that differ from the algorithm's own defaults, whichever it is."""
    rounds: int = 16
    tasks: int = 48
    """Tasks per robot and round."""
    practice: int = 2
    """Episodes of each of them before, and after, adaptation."""
    episodes: int = 8
    """Adaptation episodes of a robot with a fault."""
    trials: int = 128
    """Fresh trials for every success rate."""
    domain: int | None = None
    """ROS domain; None picks a free one."""
    baselines: bool = True
    video: bool = True
    distribution: Path | DriveDistribution | None = None
    """The distribution that tasks are drawn from, or its JSON file; None is `DISTRIBUTION`."""
    resume: Path | None = None
    """Folder of an earlier run, a training or a released model whose meta-parameters to go on from."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: naming the field and what is allowed.
        """
        for name, low in (("rounds", 0), ("tasks", 1), ("practice", 1), ("episodes", 1), ("trials", 1), ("seed", 0)):
            if getattr(self, name) < low:
                raise ValueError(f"{name}: {getattr(self, name)} is below {low}")
        if self.rounds == 0 and self.resume is None:
            raise ValueError("rounds: 0 leaves nothing to adapt; allowed with --resume alone")
        distribution = self.task_distribution()
        if (self.algorithm, dict(self.settings), distribution) != (ALGORITHM, {}, DISTRIBUTION):
            from metabot.meta import make_meta_learner  # brings torch, which takes seconds
            from metabot.problems.drive import DriveTwin

            make_meta_learner(self.algorithm, DriveTwin(distribution), **self.all_settings())
        if self.seed >= 2**32:
            raise ValueError(f"seed: {self.seed} is not below 2**32")
        if self.resume is not None:
            self._check_resumed(self.resume)

    def _check_resumed(self, folder: Path) -> None:
        """Refuse to go on from what another method, or the same with other settings or tasks, has learned."""
        from metabot.meta import make_meta_learner
        from metabot.problems.drive import DriveTwin

        found, origin = learned_in(folder)
        made_by = origin.method
        if made_by != self.algorithm:
            raise ValueError(
                f"resume: {folder} was learned by {made_by}, not {self.algorithm}; allowed: --algorithm {made_by}"
            )
        layout = make_meta_learner(self.algorithm, DriveTwin(self.task_distribution()), **self.all_settings()).layout
        if found.layout.hash != layout.hash:
            raise ValueError(
                f"resume: {folder} has {found.layout.size} meta-parameters, {layout.size} of another layout are wanted;"
                " allowed: the --distribution and --set it was learned with"
            )

    def all_settings(self) -> dict[str, Any]:
        """Fields of the algorithm's configuration that differ from its defaults."""
        return {**(SETTINGS if self.algorithm == ALGORITHM and not self.whole else {}), **self.settings}

    def settings_json(self) -> str:
        """The same for a node's parameter."""
        settings = self.all_settings()
        return json.dumps(settings) if settings else ""

    def task_distribution(self) -> DriveDistribution:
        """The distribution that tasks are drawn from.

        Raises:
            ValueError: if the file cannot be read or is no distribution.
        """
        if self.distribution is None:
            return DISTRIBUTION
        if isinstance(self.distribution, DriveDistribution):
            return self.distribution
        try:
            return DriveDistribution.parse(self.distribution.read_text())
        except (OSError, ValueError) as problem:
            raise ValueError(f"distribution: {self.distribution}: {problem}") from None


def learned_in(folder: Path) -> tuple[Checkpoint, Origin]:
    """What a folder's meta-parameters are, and where they come from.

    Raises:
        ValueError: if there are none that can be used; one line.
    """
    path = folder / CHECKPOINT
    try:
        found = load_checkpoint(path)
        return found, Origin.of(found.info, path)
    except FileNotFoundError:
        raise ValueError(f"resume: {folder} has no {CHECKPOINT}") from None
    except CheckpointError as problem:
        raise ValueError(f"resume: {problem}") from None


def resumed(folder: Path) -> dict[str, Any]:
    """Options of a run that goes on from a folder: the method, settings and tasks that it was learned with.

    Args:
        folder: of an earlier run, a training or a released model.

    Raises:
        ValueError: if there is nothing that a fleet could go on from; one line.
    """
    _, origin = learned_in(folder)
    options: dict[str, Any] = {"algorithm": origin.method}
    if origin.settings is not None:
        options |= {"settings": origin.settings, "whole": True}
    if origin.distribution is not None:
        options["distribution"] = DriveDistribution.parse(dict(origin.distribution))
    elif origin.family:
        families = get_args(DriveDistribution.model_fields["family"].annotation)
        if origin.family not in families:
            raise ValueError(
                f"resume: {folder} has learned {origin.family}, which the demo's fleet does not play;"
                f" allowed: {', '.join(families)}"
            )
        options["distribution"] = DISTRIBUTION if origin.family == DISTRIBUTION.family else DriveDistribution()
    return options


CHECKPOINT = "meta.checkpoint"
"""File of the meta-parameters in a run's folder."""

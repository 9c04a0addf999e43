"""What a demo run can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from metabot.bringup.description import FleetDescription
from metabot.params import CheckpointError, load_checkpoint
from metabot.task import DriveDistribution

DEFAULT_TASK = "three robots drive to the red, green and blue pads without touching each other"


@dataclass(frozen=True)
class DemoConfig:
    """One run of the main job."""

    sentence: str = DEFAULT_TASK
    seed: int = 0
    runs: Path = Path("runs")
    """Folder in which the run gets a folder of its own."""
    algorithm: str = FleetDescription.algorithm
    """Meta-learner by its registry name."""
    rounds: int = 20
    tasks: int = 8
    """Tasks per robot and round."""
    episodes: int = 8
    """Adaptation episodes of 4 s."""
    trials: int = 128
    """Fresh trials for every success rate."""
    domain: int | None = None
    """ROS domain; None picks a free one."""
    baselines: bool = True
    video: bool = True
    distribution: Path | None = None
    """JSON file of the distribution that tasks are drawn from; None is the default one."""
    resume: Path | None = None
    """Folder of an earlier run whose meta-parameters to go on from."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: naming the field and what is allowed.
        """
        for name, low in (("rounds", 0), ("tasks", 1), ("episodes", 1), ("trials", 1), ("seed", 0)):
            if getattr(self, name) < low:
                raise ValueError(f"{name}: {getattr(self, name)} is below {low}")
        if self.rounds == 0 and self.resume is None:
            raise ValueError("rounds: 0 leaves nothing to adapt; allowed with --resume alone")
        self.task_distribution()
        if self.algorithm != FleetDescription.algorithm:
            from metabot.meta import make_meta_learner  # brings torch, which takes seconds

            make_meta_learner(self.algorithm)
        if self.seed >= 2**32:
            raise ValueError(f"seed: {self.seed} is not below 2**32")
        if self.resume is not None:
            try:
                load_checkpoint(self.resume / CHECKPOINT)
            except FileNotFoundError:
                raise ValueError(f"resume: {self.resume} has no {CHECKPOINT}") from None
            except CheckpointError as problem:
                raise ValueError(f"resume: {problem}") from None

    def task_distribution(self) -> DriveDistribution:
        """The distribution that tasks are drawn from.

        Raises:
            ValueError: if the file cannot be read or is no distribution.
        """
        if self.distribution is None:
            return DriveDistribution()
        try:
            return DriveDistribution.parse(self.distribution.read_text())
        except (OSError, ValueError) as problem:
            raise ValueError(f"distribution: {self.distribution}: {problem}") from None


CHECKPOINT = "meta.checkpoint"
"""File of the meta-parameters in a run's folder."""

"""What a demo run can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_TASK = "three robots drive to the red, green and blue pads without touching each other"


@dataclass(frozen=True)
class DemoConfig:
    """One run of the main job."""

    sentence: str = DEFAULT_TASK
    seed: int = 0
    runs: Path = Path("runs")
    """Folder in which the run gets a folder of its own."""
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
        if self.seed >= 2**32:
            raise ValueError(f"seed: {self.seed} is not below 2**32")
        if self.resume is not None and not (self.resume / CHECKPOINT).exists():
            raise ValueError(f"resume: {self.resume} has no {CHECKPOINT}")


CHECKPOINT = "meta.checkpoint"
"""File of the meta-parameters in a run's folder."""

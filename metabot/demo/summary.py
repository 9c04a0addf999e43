"""What a demo run found: the contents of ``summary.json``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from metabot.params.atomic import atomic_file
from metabot.task import RobotDynamics, TaskSpec


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RoundRecord(_Record):
    """One finished round."""

    version: int
    success_before: float
    """Mean success of the adaptation episodes, exploration noise included, 0..1."""
    success_after: float
    """The same after the inner step."""
    received: list[str]
    missing: list[str]
    rejected: list[str]
    bytes: int
    env_steps: int
    wall_s: float


class RobotRecord(_Record):
    """How one robot coped with its fault; success rates over `trials` fresh trials, 0..1."""

    name: str
    goal: str
    fault: str
    dynamics: RobotDynamics
    before: float
    """Meta-learned start, no adaptation."""
    after: float
    """The same after one inner step."""
    no_adaptation: float | None
    """Policy pre-trained on all tasks on the same budget, not adapted."""
    finetune: float | None
    """That policy fine-tuned on as many adaptation episodes; both None where baselines were left out."""
    adaptation_episodes: int
    trials: int
    reached: bool
    """Its policy node brought it to its pad in the shared world."""
    contacts: int
    """Control periods in which it touched another robot there."""
    driven_m: float


class OnnxRecord(_Record):
    """The exported policies, the worst of all robots."""

    parity_max_abs: float
    p50_us: float
    p99_us: float
    files: list[str]


class ControlRecord(_Record):
    """The control loops, all robots together."""

    rate_hz: float
    ticks: int
    missed_deadlines: int
    jitter_p99_ms: float


class Summary(_Record):
    """A whole run."""

    instruction: str
    confidence: float
    """Smallest token probability of the language model's answer."""
    task: TaskSpec
    algorithm: str
    rounds: list[RoundRecord]
    bytes_per_round: float
    robots: list[RobotRecord]
    onnx: OnnxRecord
    control: ControlRecord
    fleet_reached: int
    drive_s: float
    """Seconds the fleet drove until the last robot was on its pad, or time was up."""
    baseline_env_steps: int
    fleet_env_steps: int
    events: list[str]
    """What went wrong on the way and how the run went on."""
    phases_s: dict[str, float]
    wall_s: float
    peak_rss_mb: float
    seed: int
    versions: dict[str, str]
    machine: str

    def write(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        with atomic_file(path) as file:
            file.write(self.model_dump_json(indent=2).encode() + b"\n")

"""What a demo run found: the contents of ``summary.json``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from metabot.params.atomic import atomic_file
from metabot.task import RobotDynamics, TaskSpec

MORE = 5
"""How many times the fleet's budget the strongest baseline has, too."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RoundRecord(_Record):
    """One finished round."""

    version: int
    success_before: float
    """Mean success of the adaptation episodes, exploration noise included, 0..1."""
    success_after: float
    """The same after the inner step."""
    expert_share: float = 0.0
    """Share of the steps of these episodes in which an expert acted, 0..1: that success is not the policy's."""
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
    foreign: bool = False
    """Whether the fault is of a kind, or has a part of one, that no task of training has."""
    before: float
    """Meta-learned start, no adaptation."""
    after: float
    """The same after adaptation."""
    no_adaptation: float | None
    """The strongest baseline that does not adapt, on the fleet's budget; None where baselines were left out."""
    no_adaptation_more: float | None = None
    """The same on `MORE` times that budget."""
    finetune: float | None
    """PPO on all tasks on the fleet's budget, then fine-tuned on as many adaptation episodes."""
    adaptation_episodes: int
    trials: int
    reached: bool
    """Its policy node brought it to its pad in the shared world."""
    contacts: int
    """Control periods in which it touched another robot there."""
    driven_m: float


class FaultRecord(_Record):
    """A fault that was adapted to."""

    name: str
    """In words."""
    dynamics: RobotDynamics
    foreign: bool
    """See `RobotRecord.foreign`."""
    before: float
    """Success of the meta-learned start, 0..1."""
    after: float
    """Success after adaptation, 0..1."""


class CrossMatrix(_Record):
    """Success of policies that adapted to one fault and drive with another, 0..1."""

    faults: list[FaultRecord]
    """Those of the robots come first, in their order."""
    success: list[list[float]]
    """A row for the fault that was adapted to, a column for the one driven with."""
    trials: int
    """Fresh trials of each pair; all with the same pads."""
    off_diagonal: float | None
    """Mean of all pairs of two faults; None if there is only one fault."""
    largest: float | None
    """The largest of them."""


class BaselineRecord(_Record):
    """What does not meta-learn, trained on all tasks of the distribution."""

    name: str
    adapts: bool
    """Whether it is fine-tuned on as many episodes as the fleet's policies adapt on."""
    times: int
    """Its budget of control steps as a multiple of the fleet's."""
    env_steps: int
    train_s: float
    success: list[float]
    """By fault, in the order of `CrossMatrix.faults`, 0..1."""


class UnadaptedDrive(_Record):
    """What the meta-learned start does in the shared world before anybody adapts."""

    reached: list[bool]
    """By robot."""
    contacts: list[int]
    drive_s: float


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
    command: str = ""
    """What a user types to see it again; "" of runs whose sentence says all of it."""
    confidence: float
    """Smallest token probability of the language model's answer."""
    task: TaskSpec
    algorithm: str
    rounds: list[RoundRecord]
    bytes_per_round: float
    robots: list[RobotRecord]
    cross_matrix: CrossMatrix | None = None
    baselines: list[BaselineRecord] = []
    """Strongest first; none where they were left out."""
    unadapted: UnadaptedDrive | None = None
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

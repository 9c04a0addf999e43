"""What the phases of a run find, and how it becomes the summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metabot.demo.summary import (
    MORE,
    BaselineRecord,
    ControlRecord,
    CrossMatrix,
    FaultRecord,
    OnnxRecord,
    RobotRecord,
    RoundRecord,
    Summary,
    UnadaptedDrive,
)
from metabot.provenance import machine, versions
from metabot.task import TaskSpec

if TYPE_CHECKING:
    from metabot_interfaces import msg
    from metabot_interfaces.action import Adapt

    from metabot.nodes.client import FleetView


@dataclass
class Findings:
    """Filled phase by phase."""

    confidence: float = 0.0
    adapted: dict[str, Adapt.Result] = field(default_factory=dict)
    world: msg.WorldStatus | None = None
    """The world's last word on the drive."""
    drive_s: float = 0.0
    paths: dict[str, np.ndarray] = field(default_factory=dict)
    faults: list[FaultRecord] = field(default_factory=list)
    """All that were adapted to, those of the robots first."""
    tasks: list[np.ndarray] = field(default_factory=list)
    """The same as rows of the rehearsal's tasks."""
    policies: list[np.ndarray] = field(default_factory=list)
    """What came of it, (policy.layout.size,) each."""
    cross_matrix: CrossMatrix | None = None
    unadapted: UnadaptedDrive | None = None
    baselines: list[BaselineRecord] = field(default_factory=list)
    """The strongest first."""

    def baseline(self, fault: int, times: int, *, adapts: bool = False) -> float | None:
        """Success of the strongest such baseline with a fault; None if there is none."""
        mine = [each for each in self.baselines if (each.times, each.adapts) == (times, adapts)]
        return mine[0].success[fault] if mine else None


def summarise(
    found: Findings, view: FleetView, spec: TaskSpec, helped: Callable[[int], float], **facts: Any
) -> Summary:
    """The summary of a finished run.

    Args:
        found: what the phases found.
        view: what was heard of the fleet.
        spec: the task, faults included.
        helped: share of the steps of a round's episodes in which an expert acts.
        facts: the fields of `Summary` that neither of them knows.
    """
    rounds = [_round_record(message, helped(number)) for number, message in sorted(view.rounds.items())]
    robots = [_robot_record(found, spec, index) for index in range(len(spec.robots))]
    control = list(view.control.values())
    return Summary(
        confidence=found.confidence,
        task=spec,
        rounds=rounds,
        bytes_per_round=float(np.mean([entry.bytes for entry in rounds])) if rounds else 0.0,
        robots=robots,
        onnx=OnnxRecord(
            parity_max_abs=max(result.parity_max_abs for result in found.adapted.values()),
            p50_us=max((status.inference_p50_us for status in control), default=0.0),
            p99_us=max((status.inference_p99_us for status in control), default=0.0),
            files=[Path(result.file).name for result in found.adapted.values()],
        ),
        control=ControlRecord(
            rate_hz=float(spec.control_hz),
            ticks=sum(status.ticks for status in control),
            missed_deadlines=sum(status.missed_deadlines for status in control),
            jitter_p99_ms=max((status.jitter_p99_ms for status in control), default=0.0),
        ),
        fleet_reached=sum(robot.reached for robot in robots),
        drive_s=round(found.drive_s, 2),
        cross_matrix=found.cross_matrix,
        baselines=found.baselines,
        unadapted=found.unadapted,
        baseline_env_steps=found.baselines[0].env_steps if found.baselines else 0,
        fleet_env_steps=sum(entry.env_steps for entry in rounds),
        versions=versions(),
        machine=machine(),
        **facts,
    )


def _round_record(message: msg.Round, helped: float) -> RoundRecord:
    return RoundRecord(
        version=message.version,
        success_before=message.success_before,
        success_after=message.success_after,
        expert_share=helped,
        received=list(message.received),
        missing=list(message.missing),
        rejected=list(message.rejected),
        bytes=message.bytes,
        env_steps=message.env_steps,
        wall_s=message.wall_s,
    )


def _robot_record(found: Findings, spec: TaskSpec, index: int) -> RobotRecord:
    robot = spec.robots[index]
    adapted, path = found.adapted[robot.name], found.paths[robot.name]
    assert found.world is not None  # the drive is over
    return RobotRecord(
        name=robot.name,
        goal=robot.color,
        fault=found.faults[index].name,
        dynamics=robot.dynamics,
        foreign=found.faults[index].foreign,
        before=adapted.success_before,
        after=adapted.success_after,
        no_adaptation=found.baseline(index, 1),
        no_adaptation_more=found.baseline(index, MORE),
        finetune=found.baseline(index, 1, adapts=True),
        adaptation_episodes=adapted.episodes,
        trials=adapted.trials,
        reached=bool(found.world.reached[index]),
        contacts=int(found.world.contacts[index]),
        driven_m=round(float(np.linalg.norm(np.diff(path[:, 1:3], axis=0), axis=1).sum()), 2),
    )

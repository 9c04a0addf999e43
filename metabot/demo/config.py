"""What a demo run can be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metabot.params import Checkpoint, CheckpointError, Origin, load_checkpoint
from metabot.task import FAMILIES, Interval, SpecError, TaskDistribution, TaskSpec

DEFAULT_TASK = "three robots drive to the red, green and blue pads without touching each other"
METHOD = "task-inference"
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
"""Of that method, for the budget of a demo: few rounds of many tasks each."""
DISTRIBUTION = TaskDistribution(
    family="drive-odometry", dynamics={"odometry_drift": Interval(low=0.0, high=0.0)}, held_out={}
)
"""What a fleet learns from that a sentence sends to pads: a compass mounted any way round, wheels of any size.
Within an episode feedback swallows neither."""
SPOKEN = ("drive-goal", "drive-odometry")
"""Families that a sentence can ask for."""


@dataclass(frozen=True)
class DemoConfig:
    """One run of the main job."""

    sentence: str | None = None
    """What the fleet is to do; `DEFAULT_TASK` where neither family nor specification says it."""
    family: str | None = None
    """Play a task of this family in place of a sentence."""
    robots: int | None = None
    """How many are in that world; as many as are usual by default."""
    spec: TaskSpec | None = None
    """The world in place of a sentence, with the faults that its robots have."""
    seed: int = 0
    runs: Path = Path("runs")
    """Folder in which the run gets a folder of its own."""
    method: str = METHOD
    """Meta-learner by its registry name."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of its configuration that differ: from what a demo has for it, or from its defaults."""
    whole: bool = False
    """Whether these are all that differ from the method's own defaults."""
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
    quick: bool = False
    """Adapt, drive and report alone: no baselines, no drive before adaptation, no further faults to tell apart."""
    video: bool = True
    distribution: Path | TaskDistribution | None = None
    """The distribution that tasks are drawn from, or its JSON file; what the world asks for by default."""
    resume: Path | None = None
    """Folder of an earlier run, a training or a released model whose meta-parameters to go on from."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, before any process starts.

        Raises:
            ValueError: naming the field and what is allowed.
        """
        for name, low in (("rounds", 0), ("tasks", 1), ("practice", 1), ("episodes", 1), ("trials", 1), ("seed", 0)):
            if getattr(self, name) < low:
                raise ValueError(f"{name}: {getattr(self, name)} is below {low}")
        if self.rounds == 0 and self.resume is None:
            raise ValueError("rounds: 0 leaves nothing to adapt; allowed with --resume alone")
        if self.seed >= 2**32:
            raise ValueError(f"seed: {self.seed} is not below 2**32")
        said = [name for name in ("sentence", "family", "spec") if getattr(self, name) is not None]
        if len(said) > 1:
            raise ValueError(f"{said[1]}: {said[0]} says already what the fleet is to do; allowed: one of them")
        if self.robots is not None and self.family is None:
            raise ValueError(f"robots: {self.robots}; allowed with --family alone: sentence or specification say it")
        if self.family is not None and self.family not in FAMILIES:
            raise ValueError(f"family: no {self.family!r} of robots; allowed: {', '.join(FAMILIES)}")
        usual: tuple[object, ...] = (None, None, METHOD, {}, None, None)
        if usual != (self.family, self.spec, self.method, dict(self.settings), self.distribution, self.resume):
            # Brings torch, which takes seconds.
            from metabot.demo.checks import check_served

            check_served(self)

    @property
    def instruction(self) -> str:
        """What the fleet is to do, in words."""
        if self.family is not None or self.spec is not None:
            return f"a task of {self.family or self.spec.family}"  # type: ignore[union-attr]
        return DEFAULT_TASK if self.sentence is None else self.sentence

    @property
    def command(self) -> str:
        """What a user types to play the same task; "" where the sentence says it."""
        if self.family is None:
            return ""
        robots = "" if self.robots is None else f" --robots {self.robots}"
        resume = "" if self.resume is None else f" --resume {self.resume} --rounds {self.rounds}"
        return f"metabot demo --family {self.family}{robots} --seed {self.seed}{resume}"

    def world(self) -> TaskSpec | None:
        """The task of the world, faults included; None where a sentence says it."""
        if self.spec is not None or self.family is None:
            return self.spec
        from metabot.bringup.world import drawn  # brings MuJoCo

        return drawn(self.family, self.robots, self.seed)

    def all_settings(self) -> dict[str, Any]:
        """Fields of the method's configuration that differ from its defaults."""
        return {**(SETTINGS if self.method == METHOD and not self.whole else {}), **self.settings}

    def settings_json(self) -> str:
        """The same for a node's parameter."""
        settings = self.all_settings()
        return json.dumps(settings) if settings else ""

    def task_distribution(self) -> TaskDistribution:
        """The distribution that tasks are drawn from.

        Raises:
            ValueError: if the file cannot be read or is no distribution.
        """
        if isinstance(self.distribution, TaskDistribution):
            return self.distribution
        if self.distribution is None:
            world = self.world()
            if world is None:
                return DISTRIBUTION
            from metabot.bringup.world import rehearsed

            return rehearsed(world)
        try:
            return TaskDistribution.parse(self.distribution.read_text())
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
    options: dict[str, Any] = {"method": origin.method}
    if origin.settings is not None:
        options |= {"settings": origin.settings, "whole": True}
    if origin.distribution is not None:
        try:
            options["distribution"] = TaskDistribution.parse(dict(origin.distribution))
        except SpecError as problem:
            raise ValueError(f"resume: {folder} was learned from tasks that nobody plays any more: {problem}") from None
    return options


CHECKPOINT = "meta.checkpoint"
"""File of the meta-parameters in a run's folder."""

"""Distributions of tasks: what a fleet learns from, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from metabot.task.model import SpecModel
from metabot.task.reward import RewardTerm
from metabot.task.spec import RobotDynamics, TaskSpec

OBJECT_DYNAMICS = ("mass_kg", "size", "friction")
"""What objects hide: mass, factor on the size, sliding friction; columns of episodes, in this order."""
OF_OBJECTS = "object_"
"""How names of those begin among the hidden dynamics of a task."""


class Interval(SpecModel):
    """A closed interval, drawn from uniformly."""

    low: float
    high: float
    signed: bool = False
    """Draw a magnitude from the interval and a random sign: a motor may be wired either way."""

    @model_validator(mode="after")
    def _ordered(self) -> Interval:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    @property
    def still(self) -> bool:
        """Whether it has one value only."""
        return self.low == self.high and not (self.signed and self.low)

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Draw `size` values."""
        values = rng.uniform(self.low, self.high, size)
        return rng.choice([-1.0, 1.0], size) * values if self.signed else values


class TaskDistribution(SpecModel):
    """Tasks to learn from: a problem, and what is to be otherwise than it has it.

    What is left out is as the family has it. Places are drawn anew in every episode, hidden dynamics once
    for each task.
    """

    family: str = "drive-goal"
    """A family of the simulation, or another problem that `metabot methods` lists."""
    robots: Annotated[int, Field(ge=1)] | None = None
    """How many act together in an episode; the family's fewest by default."""
    scene: TaskSpec | None = None
    """Arena, robots, objects, reward and lengths in place of the family's; a user's own robot is there."""
    dynamics: dict[str, Interval] = Field(default_factory=dict)
    """Ranges of hidden dynamics in place of the family's, in training and held-out alike: by the names of the
    fields of `RobotDynamics`, those of objects with ``object_`` before them."""
    held_out: dict[str, Interval] = Field(default_factory=dict)
    """Ranges that are kept from training, in place of the family's."""
    horizon_s: Annotated[float, Field(gt=0.0, le=60.0)] | None = None
    control_hz: Annotated[int, Field(ge=1, le=500)] | None = None
    success_radius_m: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    success_hold_s: Annotated[float, Field(ge=0.0, le=10.0)] | None = None
    """Seconds that a robot has to stand still where it is sent."""
    reward: dict[RewardTerm, float] | None = None
    """Weights of the named reward terms; their sum is the reward of a step."""

    @model_validator(mode="after")
    def _known(self) -> TaskDistribution:
        allowed = (*RobotDynamics.model_fields, *(OF_OBJECTS + name for name in OBJECT_DYNAMICS))
        for field in ("dynamics", "held_out"):
            for name in getattr(self, field):
                if name not in allowed:
                    raise ValueError(f"{field}.{name}: no such hidden dynamics; allowed: {', '.join(allowed)}")
        if self.scene is not None:
            if self.scene.family != self.family:
                raise ValueError(f"scene.family: {self.scene.family}; allowed: {self.family}, as the distribution says")
            if self.robots not in (None, len(self.scene.robots)):
                raise ValueError(f"robots: {self.robots}, but the scene has {len(self.scene.robots)}")
        return self

    @classmethod
    def of(cls, text: str) -> TaskDistribution:
        """The distribution of a node's parameter: JSON, or nothing for the default.

        Raises:
            SpecError: naming field, value and what is allowed.
        """
        return cls.parse(text) if text else cls()

    @property
    def own(self) -> bool:
        """Whether everything is as the family has it."""
        return not self.model_dump(exclude={"family", "robots"}, exclude_defaults=True)

    def scened(self, usual: TaskSpec) -> TaskSpec:
        """The scene of these tasks.

        Args:
            usual: the family's, used where there is none of its own.

        Raises:
            SpecError: if they do not go together.
        """
        scene = self.scene or usual
        other: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("horizon_s", "control_hz", "reward")
            if getattr(self, name) is not None
        }
        judged = {"radius_m": self.success_radius_m, "hold_s": self.success_hold_s}
        judged = {name: value for name, value in judged.items() if value is not None}
        if judged:
            other["success"] = {**scene.success.model_dump(), **judged}
        return TaskSpec.parse({**scene.model_dump(), **other}) if other else scene

    def ranges(self, held_out: bool) -> Mapping[str, Interval]:
        """Ranges in place of the family's.

        Args:
            held_out: of tasks that are kept from training.
        """
        return {**self.dynamics, **self.held_out} if held_out else self.dynamics

"""Distributions of tasks: the same fields as a task, with ranges."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from metabot.task.kinds import KINDS
from metabot.task.model import SpecModel
from metabot.task.reward import DEFAULT_REWARD, RewardTerm
from metabot.task.spec import WHOLE_DYNAMICS, Pad, RobotDynamics, RobotSpec, Success, TaskSpec


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

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Draw `size` values."""
        values = rng.uniform(self.low, self.high, size)
        return rng.choice([-1.0, 1.0], size) * values if self.signed else values


class DriveDistribution(SpecModel):
    """Tasks of a driving family for one robot: hidden dynamics and a goal around it.

    A *task* fixes the hidden dynamics; every episode of it draws a fresh goal.
    """

    family: Literal["drive-goal", "drive-odometry"] = "drive-goal"
    """What is played; in `drive-odometry` the robot sees its goal through its own odometry."""
    drive_gain: Interval = Interval(low=0.7, high=1.0, signed=True)
    steer_gain: Interval = Interval(low=0.8, high=1.3, signed=True)
    steer_bias: Interval = Interval(low=-0.25, high=0.25)
    others: dict[str, Interval] = Field(default_factory=dict)
    """Ranges of further hidden dynamics, by the names of the fields of `RobotDynamics`."""
    goal_distance_m: Interval = Interval(low=0.8, high=2.0)
    horizon_s: Annotated[float, Field(gt=0.0, le=60.0)] = 4.0
    control_hz: Annotated[int, Field(ge=1, le=500)] = 20
    success_radius_m: Annotated[float, Field(gt=0.0, le=1.0)] = 0.2
    success_hold_s: Annotated[float, Field(ge=0.0, le=10.0)] = 0.0
    """Seconds that the robot has to stand still at its goal; 0: passing over it is enough."""
    reward: dict[RewardTerm, float] = Field(default_factory=lambda: dict(DEFAULT_REWARD))
    """Weights of the named reward terms; their sum is the reward of a step."""

    @model_validator(mode="after")
    def _steps(self) -> DriveDistribution:
        rate = KINDS["diffdrive"].simulation_hz
        if rate % self.control_hz:
            raise ValueError(f"control_hz: {self.control_hz} does not divide the simulation rate of {rate} Hz")
        if self.horizon_steps < 2:
            raise ValueError(f"horizon_s: {self.horizon_s} is shorter than two control steps")
        allowed = [name for name in RobotDynamics.model_fields if name not in _NAMED]
        for name in self.others:
            if name not in allowed:
                raise ValueError(f"others.{name}: no such hidden dynamics; allowed: {', '.join(allowed)}")
        return self

    @property
    def horizon_steps(self) -> int:
        """Control steps in one episode."""
        return round(self.horizon_s * self.control_hz)

    @property
    def drawn(self) -> dict[str, Interval]:
        """Ranges of all hidden dynamics that are drawn, by name."""
        return {**{name: getattr(self, name) for name in _NAMED}, **self.others}

    def spec(self) -> TaskSpec:
        """The scene of these tasks: a healthy robot at the origin and a pad."""
        return TaskSpec(
            family=self.family,
            robots=(RobotSpec(name="robot", goal="red"),),
            pads=(Pad(color="red", x=1.0, y=0.0),),
            horizon_s=self.horizon_s,
            control_hz=self.control_hz,
            success=Success(radius_m=self.success_radius_m, hold_s=self.success_hold_s),
            reward=self.reward,
        )

    def sample_dynamics(self, rng: np.random.Generator, tasks: int) -> np.ndarray:
        """Draw hidden dynamics, (tasks, D): the fields of `RobotDynamics`; what is not drawn is healthy."""
        names = list(RobotDynamics.model_fields)
        rows = np.tile(RobotDynamics().as_tuple(), (tasks, 1))
        for name, interval in self.drawn.items():
            values = interval.sample(rng, tasks)
            rows[:, names.index(name)] = np.rint(values) if name in WHOLE_DYNAMICS else values
        return rows

    def sample_goals(self, rng: np.random.Generator, episodes: int) -> np.ndarray:
        """Draw goals around a robot at the origin, shape (episodes, 2), in metres."""
        distance = self.goal_distance_m.sample(rng, episodes)
        bearing = rng.uniform(-np.pi, np.pi, episodes)
        return np.stack([distance * np.cos(bearing), distance * np.sin(bearing)], axis=1)


_NAMED = ("drive_gain", "steer_gain", "steer_bias")

"""Hand-made feedback controllers for driving robots: they know how a robot drives, and nothing of the task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

AHEAD = ("_forward", "_ahead")
"""How names of observations end that say how far something is ahead; `_left` is beside it."""
_NOT_PLACES = ("rival_speed",)


class Feedback(ABC):
    """A controller of a few numbers, of which many are tried side by side.

    Attributes:
        low: least that each of its numbers is worth trying.
        high: the most.
    """

    low: np.ndarray
    high: np.ndarray

    @abstractmethod
    def __call__(self, numbers: np.ndarray, observations: np.ndarray, step: int) -> np.ndarray:
        """Commands ahead and to turn, (n, 2) in [-1, 1].

        Args:
            numbers: (n, len(low)), those of the controller of each row.
            observations: (n, observation_size).
            step: control steps since the start, which a controller may count.
        """


@dataclass
class Steering(Feedback):
    """Steers towards a weighted sum of the places it sees, on a course that may wind, weave and pause.

    Its numbers: for every place a weight and an angle by which it is turned; gains of heading and distance; a
    constant turn; how fast the course turns and how that dies away (a spiral); how far it weaves and how
    often; speed where nothing is seen; the distance at which it stands; period and share of stops.
    """

    places: tuple[tuple[int, int], ...]

    OWN: ClassVar[tuple[tuple[float, float], ...]] = (
        (0.2, 4.0),  # heading
        (0.3, 6.0),  # distance
        (-0.6, 0.6),  # constant turn
        (-0.2, 0.2),  # course, radians a step
        (0.0, 0.1),  # decay of that a step
        (0.0, 2.0),  # weaving, radians
        (0.05, 0.6),  # radians a step
        (-0.6, 0.6),  # speed
        (0.0, 0.15),  # stands within
        (4.0, 60.0),  # period of stops, steps
        (0.0, 0.6),  # share of it
    )

    def __post_init__(self) -> None:
        """Say what its numbers may be."""
        places = [(-1.5, 1.5), (-np.pi, np.pi)] * len(self.places)
        self.low, self.high = np.array([*places, *self.OWN]).T

    @classmethod
    def of(cls, names: Sequence[str]) -> Steering | None:
        """A controller that steers by the places among observations of these names; None where there is none."""
        found = []
        for index, name in enumerate(names):
            stem = next((name.removesuffix(end) for end in AHEAD if name.endswith(end)), None)
            if stem and stem not in _NOT_PLACES and f"{stem}_left" in names:
                found.append((index, names.index(f"{stem}_left")))
        return cls(tuple(found)) if found else None

    def __call__(self, numbers: np.ndarray, observations: np.ndarray, step: int) -> np.ndarray:
        """See `Feedback`."""
        count = 2 * len(self.places)
        target = np.zeros((len(observations), 2))
        for index, (ahead, left) in enumerate(self.places):
            weight, angle = numbers[:, 2 * index], numbers[:, 2 * index + 1]
            cos, sin = weight * np.cos(angle), weight * np.sin(angle)
            target[:, 0] += cos * observations[:, ahead] - sin * observations[:, left]
            target[:, 1] += sin * observations[:, ahead] + cos * observations[:, left]
        heading, gain, turn, winds, decay, weaves, often, speed, near, period, share = numbers[:, count:].T
        fades = np.where(decay > 1e-6, (1.0 - np.exp(-decay * step)) / np.maximum(decay, 1e-6), step)
        course = winds * fades + weaves * np.sin(often * step)
        error = np.arctan2(target[:, 1], target[:, 0]) + course
        distance = np.hypot(target[:, 0], target[:, 1])
        error = np.mod(error + np.pi, 2.0 * np.pi) - np.pi
        forward = gain * distance * np.clip(np.cos(error), 0.0, 1.0) + speed
        stands = (distance < near) | (np.mod(step, period) < share * period)
        chosen = np.stack([np.where(stands, 0.0, forward), np.where(stands, 0.0, heading * error + turn)], axis=1)
        return np.clip(chosen, -1.0, 1.0)


@dataclass
class Timed(Feedback):
    """Turns by the clock and drives by the clock, as far as it was told at the start; blind in between.

    Its numbers: when it turns no more and when it stops, as shares of the horizon; a mixing of commands, (2, 2);
    what is added to them.
    """

    distance: int
    bearing: int
    horizon: int

    def __post_init__(self) -> None:
        """Say what its numbers may be."""
        pairs = [(0.05, 0.5), (0.4, 1.0), *[(-4.0, 4.0)] * 4, (-0.3, 0.3), (-0.3, 0.3)]
        self.low, self.high = np.array(pairs).T

    @classmethod
    def of(cls, names: Sequence[str], horizon: int) -> Timed | None:
        """A controller for a robot that is told distance and bearing once; None where it is not."""
        if {"goal_distance", "goal_bearing"} <= set(names):
            return cls(names.index("goal_distance"), names.index("goal_bearing"), horizon)
        return None

    def __call__(self, numbers: np.ndarray, observations: np.ndarray, step: int) -> np.ndarray:
        """See `Feedback`."""
        until, stop = numbers[:, 0], numbers[:, 1]
        now = step / self.horizon
        turning, driving = now < until, (now >= until) & (now < stop)
        wanted = np.stack([driving * observations[:, self.distance], turning * observations[:, self.bearing]], axis=1)
        moving = (turning | driving)[:, None]
        mixed = np.einsum("nij,nj->ni", numbers[:, 2:6].reshape(-1, 2, 2), wanted)
        return np.clip(np.where(moving, mixed + numbers[:, 6:], 0.0), -1.0, 1.0)


def controller_for(names: Sequence[str], horizon: int) -> Feedback | None:
    """The controller for a robot that observes numbers of these names; None where there is none."""
    return Timed.of(names, horizon) or Steering.of(names)

"""What a driving robot's policy observes, from what the robot senses: the same numbers as in training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from metabot.task import Term
from metabot_sim.frames import in_frame


@dataclass(frozen=True)
class CarSenses:
    """What a robot that drives knows of itself and its task, in metres, radians and seconds.

    Attributes:
        pose: (3,) x, y, yaw by its odometry.
        twist: (2,) forward speed and yaw rate, in its own frame.
        goal: (2,) where it is sent, in the frame of the pose.
        start: (2,) where it began, in that frame.
        others: (k, 2) other robots as seen from it, ahead and to the left; any order.
    """

    pose: np.ndarray
    twist: np.ndarray
    goal: np.ndarray
    start: np.ndarray = field(default_factory=lambda: np.zeros(2))
    others: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    def quantities(self) -> dict[tuple[str, str], float]:
        """Every quantity that it can tell, by name and frame; a name alone holds in any other frame."""
        from_start = np.array([*self.start, self.pose[2]])
        goal, home = in_frame(self.pose, self.goal), in_frame(self.pose, self.start)
        known = {
            ("forward_speed", ""): float(self.twist[0]),
            ("yaw_rate", ""): float(self.twist[1]),
            ("x", ""): float(self.pose[0]),
            ("y", ""): float(self.pose[1]),
            ("heading_cos", ""): math.cos(self.pose[2]),
            ("heading_sin", ""): math.sin(self.pose[2]),
            **_way("way", -home),
            **_way("start", home),
            **_place("goal", goal, ""),
            **_place("goal", in_frame(from_start, self.goal), "start"),
        }
        nearest = sorted(self.others, key=lambda way: float(np.hypot(way[0], way[1])))
        for number, way in enumerate(nearest):
            known |= {(f"neighbour_{number + 1}_{axis}", ""): float(way[k]) for k, axis in enumerate(("ahead", "left"))}
        return known


def _way(name: str, offset: np.ndarray) -> dict[tuple[str, str], float]:
    return {(f"{name}_forward", ""): float(offset[0]), (f"{name}_left", ""): float(offset[1])}


def _place(name: str, offset: np.ndarray, frame: str) -> dict[tuple[str, str], float]:
    towards = offset / np.maximum(np.hypot(offset[0], offset[1]), 1e-6)
    numbers = {"forward": offset[0], "left": offset[1], "cos": towards[0], "sin": towards[1]}
    return {(f"{name}_{each}", frame): float(value) for each, value in numbers.items()}


def missing(terms: Iterable[Term], senses: CarSenses) -> list[str]:
    """Names of what a robot with these senses cannot observe."""
    known = senses.quantities()
    return [term.name for term in terms if _key(term, known) is None]


def observed(terms: Iterable[Term], senses: CarSenses) -> np.ndarray:
    """What a policy observes, float32 in the order of the terms.

    Raises:
        KeyError: naming the first thing that cannot be observed.
    """
    known = senses.quantities()
    values = []
    for term in terms:
        key = _key(term, known)
        if key is None:
            raise KeyError(term.name)
        values.append(term.seen(known[key]))
    return np.array(values, dtype=np.float32)


def _key(term: Term, known: dict[tuple[str, str], float]) -> tuple[str, str] | None:
    return next((key for key in ((term.name, term.frame), (term.name, "")) if key in known), None)

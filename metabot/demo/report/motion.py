"""Recorded motion made fit for drawing: cleaned, on one clock, interpolated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from metabot.task import ObjectSpec, TaskSpec


@dataclass(frozen=True)
class Motion:
    """What the fleet did, on a clock that starts at zero.

    Attributes:
        samples: by robot (an arm's fingertips) or object, (samples, 4): seconds, x, y in metres,
            unwrapped yaw in radians; times rise.
        duration_s: time of the last sample of any robot.
    """

    samples: dict[str, np.ndarray] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def moving(self) -> bool:
        """Whether there is anything to animate."""
        return self.duration_s > 0.0

    def poses(self, robot: str, times_s: np.ndarray) -> np.ndarray:
        """(times, 3) x, y, yaw of a robot; before its first and after its last sample it stands still.

        Raises:
            KeyError: if nothing was recorded of that robot.
        """
        samples = self.samples[robot]
        return np.stack([np.interp(times_s, samples[:, 0], samples[:, column]) for column in (1, 2, 3)], axis=1)

    def trail(self, robot: str, step_m: float = 0.02) -> np.ndarray:
        """(points, 3) seconds, x, y: the path without the samples less than `step_m` apart."""
        samples = self.samples[robot]
        kept = [0]
        for index in range(1, len(samples)):
            if np.hypot(*(samples[index, 1:3] - samples[kept[-1], 1:3])) >= step_m:
                kept.append(index)
        if kept[-1] != len(samples) - 1:
            kept.append(len(samples) - 1)
        return samples[kept, :3]


def clean(paths: dict[str, np.ndarray], robots: Iterable[str]) -> Motion:
    """Keep what can be drawn of recorded paths.

    A crashed or silent robot leaves gaps, non-finite numbers or nothing at all, and none of
    that may cost a run its report.

    Args:
        paths: by robot, (samples, 4) as `metabot.demo.paths.read_paths` gives them.
        robots: names of the robots to keep.
    """
    kept: dict[str, np.ndarray] = {}
    for robot in robots:
        samples = np.asarray(paths.get(robot, np.empty((0, 4))), dtype=np.float64).reshape(-1, 4)
        samples = samples[np.isfinite(samples).all(axis=1)]
        if not len(samples):
            continue
        _, first = np.unique(samples[:, 0], return_index=True)
        samples = samples[first]
        samples[:, 3] = np.unwrap(samples[:, 3])
        kept[robot] = samples
    if not kept:
        return Motion()
    start = min(samples[0, 0] for samples in kept.values())
    for samples in kept.values():
        samples[:, 0] -= start
    return Motion(kept, float(max(samples[-1, 0] for samples in kept.values())))


def brought(spec: TaskSpec, robot: str) -> ObjectSpec | None:
    """What a robot is to bring to its pad; None if it goes there itself, or nowhere."""
    goal = spec.robot(robot).goal
    return next((thing for thing in spec.objects if goal is not None and thing.goal == goal), None)


def arrival_s(motion: Motion, spec: TaskSpec, robot: str) -> float | None:
    """When a robot, or what it was to bring, came onto its pad for good; None if it did not, or nobody knows."""
    goal = spec.robot(robot).goal
    thing = brought(spec, robot)
    carried = robot if thing is None else thing.name
    if goal is None or carried not in motion.samples:
        return None
    samples, pad = motion.samples[carried], spec.pad_of(robot)
    inside = np.hypot(samples[:, 1] - pad.x, samples[:, 2] - pad.y) <= spec.success.radius_m
    if not inside[-1]:
        return None
    outside = np.flatnonzero(~inside)
    return float(samples[outside[-1] + 1, 0]) if len(outside) else float(samples[0, 0])


def frame_times(duration_s: float, rate_hz: float, hold_s: float) -> np.ndarray:
    """Times of the frames of a moving picture in real time that rests on its last pose for `hold_s`."""
    frames = int(np.ceil(duration_s * rate_hz)) + 1 + round(hold_s * rate_hz)
    return np.minimum(np.arange(frames) / rate_hz, duration_s)

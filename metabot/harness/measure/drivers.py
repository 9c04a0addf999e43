"""What drives without adapting: a network or a controller, tried on tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from metabot.base.actor import Actor
from metabot.base.feedback import Feedback, controller_for
from metabot.base.stacked import StackedFrames
from metabot.problems import Problem

Act = Callable[[np.ndarray, int], np.ndarray]
"""Actions (n, action_size) for observations (n, observation_size) at a step."""


@dataclass(frozen=True)
class Driver:
    """One policy without adaptation, as JSON can hold it.

    Attributes:
        frames: observations it sees at once.
        actor: its network, if it is one.
        numbers: of the problem's feedback controller, if it is that.
    """

    frames: int = 1
    actor: Actor | None = None
    numbers: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        actor = None if self.actor is None else self.actor.as_dict()
        return {"frames": self.frames, "actor": actor, "numbers": list(self.numbers)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Driver:
        """What `as_dict` gave."""
        actor = None if found["actor"] is None else Actor.from_dict(found["actor"])
        return cls(found["frames"], actor, tuple(found["numbers"]))

    def drive(
        self, problem: Problem, tasks: np.ndarray, trials: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Success and return on every task, (tasks,) both: means over trials.

        Raises:
            ValueError: if it is a controller and the problem has none.
        """
        if self.actor is not None:
            actor = self.actor
            seen = problem if self.frames == 1 else StackedFrames(problem, self.frames)
            return drive(seen, lambda observations, step: actor(observations), tasks, trials, rng)
        controller = feedback_for(problem)
        if controller is None:
            raise ValueError(f"{problem.name}: no feedback controller")
        rows = np.tile(np.array(self.numbers), (len(tasks) * trials, 1))
        return drive(problem, lambda seen, step: controller(rows, seen, step), tasks, trials, rng)


def drive(
    problem: Problem, act: Act, tasks: np.ndarray, trials: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Success and return of one behaviour on every task, (tasks,) both: means over trials."""
    observations = problem.begin(np.repeat(tasks, trials, axis=0), rng)
    returns = np.zeros(len(observations))
    success = np.zeros(len(observations), dtype=bool)
    for step in range(problem.horizon):
        done = problem.step(act(observations, step).astype(np.float32))
        observations, success = done.observations, done.success
        returns += done.rewards
    shape = (len(tasks), trials)
    return success.reshape(shape).mean(1), returns.reshape(shape).mean(1)


def feedback_for(problem: Problem) -> Feedback | None:
    """The hand-made controller of a problem; None where there is none, as for arms."""
    names = problem.observation_names
    # Whoever counts its forward speed is a car, and has the commands of one.
    return controller_for(names, problem.horizon) if "forward_speed" in names else None

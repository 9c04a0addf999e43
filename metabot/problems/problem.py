"""What a meta-learner trains on: a distribution of tasks and episodes of them, many at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from metabot_sim.families.base import SPLITS, Split

__all__ = ["SPLITS", "Goals", "Outcome", "Problem", "Split", "check_split"]

Goals = tuple[np.ndarray, np.ndarray]
"""What was achieved and what was desired, (n, goal_size) float32 both."""


def check_split(split: str) -> Split:
    """The split of that name.

    Raises:
        ValueError: if there is none; one line.
    """
    if split not in SPLITS:
        raise ValueError(f"split: no {split!r}; allowed: {', '.join(SPLITS)}")
    return split


@dataclass(frozen=True)
class Outcome:
    """What one control step of n episodes brought.

    Attributes:
        observations: (n, observation_size) float32.
        rewards: (n,) float32.
        success: (n,) bool, whether the task is mastered by now.
        ended: (n,) bool, whether the episode was decided in this step; time running out is no end.
    """

    observations: np.ndarray
    rewards: np.ndarray
    success: np.ndarray
    ended: np.ndarray


class Problem(ABC):
    """A distribution of control tasks.

    A *task* is what stays the same over episodes (hidden dynamics, a goal nobody names); every
    episode may draw more (a start, a goal in sight). All episodes last `horizon` steps: one that
    was decided earlier stands still with zero reward.

    Attributes:
        name: as the registry and stored results call it.
        observation_size: numbers a robot observes.
        action_size: numbers a robot commands, each meant in [-1, 1].
        horizon: control steps of an episode.
        agents: robots that act in one episode, all under the same policy.
        has_success: whether tasks can be mastered, or only their return counts.
        discrete: how many actions there are to choose from, where an action is the number of one and
            `action_size` is 1; 0 where actions are continuous.
    """

    name: str
    observation_size: int
    action_size: int
    horizon: int
    agents: int = 1
    has_success: bool = True
    discrete: int = 0

    @abstractmethod
    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw tasks, one row (or number) each.

        Args:
            rng: source of the draw.
            tasks: how many.
            split: train, validation and test are drawn alike; held-out from other ranges.
        """

    def numbered(self, task: int, split: str = "train") -> np.ndarray:
        """The task of a number, as commands and files call it: (1, ...), one row of what `sample` draws.

        Args:
            task: seed of its draw.
            split: it is drawn from.

        Raises:
            ValueError: if there is no such split; one line.
        """
        return self.sample(np.random.default_rng([task, 20]), 1, check_split(split))

    @abstractmethod
    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Start one episode for each row of `tasks`; rows may repeat.

        Args:
            tasks: (n, ...) rows of what `sample` returned.
            rng: source of starts and goals.

        Returns:
            (n * agents, observation_size) float32, the agents of an episode next to each other.
        """

    @abstractmethod
    def step(self, actions: np.ndarray) -> Outcome:
        """Advance the episodes that `begin` started by one control step.

        Args:
            actions: (n * agents, action_size) float32; clipped to what is possible.
        """

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Meaning of what a robot observes; by default numbered."""
        return tuple(f"observation_{number + 1}" for number in range(self.observation_size))

    @property
    def has_expert(self) -> bool:
        """Whether `expert` has an answer."""
        return type(self).expert is not Problem.expert

    def expert(self) -> np.ndarray | None:
        """What one who knows the task would do now, (n * agents, action_size); None if nobody knows."""
        return None

    def hidden(self, tasks: np.ndarray) -> np.ndarray | None:
        """What a simulator knows of tasks and no robot is told, float64 (tasks, n); None where nobody can say.

        Args:
            tasks: (tasks, ...) rows of what `sample` returned.
        """
        return None

    def goals(self) -> Goals | None:
        """What the episodes have achieved and what they should; None where goals are no places.

        A problem that has them can be learned with hindsight: what was achieved is taken for what
        had been desired (Andrychowicz et al. 2017).
        """
        return None

    def goal_rewards(self, achieved: np.ndarray, desired: np.ndarray) -> np.ndarray:
        """The reward of having achieved one thing where another was desired, (...,) float32.

        Raises:
            ValueError: if the problem has no goals.
        """
        raise ValueError(f"{self.name}: has no goals that could be replaced in hindsight")

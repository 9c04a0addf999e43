"""Reward terms by name: what a step of a robot is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from metabot.task import RewardTerm


@dataclass(frozen=True)
class Step:
    """What happened to the robots in one control step; arrays are (simulations, robots).

    A family fills in what has a meaning in it; the rest stays None, and a reward term that
    needs it is refused before anything is simulated.

    Attributes:
        actions: (n, R, actions) commands, clipped to [-1, 1].
        success: whether the robot has done its part, now and in line with the rules.
        arrived: whether that became true in this very step.
        ended: (n,) whether the episode is decided.
        approach_m: metres the robot came closer to where it should be.
        collided: whether it touches what it must not touch.
        power_w: mechanical power of its motors; the environment fills it in where it is rewarded.
        formation_error_m: distance from its place in the formation.
        scored: points it made in this step; negative if it lost some.
        closing_m: metres it came closer to what it chases, or farther from what chases it.
        grasped: whether it holds an object.
        lifted_m: height of the object it is after above the floor.
    """

    actions: np.ndarray
    success: np.ndarray
    arrived: np.ndarray
    ended: np.ndarray
    approach_m: np.ndarray | None = None
    collided: np.ndarray | None = None
    power_w: np.ndarray | None = None
    formation_error_m: np.ndarray | None = None
    scored: np.ndarray | None = None
    closing_m: np.ndarray | None = None
    grasped: np.ndarray | None = None
    lifted_m: np.ndarray | None = None


@dataclass(frozen=True)
class Term:
    """One reward term.

    Attributes:
        needs: the field of `Step` it reads.
        value: from that field to (n, R) rewards.
        summary: what it rewards, for people.
    """

    needs: str
    value: Callable[[np.ndarray], np.ndarray]
    summary: str


def _same(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64)


REWARD_TERMS: dict[RewardTerm, Term] = {
    "progress": Term("approach_m", _same, "metres closer to the goal"),
    "success": Term("arrived", _same, "once, when the robot's part is done"),
    "effort": Term("actions", lambda actions: np.square(actions).sum(-1), "squared commands"),
    "energy": Term("power_w", _same, "watts of mechanical power"),
    "collision": Term("collided", _same, "each step in touch with what must not be touched"),
    "formation": Term("formation_error_m", _same, "metres away from the place in the formation"),
    "score": Term("scored", _same, "points made or lost"),
    "closing": Term("closing_m", _same, "metres closer to the prey, or away from the hunter"),
    "grasp": Term("grasped", _same, "each step that an object is held"),
    "lift": Term("lifted_m", _same, "metres that the object is off the floor"),
    "time": Term("success", lambda success: (~success).astype(np.float64), "each step before success"),
}
"""A new term is a line here and its name in `metabot.task.RewardTerm`."""


ALWAYS = frozenset({"actions", "success", "arrived", "power_w"})
"""Fields of `Step` that are there in every family."""


class Reward:
    """The weighted sum of named terms, shared within teams as the specification says."""

    def __init__(self, weights: Mapping[RewardTerm, float], provided: Iterable[str], teams: np.ndarray, share: float):
        """Check that every term can be computed.

        Args:
            weights: weight of each term.
            provided: fields of `Step` that the family fills in.
            teams: (R,) team number of each robot.
            share: part of a robot's reward that is the mean of its team's.

        Raises:
            ValueError: if a term reads what the family does not provide.
        """
        known = {*provided, *ALWAYS}
        for name in weights:
            if REWARD_TERMS[name].needs not in known:
                allowed = ", ".join(each for each, term in REWARD_TERMS.items() if term.needs in known)
                raise ValueError(f"reward.{name}: this family cannot compute it; allowed: {allowed}")
        self._terms = {name: (weight, REWARD_TERMS[name]) for name, weight in weights.items() if weight != 0.0}
        self.needs = frozenset(term.needs for _, term in self._terms.values())
        self._share = share
        members = (teams[:, None] == teams[None, :]).astype(np.float64)
        self._mean_of_team = members / members.sum(axis=1, keepdims=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Terms that count."""
        return tuple(self._terms)

    def parts(self, step: Step) -> np.ndarray:
        """What each term adds to a step's reward before it is shared, (terms, n, R)."""
        return np.array(list(self._each(step))).reshape(len(self._terms), *step.success.shape)

    def _each(self, step: Step) -> Iterator[np.ndarray]:
        return (weight * term.value(getattr(step, term.needs)) for weight, term in self._terms.values())

    def __call__(self, step: Step) -> np.ndarray:
        """The rewards of a step, (n, R)."""
        total: np.ndarray = np.zeros(step.success.shape)
        for part in self._each(step):
            total += part
        if self._share > 0.0 and total.shape[1] > 1:
            # Not a matrix product: its rounding may depend on the number of simulations.
            team = (total[:, None, :] * self._mean_of_team).sum(axis=-1)
            total = (1.0 - self._share) * total + self._share * team
        return total

"""The records that travel between robots and meta-learner, and what makes one unacceptable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabot.fleet.identity import Identity

MAX_WEIGHT = 1e6
"""Tasks that one update may claim: one robot must not outweigh all others by a number."""


MAX_ENV_STEPS = 10**12
MAX_CHANGE = 1e3
"""Of one parameter in one round: a step size or weight of a policy that learns never comes near."""


class Rejected(ValueError):
    """An update is refused; the message is one line that says why."""


@dataclass(frozen=True)
class MetaParameters:
    """The fleet's meta-parameters after `version` rounds."""

    identity: Identity
    version: int
    vector: np.ndarray


@dataclass(frozen=True)
class Update:
    """What one robot learned from `version`: its change of the meta-parameters.

    Attributes:
        robot: its name.
        identity: what the vector is of.
        version: the meta-parameters it started from.
        delta: (size,) new parameters minus old.
        weight: number of tasks it was learned from.
        env_steps: simulated control steps spent.
        success_before: mean success of the adaptation episodes.
        success_after: mean success after the inner step.
        compute_s: seconds it took the robot.
    """

    robot: str
    identity: Identity
    version: int
    delta: np.ndarray
    weight: float
    env_steps: int = 0
    success_before: float = 0.0
    success_after: float = 0.0
    compute_s: float = 0.0

    @property
    def bytes(self) -> int:
        """Size of the vector on the wire."""
        return 4 * int(self.delta.size)


def check_update(update: Update, identity: Identity, size: int, version: int) -> None:
    """Refuse an update that would harm the fleet.

    Args:
        update: to be looked at.
        identity: the fleet's.
        size: of the fleet's vector.
        version: that the round learns from.

    Raises:
        Rejected: if it is of another method, other settings, tasks or layout, has another length, starts from
            another version, holds a number that is not finite, or claims an impossible weight.
    """
    other = identity.difference(update.identity)
    if other:
        raise Rejected(other)
    if update.delta.shape != (size,):
        raise Rejected(f"{update.delta.size} numbers, layout {identity.layout} has {size}")
    if update.version != version:
        age = "old" if update.version < version else "future"
        raise Rejected(f"for the {age} version {update.version}, the round is {version}")
    bad = int(np.size(update.delta) - np.isfinite(update.delta).sum())
    if bad:
        raise Rejected(f"{bad} numbers are NaN or infinite")
    largest = float(np.max(np.abs(update.delta)))
    if largest > MAX_CHANGE:
        raise Rejected(f"changes a parameter by {largest:.3g}, allowed {MAX_CHANGE:.0f}")
    if not 0 < update.weight <= MAX_WEIGHT:
        raise Rejected(f"weight {update.weight} is not positive, or above {MAX_WEIGHT:.0f} tasks")
    if not (0 <= update.success_before <= 1 and 0 <= update.success_after <= 1):
        raise Rejected(f"success rates {update.success_before} and {update.success_after} are not between 0 and 1")
    if not 0 <= update.env_steps <= MAX_ENV_STEPS:
        raise Rejected(f"{update.env_steps} control steps are not between 0 and {MAX_ENV_STEPS}")

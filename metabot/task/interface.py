"""What one robot observes and commands: names, units, scales and frames of every number, and the rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Term:
    """One number that a policy observes or commands.

    Attributes:
        name: as families and kinds of robots call it.
        unit: of the physical quantity; ``1`` for shares, flags, sines and cosines, empty where nobody has said.
        scale: how much of the quantity counts as one: a policy sees (quantity - offset) / scale.
        offset: the quantity that is seen as zero.
        frame: where directions are counted from: ``base`` (x ahead, y left), ``tips`` (from the fingertips, along
            the axes of the arm's base), ``leader``, ``map``, ``start``; empty where the quantity has none.
        reach_m: where every other robot is farther away than this, nothing is seen of them, and the number is zero;
            None has no limit.
    """

    name: str
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    frame: str = ""
    reach_m: float | None = None

    def seen(self, quantity: float) -> float:
        """What a policy sees of a quantity, or is to command for it.

        >>> Term("yaw_rate", "rad/s", 3.0).seen(1.5)
        0.5
        """
        return (quantity - self.offset) / self.scale

    def quantity(self, seen: float) -> float:
        """What a number that a policy sees or commands stands for.

        >>> Term("forward", "m/s", 0.22).quantity(0.5)
        0.11
        """
        return seen * self.scale + self.offset


@dataclass(frozen=True)
class RobotInterface:
    """What stands between a robot and its policy.

    Attributes:
        kind: of robot, see `metabot.task.ROBOT_KINDS`; empty where no robot of a kind acts.
        observation: what the policy sees, in order.
        action: what it commands, in order; every number in [-1, 1].
        control_hz: commands per second; 0 where steps have no length.
    """

    kind: str
    observation: tuple[Term, ...]
    action: tuple[Term, ...]
    control_hz: int

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Names of what the policy sees."""
        return tuple(term.name for term in self.observation)

    @property
    def action_names(self) -> tuple[str, ...]:
        """Names of what it commands."""
        return tuple(term.name for term in self.action)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RobotInterface:
        """The interface that `as_dict` described.

        Raises:
            KeyError, TypeError: if something is missing or of another kind.
        """
        return cls(
            kind=str(values["kind"]),
            observation=tuple(Term(**each) for each in values["observation"]),
            action=tuple(Term(**each) for each in values["action"]),
            control_hz=int(values["control_hz"]),
        )

"""Rounds: who is expected, what came in, when to close. A state machine without a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from metabot.fleet.identity import Identity
from metabot.fleet.update import Rejected, Update, check_update

_MAX_REJECTED = 100
"""Refused updates remembered per round: a babbling robot must not fill the memory."""


_MAX_NAME = 64


@dataclass(frozen=True)
class RoundConfig:
    """When a round closes.

    A round closes at once when every living robot has sent its update and they are a quorum;
    at the deadline when a quorum has; otherwise it goes on.
    """

    robots: tuple[str, ...]
    """All robots of the fleet."""
    quorum: int = 0
    """Updates a round needs; 0: more than half of the fleet."""
    deadline_s: float = 30.0
    """Seconds after which a quorum is enough."""
    alive_s: float = 5.0
    """Seconds without a heartbeat after which a robot is not waited for."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.robots:
            raise ValueError("robots: a fleet needs at least one robot")
        if not 0 <= self.quorum <= len(self.robots):
            raise ValueError(f"quorum: {self.quorum} is not between 0 (automatic) and {len(self.robots)} robots")
        if self.deadline_s <= 0:
            raise ValueError(f"deadline_s: {self.deadline_s} is not positive")

    @property
    def needed(self) -> int:
        """Updates a round needs."""
        return self.quorum or len(self.robots) // 2 + 1


@dataclass(frozen=True)
class Closed:
    """A finished round."""

    version: int
    updates: tuple[Update, ...]
    missing: tuple[str, ...]
    rejected: tuple[str, ...]
    wall_s: float


@dataclass(frozen=True)
class Extended:
    """The deadline passed without a quorum; the same round goes on."""

    version: int
    received: tuple[str, ...]
    missing: tuple[str, ...]
    needed: int


@dataclass
class RoundKeeper:
    """Collects the updates of one round after another.

    All times are seconds of one monotonic clock that the caller reads.

    Attributes:
        config: when rounds close.
        identity: what updates have to be of.
        size: of their vectors.
        version: of the round under way.
    """

    config: RoundConfig
    identity: Identity
    size: int
    version: int = 0
    _opened: float = 0.0
    _deadline: float = 0.0
    _first_opened: float | None = None
    _updates: dict[str, Update] = field(default_factory=dict)
    _rejected: list[str] = field(default_factory=list)
    _heard: dict[str, float] = field(default_factory=dict)

    def open(self, version: int, now: float) -> None:
        """Start the round in which robots learn from `version`."""
        self.version, self._opened, self._deadline = version, now, now + self.config.deadline_s
        if self._first_opened is None:
            self._first_opened = now
        self._updates.clear()
        self._rejected.clear()

    def heard(self, robot: str, now: float) -> None:
        """A heartbeat came from a robot."""
        self._heard[robot] = now

    def receive(self, update: Update, now: float) -> None:
        """Take an update into the round.

        Raises:
            Rejected: if the robot is not of this fleet, has sent one already, or the update
                is not acceptable; the round goes on without it.
        """
        try:
            if update.robot not in self.config.robots:
                raise Rejected(f"not a robot of this fleet ({', '.join(self.config.robots)})")
            self._heard[update.robot] = now
            if update.version == self.version and update.robot in self._updates:
                raise Rejected(f"a second update for version {self.version}")
            check_update(update, self.identity, self.size, self.version)
        except Rejected as reason:
            raise self.reject(update.robot, str(reason)) from None
        self._updates[update.robot] = update

    def reject(self, robot: str, reason: str) -> Rejected:
        """Note a refused update, also one too damaged to read; the exception to raise."""
        name = "".join(letter if letter.isprintable() else "?" for letter in robot[:_MAX_NAME])
        line = f"{name or '(nameless)'}: {reason}"
        if len(self._rejected) < _MAX_REJECTED:
            self._rejected.append(line)
        return Rejected(line)

    @property
    def received(self) -> tuple[str, ...]:
        """Robots whose update is in."""
        return tuple(sorted(self._updates))

    @property
    def missing(self) -> tuple[str, ...]:
        """Robots whose update is not in."""
        return tuple(robot for robot in self.config.robots if robot not in self._updates)

    @property
    def rejected(self) -> tuple[str, ...]:
        """A line for each refused update of this round."""
        return tuple(self._rejected)

    def poll(self, now: float) -> Closed | Extended | None:
        """Decide what the round does now; None: it waits."""
        quorum = len(self._updates) >= self.config.needed
        waited_for = [robot for robot in self.missing if self._is_waited_for(robot, now)]
        if quorum and (not waited_for or now >= self._deadline):
            return Closed(self.version, tuple(self._updates.values()), self.missing, self.rejected, now - self._opened)
        if now >= self._deadline:
            self._deadline = now + self.config.deadline_s
            return Extended(self.version, self.received, self.missing, self.config.needed)
        return None

    def _is_waited_for(self, robot: str, now: float) -> bool:
        if robot in self._heard:
            return now - self._heard[robot] < self.config.alive_s
        # A robot never heard of may still be starting up.
        return now - (self._first_opened or 0.0) < self.config.deadline_s

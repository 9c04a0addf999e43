"""`Player`: the one place where wishes become deeds, and simulated time follows the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from metabot_sim.view.session import Session
from metabot_sim.view.wishes import Wishes

SHOW_HZ = 30.0
_LAG_S = 0.25
"""A simulation that falls further behind the clock than this does not catch up."""
_LOOK_S = 0.1
"""How long the page waits at most for news."""
_REST_S = 1.2
"""How long an episode's end is shown before the next one starts."""


class Page(Protocol):
    """What shows a session."""

    def show(self, player: Player) -> None:
        """Draw the state as it is now."""


class Player:
    """Plays a session in real time, or faster, or step by step, as it is wished.

    Attributes:
        session: what is played.
        paused: whether time stands still.
        speed: simulated seconds per second.
        selected: numbers of the robot and of the object whose hidden dynamics are shown.
    """

    def __init__(self, session: Session, wishes: Wishes, *, speed: float = 1.0, paused: bool = False) -> None:
        """Get ready; nothing moves before `run` or `tick`.

        Args:
            session: what is played.
            wishes: where the page puts what people ask for.
            speed: simulated seconds per second.
            paused: whether to stand still at first.
        """
        self.session, self.speed, self.paused = session, speed, paused
        self.selected = {"robot": 0, "object": 0}
        self._wishes = wishes
        self._due: float | None = None
        """When the next step is due."""

    def run(self, page: Page, going: Callable[[], bool] = lambda: True) -> None:
        """Play until an exception, such as an interrupt, or until `going` says no."""
        while going():
            wait_s = self.tick(time.monotonic())
            page.show(self)
            self._wishes.wait(wait_s)

    def tick(self, now: float) -> float:
        """Grant the wishes, make the steps that are due.

        Args:
            now: a clock in seconds.

        Returns:
            Seconds until there is something to do again.
        """
        for kind, value in self._wishes.take().items():
            self._grant(kind, value)
        frame_s = 1.0 / SHOW_HZ
        if self.paused:
            self._due = None
            return _LOOK_S
        session, period_s = self.session, self.session.period_s / self.speed
        if self._due is None or now - self._due > _LAG_S:
            self._due = now
        while self._due <= now:
            if session.ending:
                # The end has been shown long enough.
                session.new_episode()
                self._due += period_s
                break
            session.step()
            self._due += _REST_S if session.ending else period_s
        return min(max(self._due - now, frame_s), _LOOK_S)

    def _grant(self, kind: object, value: object) -> None:
        session = self.session
        match kind:
            case "driver":
                session.drive(str(value))
            case "pause":
                self.paused = bool(value)
            case "step":
                self.paused = True
                if session.ending:
                    session.new_episode()
                session.step()
            case "speed":
                self.speed = float(value)  # type: ignore[arg-type]
            case "new episode":
                session.new_episode()
            case "restart":
                session.again()
            case "new task":
                session.choose_task(session.task + 1)
            case "task":
                if value != session.task:
                    session.choose_task(int(value))  # type: ignore[call-overload]
            case "split":
                session.choose_split(value)  # type: ignore[arg-type]
            case "as drawn":
                session.as_drawn()
            case ("select", what):
                self.selected[str(what)] = int(value)  # type: ignore[call-overload]
            case ("turn", knob, index):
                session.turn(knob, index, float(value))  # type: ignore[arg-type]
            case _:
                raise ValueError(f"wish: no {kind!r}")
        if session.time_s == 0.0:
            # A new episode starts now, not when the rest after the last one is over.
            self._due = None

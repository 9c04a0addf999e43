"""`Panel`: the controls beside the scene. What people do to them becomes wishes; `show` follows the session."""

from __future__ import annotations

import html
import time
from typing import Any

import numpy as np
import viser
from viser import uplot

from metabot_sim.colors import COLORS
from metabot_sim.families.base import SPLITS
from metabot_sim.view.knobs import Knob
from metabot_sim.view.player import Player
from metabot_sim.view.session import Session
from metabot_sim.view.wishes import Wishes

_TEXT_HZ = 8.0
_PLOT_HZ = 3.0
_SPEEDS = (0.1, 4.0)
_PLOT_POINTS = 300
_LINE_COLORS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b83280", "#744210", "#285e61", "#4a5568")
_MOST_TASKS = 2**31 - 1


class Panel:
    """The controls of one session, made once; their values follow what the session does."""

    def __init__(self, server: viser.ViserServer, player: Player, wishes: Wishes) -> None:
        """Put the controls on the page.

        Args:
            server: of the page.
            player: whose state is shown.
            wishes: where what people do is put.
        """
        self._gui, self._wishes = server.gui, wishes
        session = player.session
        family = session.env.family
        self._gui.configure_theme(control_width="large", show_logo=False, show_share_button=False)
        # Beside the scene, not over it.
        self._gui.main_panel.dock_right()
        self._gui.set_panel_label(f"metabot · {family.name}")
        self._gui.add_html(f'<div style="padding:0 0.9em;font-size:0.85em">{html.escape(family.summary)}</div>')
        self._status = self._gui.add_html("")
        self._play(session, player)
        self._sliders: dict[str, list[tuple[Knob, Any]]] = {"robot": [], "object": []}
        for what, names in (("robot", session.names), ("object", session.objects)):
            turned = [knob for knob in session.knobs if knob.of_object == (what == "object")]
            if turned and names:
                self._dynamics(what, names, turned, player)
        self._plot = self._gui.add_uplot(
            _curves(session),
            (
                uplot.Series(label="s"),
                *(
                    uplot.Series(label=name, stroke=_line_color(session, index), width=2)
                    for index, name in enumerate(session.names)
                ),
            ),
            title="return of the episode",
            scales={"x": uplot.Scale(time=False)},
            legend=uplot.Legend(show=False),
            height=180,
            # Room for the uppermost number.
            padding=(10, 24, 0, 0),
        )
        self._shown: dict[str, float] = {}

    def _play(self, session: Session, player: Player) -> None:
        gui, wishes = self._gui, self._wishes
        against = not session.env.heroes.all()
        who = "The first robot's team is driven; the others act at random." if against else "Who drives all robots."
        drivers = gui.add_button_group("driver", session.drivers, hint=who)
        drivers.on_click(lambda event: wishes.put("driver", event.target.value))
        clock = gui.add_button_group("time", ("run", "pause", "step"), hint="Step: one control period.")

        @clock.on_click
        def _(event: viser.GuiEvent) -> None:
            if event.target.value == "step":
                wishes.put("step")
            else:
                wishes.put("pause", event.target.value == "pause")

        start = gui.add_button_group(
            "start",
            ("restart", "new episode", "new task"),
            hint="Restart: same places. New episode: other places, same hidden dynamics. New task: the next one.",
        )
        start.on_click(lambda event: wishes.put(event.target.value))
        self._split: Any = gui.add_dropdown(
            "split", SPLITS, initial_value=session.env.split, hint="Which tasks; held-out: ranges kept from training."
        )
        self._task: Any = gui.add_number(
            "task",
            session.task,
            min=0,
            max=max(_MOST_TASKS, session.task),
            step=1,
            hint="Its number fixes the hidden dynamics.",
        )
        slowest, fastest = min(_SPEEDS[0], player.speed), max(_SPEEDS[1], player.speed)
        self._speed = gui.add_slider("speed", slowest, fastest, 0.1, player.speed, hint="Simulated seconds per second.")
        for handle, kind in ((self._split, "split"), (self._task, "task"), (self._speed, "speed")):
            self._on_person(handle, kind)

    def _dynamics(self, what: str, names: tuple[str, ...], turned: list[Knob], player: Player) -> None:
        gui, wishes = self._gui, self._wishes
        with gui.add_folder(f"hidden dynamics of {'a robot' if what == 'robot' else 'an object'}"):
            choice = gui.add_dropdown(what, names, initial_value=names[0], hint="Whose sliders these are.")
            for knob in turned:
                value = knob.shown(player.session.value(knob, 0))
                # A range without extent would have no slider.
                high = knob.high if knob.high > knob.low else knob.low + knob.step
                ends: tuple[Any, ...] = (knob.low, high, knob.step, value)
                if knob.whole:
                    ends = tuple(int(end) for end in ends)
                slider = gui.add_slider(knob.label, *ends, hint=knob.hint)
                self._sliders[what].append((knob, slider))
                self._on_turn(slider, knob, choice, names)
            if what == "robot":
                reset = gui.add_button("as drawn", hint="Take back all changes; starts the episode again.")
                reset.on_click(lambda _: wishes.put("as drawn"))

        @choice.on_update
        def _(event: viser.GuiEvent) -> None:
            wishes.put(("select", what), names.index(event.target.value))

    def _on_person(self, handle: viser.GuiInputHandle, kind: str) -> None:
        @handle.on_update
        def _(event: viser.GuiEvent) -> None:
            # Values that the program sets come by here, too; they have no client.
            if event.client is not None:
                self._wishes.put(kind, event.target.value)

    def _on_turn(
        self, slider: viser.GuiSliderHandle, knob: Knob, choice: viser.GuiDropdownHandle, names: tuple[str, ...]
    ) -> None:
        @slider.on_update
        def _(event: viser.GuiEvent) -> None:
            if event.client is not None:
                self._wishes.put(("turn", knob, names.index(choice.value)), event.target.value)

    def show(self, player: Player) -> None:
        """Bring text, plot and values up to date."""
        now, session = time.monotonic(), player.session
        if self._time_for("text", now, _TEXT_HZ):
            self._status.content = status(player)
            self._split.value, self._task.value = session.env.split, session.task
            for what, sliders in self._sliders.items():
                for knob, slider in sliders:
                    slider.value = knob.shown(session.value(knob, player.selected[what]))
        if self._time_for("plot", now, _PLOT_HZ):
            self._plot.data = _curves(session)

    def _time_for(self, what: str, now: float, rate_hz: float) -> bool:
        if now - self._shown.get(what, -1.0) < 1.0 / rate_hz:
            return False
        self._shown[what] = now
        return True


def status(player: Player) -> str:
    """The state of the running episode in HTML: who drives, time, and a row for each robot."""
    session = player.session
    state = session.ending or ("paused" if player.paused else "running")
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td style='text-align:right'>{reward:+.3f}</td>"
        f"<td style='text-align:right'>{total:+.2f}</td><td style='text-align:center'>{'✔' if done else '–'}</td></tr>"
        for name, reward, total, done in zip(
            session.names, session.rewards, session.returns, session.success, strict=True
        )
    )
    return (
        "<div style='padding:0 0.9em;font-size:0.85em'>"
        f"<div><b>{state}</b>, driver: <b>{session.driver}</b></div>"
        f"<div>task {session.task} of {session.env.split}, "
        f"{session.time_s:.1f} s of {session.env.spec.horizon_s:g} s</div>"
        "<table style='width:100%;font-variant-numeric:tabular-nums'>"
        "<tr><th style='text-align:left'>robot</th><th style='text-align:right'>reward</th>"
        "<th style='text-align:right'>return</th><th>success</th></tr>"
        f"{rows}</table></div>"
    )


def _curves(session: Session) -> tuple[np.ndarray, ...]:
    trace = np.array(session.trace)
    every = -(-len(trace) // _PLOT_POINTS)
    return tuple(trace[::every].T.copy())


def _line_color(session: Session, index: int) -> str:
    goal = session.env.spec.robots[index].goal
    # Pads tell robots apart where each has its own; white on white would not.
    if goal is None or goal == "white":
        return _LINE_COLORS[index % len(_LINE_COLORS)]
    red, green, blue = (round(255 * part) for part in COLORS[goal][:3])
    return f"#{red:02x}{green:02x}{blue:02x}"

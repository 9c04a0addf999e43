"""What a demo run tells its user while it works."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from metabot.demo.summary import Summary

LOG_WIDTH = 120


class Phase:
    """The line of progress of one phase."""

    def __init__(self, progress: Progress, title: str) -> None:
        """Show the phase as begun."""
        self._progress = progress
        self._task = progress.add_task(title, total=1.0, detail="")

    def show(self, fraction: float, detail: str = "") -> None:
        """Show how far it is."""
        self._progress.update(self._task, completed=fraction, detail=detail)


class DemoConsole:
    """Phases with progress, events as lines, a table at the end.

    Where the output is no terminal, every phase is one line when it ends.
    """

    def __init__(self, console: Console | None = None) -> None:
        """Write to standard output, or to the console given."""
        # A log has no width of its own: give the table room.
        self.console = console or Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
        self.phases_s: dict[str, float] = {}
        self.events: list[str] = []

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[Phase]:
        """Show a phase while the block runs, and note how long it took."""
        started = time.monotonic()
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        last = ""
        with progress:
            phase = Phase(progress, title)
            show = phase.show

            def remember(fraction: float, detail: str = "") -> None:
                nonlocal last
                last = detail or last
                show(fraction, detail)

            phase.show = remember  # type: ignore[method-assign]
            yield phase
            phase.show(1.0, last)
        self.phases_s[title] = round(time.monotonic() - started, 2)
        if not self.console.is_terminal:
            self.console.print(f"[{self.phases_s[title]:6.1f} s] {title}: {last}", markup=False, soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """One line."""
        self.console.print(text, style=style or None, markup=False, soft_wrap=True)

    def event(self, text: str) -> None:
        """Something went wrong and the run goes on."""
        self.events.append(text)
        self.say(f"! {text}", "yellow")

    def table(self, summary: Summary) -> None:
        """The result."""
        table = Table(title="Success on each robot's fault", title_justify="left")
        for name, justify in (
            ("robot", "left"), ("fault", "left"), ("before", "right"), ("after", "right"),
            ("no adaptation", "right"), ("fine-tuned", "right"), ("in the shared world", "left"),
        ):  # fmt: skip
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for robot in summary.robots:
            arrival = f"on the {robot.goal} pad" if robot.reached else f"not on the {robot.goal} pad"
            touched = f", {robot.contacts} contacts" if robot.contacts else ""
            table.add_row(
                robot.name, robot.fault, f"{robot.before:.0%}", f"{robot.after:.0%}",
                _share(robot.no_adaptation), _share(robot.finetune), arrival + touched,
            )  # fmt: skip
        self.console.print(table)
        last = summary.rounds[-1] if summary.rounds else None
        self.say(
            f"{len(summary.rounds)} rounds, {summary.bytes_per_round / 1e3:.0f} kB each"
            + (f", {last.success_after:.0%} of the last round's tasks mastered after one inner step" if last else "")
        )
        self.say(
            f"ONNX parity {summary.onnx.parity_max_abs:.1e}, inference p50 {summary.onnx.p50_us:.0f} us,"
            f" p99 {summary.onnx.p99_us:.0f} us; control {summary.control.rate_hz:.0f} Hz,"
            f" {summary.control.missed_deadlines} of {summary.control.ticks} deadlines missed"
        )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"

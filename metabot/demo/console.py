"""What a demo run tells its user while it works."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Iterator
from typing import TypeGuard

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from metabot.demo.summary import MORE, Summary
from metabot.meta.dagger_schedule import helped_by

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
        # Here, because reports bring what draws them.
        from metabot.demo.report.words import sent_to_pads

        table = Table(title="Success on each robot's fault", title_justify="left")
        drives = sent_to_pads(summary.task)
        # A quick run leaves the larger budget out.
        more = any(_known(robot.no_adaptation_more) for robot in summary.robots)
        for name in ("robot", "fault"):
            table.add_column(name)
        budget = (f"{MORE} x budget",) if more else ()
        for name in ("before", "after", "no adaptation", *budget, "fine-tuned"):
            table.add_column(name, justify="right")
        table.add_column("in the shared world")
        for robot in summary.robots:
            done = f"on the {robot.goal} pad" if drives else "done"
            arrival = done if robot.reached else f"not {done}"
            touched = f", {robot.contacts} contacts" if robot.contacts else ""
            rates = [robot.before, robot.after, robot.no_adaptation]
            rates += [robot.no_adaptation_more, robot.finetune] if more else [robot.finetune]
            table.add_row(robot.name, robot.fault, *map(_share, rates), arrival + touched)
        self.console.print(table)
        matrix = summary.cross_matrix
        if matrix is not None and _known(matrix.off_diagonal):
            self.say(
                f"Adapted to one of {len(matrix.faults)} faults and driven with another:"
                f" success {_share(matrix.off_diagonal)} on average, at most {_share(matrix.largest)}"
            )
        if summary.rounds:
            last = summary.rounds[-1]
            self.say(
                f"{len(summary.rounds)} rounds, {summary.bytes_per_round / 1e3:.0f} kB each,"
                f" {last.success_after:.0%} of the last round's tasks mastered after adaptation"
                f"{helped_by(last.expert_share)}"
            )
        self.say(
            f"ONNX parity {summary.onnx.parity_max_abs:.1e}, inference p50 {summary.onnx.p50_us:.0f} us,"
            f" p99 {summary.onnx.p99_us:.0f} us; control {summary.control.rate_hz:.0f} Hz,"
            f" {summary.control.missed_deadlines} of {summary.control.ticks} deadlines missed"
        )


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _share(value: float | None) -> str:
    return f"{value:.0%}" if _known(value) else "-"

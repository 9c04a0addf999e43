"""Charts of a run as SVG: success over rounds, one bar per round, phases as one bar."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from metabot.demo.report.svg import number, picture, points, tag, text

WIDTH = 480.0
_LEFT, _RIGHT = 46.0, 12.0
PHASE_CLASSES = 9
"""How many tints the page's style has for phases."""


def success_curves(before: Sequence[float], after: Sequence[float], marked: set[int]) -> Markup:
    """Success before and after adaptation over rounds.

    Args:
        before: by round, 0..1; a number that is not finite leaves a gap.
        after: likewise.
        marked: indices of rounds in which something was missing or refused.
    """
    height, top, bottom = 250.0, 34.0, 34.0
    plot = _Plot(len(before), top, height - bottom, 1.0)
    drawn: list[Markup] = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawn += plot.rule(value, f"{value:.0%}".replace("%", " %"))
    drawn += plot.rounds(height)
    for index in sorted(marked):
        x = plot.x(index)
        peak = points([(x - 5, top - 9), (x + 5, top - 9), (x, top - 1)])
        drawn.append(tag("line", x1=x, y1=top, x2=x, y2=height - bottom, class_="mark"))
        drawn.append(
            tag("polygon", tag("title", f"round {index + 1}: something was missing"), points=peak, class_="flag")
        )
    for values, class_ in ((before, "before"), (after, "after")):
        for run in _runs(values):
            drawn.append(
                tag("polyline", points=points((plot.x(i), plot.y(values[i])) for i in run), class_=f"curve {class_}")
            )
            # Dots would only thicken a line of many rounds; a lone round has nothing else.
            if len(values) <= 40 or len(run) == 1:
                drawn += [tag("circle", cx=plot.x(i), cy=plot.y(values[i]), r=3, class_=f"dot {class_}") for i in run]
    key = _key([("curve after", "after adaptation"), ("curve before", "before it")], bool(marked))
    title = "Success of the adaptation episodes over rounds, before and after adaptation"
    return picture(WIDTH, height, title, "success", *drawn, *key)


def round_bars(values: Sequence[float], unit: str, title: str, identifier: str) -> Markup:
    """One bar per round.

    Args:
        values: by round; what is not finite has no bar.
        unit: of the values, for the axis.
        title: what the chart shows.
        identifier: unique in the page.
    """
    height, top, bottom = 190.0, 26.0, 34.0
    finite = [value for value in values if math.isfinite(value)]
    ceiling, step = nice_ceiling(max(finite, default=0.0))
    plot = _Plot(len(values), top, height - bottom, ceiling)
    drawn: list[Markup] = []
    for index in range(round(ceiling / step) + 1):
        drawn += plot.rule(index * step, number(index * step, 3))
    drawn += plot.rounds(height)
    for index, value in enumerate(values):
        if math.isfinite(value) and value > 0:
            y = plot.y(value)
            label = tag("title", f"round {index + 1}: {number(value, 3)} {unit}")
            wide = plot.pitch * 0.72
            drawn.append(
                tag("rect", label, x=plot.x(index) - wide / 2, y=y, width=wide, height=plot.bottom - y, class_="bar")
            )
    return picture(WIDTH, height, title, identifier, text(0, 12, unit), *drawn)


def phase_bar(phases_s: dict[str, float]) -> Markup:
    """How long each phase took, as parts of one bar."""
    total = sum(phases_s.values())
    drawn, x, width = [], 0.0, 2 * WIDTH
    for index, (name, seconds) in enumerate(phases_s.items()):
        wide = width * seconds / total if total > 0 else 0.0
        class_ = f"phase phase-{index % PHASE_CLASSES}"
        drawn.append(
            tag("rect", tag("title", f"{name}: {seconds:.1f} s"), x=x, y=0, width=wide, height=26, class_=class_)
        )
        x += wide
    return picture(width, 26.0, "How long each phase of the run took", "phases", *drawn)


def nice_ceiling(largest: float, steps: int = 4) -> tuple[float, float]:
    """The top of an axis and the distance of its lines, both round.

    Example:
        >>> nice_ceiling(37.0)
        (40.0, 10.0)
    """
    if largest <= 0:
        return (1.0, 0.5)
    rough = largest / steps
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))
    return (math.ceil(largest / step - 1e-9) * step, step)


class _Plot:
    """Where rounds and values lie in a chart."""

    def __init__(self, rounds: int, top: float, bottom: float, ceiling: float) -> None:
        self.count, self.top, self.bottom, self.ceiling = rounds, top, bottom, ceiling
        self.pitch = min((WIDTH - _LEFT - _RIGHT) / max(rounds, 1), 80.0)

    def x(self, index: int) -> float:
        return _LEFT + (index + 0.5) * self.pitch

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * min(max(value / self.ceiling, 0.0), 1.0)

    def rule(self, value: float, label: str) -> list[Markup]:
        """A line across at a value, and its label."""
        y = self.y(value)
        return [
            tag("line", x1=_LEFT, y1=y, x2=WIDTH - _RIGHT, y2=y, class_="rule" if value > 0 else "axis"),
            text(_LEFT - 6, y + 4.5, label, "end"),
        ]

    def rounds(self, height: float) -> list[Markup]:
        """Numbers of rounds under the axis: as many as fit."""
        every = next(
            step * 10**power
            for power in range(6)
            for step in (1, 2, 5)
            if step * 10**power * self.pitch >= 26 or power == 5
        )
        shown = [index for index in range(self.count) if (index + 1) % every == 0 or every == 1]
        labels = [text(self.x(index), self.bottom + 16, str(index + 1), "middle") for index in shown]
        return [*labels, text(WIDTH - _RIGHT, height - 3, "round", "end")]


def _runs(values: Sequence[float]) -> list[list[int]]:
    """Indices of consecutive finite values."""
    runs: list[list[int]] = [[]]
    for index, value in enumerate(values):
        if math.isfinite(value):
            runs[-1].append(index)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _key(curves: list[tuple[str, str]], flags: bool) -> list[Markup]:
    x, drawn = _LEFT, []
    for class_, label in curves:
        drawn += [tag("line", x1=x, y1=11, x2=x + 22, y2=11, class_=class_), text(x + 28, 15.5, label)]
        x += 46 + 7 * len(label)
    if flags:
        drawn.append(tag("polygon", points=points([(x, 7), (x + 10, 7), (x + 5, 15)]), class_="flag"))
        drawn.append(text(x + 15, 15.5, "missing or refused"))
    return drawn

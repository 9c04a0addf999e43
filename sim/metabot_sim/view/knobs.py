"""Which hidden dynamics a page has sliders for, and between which values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from metabot.task import OF_OBJECTS, WHOLE_DYNAMICS, Interval, RobotDynamics, TaskSpec
from metabot_sim.episodes import OBJECT_DYNAMICS, ROBOT_DYNAMICS
from metabot_sim.families.base import Family

_AT_ONCE = {
    "drive_gain",
    "steer_gain",
    "steer_bias",
    "delay_steps",
    "dead",
    "wheel_left",
    "wheel_right",
    "wheels_swapped",
}
"""What acts on commands; the rest is written into the model when an episode starts."""
_OBJECT_MEANING = {
    "mass_kg": "Mass in kg.",
    "size": "Factor on the size.",
    "friction": "Sliding friction.",
}
_STEPS = 100
"""A slider has at least so many positions."""


@dataclass(frozen=True)
class Knob:
    """One hidden quantity of every robot, or of every object.

    Attributes:
        name: as the family calls it; those of objects begin with ``object_``.
        of_object: whether objects have it, and not robots.
        column: in `EpisodeBatch.robot_dynamics` or `EpisodeBatch.object_dynamics`.
        low: least value of the slider: training, held-out and healthy values are all within.
        high: greatest value.
        whole: whether only whole numbers make sense.
        at_once: whether a change acts in the running episode; if not, the episode starts again.
        hint: what it is, its ranges and when it acts, for a tooltip.
    """

    name: str
    of_object: bool
    column: int
    low: float
    high: float
    whole: bool
    at_once: bool
    hint: str

    @property
    def label(self) -> str:
        """What to call it beside the name of a robot or object."""
        return self.name.removeprefix(OF_OBJECTS) if self.of_object else self.name

    @property
    def step(self) -> float:
        """Distance of two positions: a power of ten."""
        if self.whole:
            return 1.0
        span = self.high - self.low
        return 10.0 ** math.floor(math.log10(span / _STEPS)) if span > 0.0 else 0.01

    def shown(self, value: float) -> float:
        """The nearest value that the slider can show."""
        digits = 0 if self.whole else max(0, round(-math.log10(self.step)))
        return min(max(round(value, digits), self.low), self.high)


def knobs(family: Family, spec: TaskSpec) -> tuple[Knob, ...]:
    """A knob for each quantity that the family varies, in training or held out.

    Args:
        family: whose ranges.
        spec: the scene; it says what is healthy for objects.
    """
    names = dict.fromkeys([*family.dynamics, *family.held_out])
    return tuple(_knob(name, family, spec) for name in names if spec.objects or not name.startswith(OF_OBJECTS))


def _knob(name: str, family: Family, spec: TaskSpec) -> Knob:
    of_object = name.startswith(OF_OBJECTS)
    field = name.removeprefix(OF_OBJECTS) if of_object else name
    if of_object:
        healthy = [1.0] if field == "size" else [float(getattr(thing, field)) for thing in spec.objects]
        meaning = _OBJECT_MEANING[field]
    else:
        healthy = [float(getattr(RobotDynamics(), field))]
        meaning = (RobotDynamics.model_fields[field].description or "").replace("\n", " ")
    training, held_out = family.dynamics.get(name), family.held_out.get(name)
    ends = [*healthy, *_ends(training), *_ends(held_out)]
    at_once = not of_object and field in _AT_ONCE
    acts = "Acts at once." if at_once else "A change starts the episode again."
    return Knob(
        name=name,
        of_object=of_object,
        column=(OBJECT_DYNAMICS if of_object else ROBOT_DYNAMICS).index(field),
        low=min(ends),
        high=max(ends),
        whole=field in WHOLE_DYNAMICS,
        at_once=at_once,
        hint=f"{meaning} Training {_said(training)}, held out {_said(held_out or training)}. {acts}",
    )


def _ends(interval: Interval | None) -> tuple[float, ...]:
    if interval is None:
        return ()
    return (-interval.high, interval.high) if interval.signed else (interval.low, interval.high)


def _said(interval: Interval | None) -> str:
    if interval is None:
        return "healthy"
    return f"{'±' if interval.signed else ''}{interval.low:g} to {interval.high:g}"

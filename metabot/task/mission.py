"""What a sentence can say: the spoken part of a task, the language model's output."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from metabot.task.model import SpecModel

PadColor = Literal["red", "green", "blue", "yellow", "orange", "purple"]
"""Colours that a sentence can name."""
PAD_COLORS: tuple[PadColor, ...] = get_args(PadColor)
Color = Literal[PadColor, "cyan", "magenta", "white", "black", "brown", "gray", "lime", "navy", "teal", "olive"]
"""Colours that a specification can name: one pad for each of sixteen robots."""
COLOR_NAMES: tuple[Color, ...] = (
    *PAD_COLORS,
    "cyan",
    "magenta",
    "white",
    "black",
    "brown",
    "gray",
    "lime",
    "navy",
    "teal",
    "olive",
)


class Mission(SpecModel):
    """The part of a `TaskSpec` that a sentence states; everything else has a default.

    The language model decodes under this class's JSON schema. `place` turns a mission
    into a full `TaskSpec` with positions.

    Example:
        >>> Mission(goals=("red", "green")).robots
        2
    """

    family: Literal["drive-goal"] = "drive-goal"
    """The task family."""
    goals: Annotated[tuple[PadColor, ...], Field(min_length=1, max_length=len(PAD_COLORS))]
    """Colour of each robot's pad; robot i+1 drives to `goals[i]`. Colours are distinct."""
    contact: Literal["forbidden", "allowed"] = "forbidden"
    """Whether robots may touch each other on the way."""
    time_limit_s: Annotated[int, Field(ge=5, le=120)] = 30
    """Seconds within which every robot has to be on its pad."""

    @field_validator("goals")
    @classmethod
    def _distinct(cls, goals: tuple[PadColor, ...]) -> tuple[PadColor, ...]:
        for index, color in enumerate(goals):
            if color in goals[:index]:
                raise ValueError(f"two robots cannot share the {color} pad; pads: {', '.join(PAD_COLORS)}")
        return goals

    @property
    def robots(self) -> int:
        """Number of robots the mission needs."""
        return len(self.goals)

"""What a user says of a robot beside its file, where it cannot be read from it: `Description`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


def beside(path: Path) -> Path:
    """Where it lies: ``robot.xml`` may have a ``robot.metabot.json`` beside it."""
    return path.with_name(f"{path.stem}.metabot.json")


class Description(BaseModel):
    """Names of parts, and limits. All of it may be left out.

    Attributes:
        base: the body that holds all of the robot.
        left: joints of the driven wheels on the left.
        right: the same on the right.
        chassis: the geom that takes the robot's colour.
        hand: of an arm, the body that holds the fingers.
        fingers: of an arm, the bodies of its two fingertips.
        gripper: of an arm, the actuator that opens and shuts them.
        tool: of an arm without a gripper, the site or body on its last link that it works with.
        max_speed_mps: forward speed at full command.
        max_yaw_rate_radps: yaw rate at full command.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str | None = None
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    chassis: str | None = None
    hand: str | None = None
    fingers: tuple[str, str] | None = None
    gripper: str | None = None
    tool: str | None = None
    max_speed_mps: float | None = Field(default=None, gt=0.0, le=20.0)
    max_yaw_rate_radps: float | None = Field(default=None, gt=0.0, le=20.0)

    @classmethod
    def of(cls, path: Path) -> Description:
        """What lies beside a robot's file; nothing is said where nothing does.

        Raises:
            ValueError: if it cannot be read; one line.
        """
        mine = beside(path)
        if not mine.is_file():
            return cls()
        try:
            return cls.model_validate_json(mine.read_bytes())
        except ValidationError as problem:
            first = problem.errors()[0]
            field = ".".join(map(str, first["loc"])) or "JSON"
            allowed = ", ".join(cls.model_fields)
            raise ValueError(f"{mine.name}: {field}: {first['msg'].lower()}; wanted: of {allowed}") from None

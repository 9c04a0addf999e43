"""The pydantic base of every specification: frozen, strict about names, one-line errors."""

from __future__ import annotations

from reprlib import Repr
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

SpecT = TypeVar("SpecT", bound="SpecModel")
_SHORT = Repr()
# A file that is no specification at all is named, not shown.
_SHORT.maxstring = _SHORT.maxother = 60


class SpecError(ValueError):
    """A specification a user wrote is wrong; the message is one line and names the field."""


class SpecModel(BaseModel):
    """Base of all specifications.

    Frozen, so that a spec can be hashed, shared between threads and compared; unknown
    fields are refused, so that a misspelt name is never silently ignored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls: type[SpecT], data: str | dict[str, Any]) -> SpecT:
        """Build the spec from JSON text or a dictionary.

        Raises:
            SpecError: with one line that names the field, its value and what is allowed.
        """
        try:
            if isinstance(data, str):
                return cls.model_validate_json(data)
            return cls.model_validate(data)
        except ValidationError as error:
            raise SpecError(one_line(error, cls.__name__)) from None


def one_line(error: ValidationError, what: str) -> str:
    """Say the first problem of a pydantic error in one line, and how many more there are."""
    problems = error.errors(include_url=False)
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"]) or what
    message = first["msg"].removeprefix("Value error, ")
    value = first.get("input")
    shown = "" if isinstance(value, (dict, list)) or value is None else f" (got {_SHORT.repr(value)})"
    more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{field}: {message}{shown}{more}"

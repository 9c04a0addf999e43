"""Configurations of methods: frozen dataclasses whose fields can be set from words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

ConfigT = TypeVar("ConfigT")


def configured(kind: type[ConfigT], settings: Mapping[str, Any]) -> ConfigT:
    """A configuration with some fields set.

    Args:
        kind: a dataclass.
        settings: values by field name; strings are read as the type of the field's default.

    Raises:
        ValueError: if a name is unknown or a value is none of the field's; one line.
    """
    defaults = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in defaults:
            raise ValueError(f"{name}: no such setting; allowed: {', '.join(defaults)}")
        values[name] = _read(name, value, defaults[name]) if isinstance(value, str) else value
    return kind(**values)


def _read(name: str, text: str, default: Any) -> Any:
    wanted = type(default)
    if wanted is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name}: {text!r}; allowed: true, false")
        return text.lower() == "true"
    if wanted is tuple:
        return tuple(int(part) for part in text.split(","))
    try:
        return wanted(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no {wanted.__name__}") from None

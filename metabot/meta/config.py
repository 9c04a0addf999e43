"""Configurations of methods: frozen dataclasses whose fields can be set from words."""

from __future__ import annotations

import json
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


def set_fields(config: Any) -> dict[str, Any]:
    """Fields of a configuration that differ from its defaults."""
    return {each.name: value for each in fields(config) if (value := getattr(config, each.name)) != each.default}


def settings_of(text: str) -> dict[str, Any]:
    """Settings of a method from a JSON object; "" has none.

    Raises:
        ValueError: if it is none; one line.
    """
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise ValueError(f"settings: no JSON ({problem})") from None
    if not isinstance(found, dict):
        raise ValueError(f'settings: {text!r} is no JSON object such as {{"inner_steps": 2}}')
    return with_tuples(found)


def with_tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a configuration as they were before JSON made lists of tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def above_zero(config: Any, *names: str) -> None:
    """Refuse fields that are not above zero.

    Raises:
        ValueError: naming the first such field.
    """
    for name in names:
        if not getattr(config, name) > 0.0:
            raise ValueError(f"{name}: {getattr(config, name)} is not above 0")


def at_least_one(config: Any, *names: str) -> None:
    """Refuse fields that are below one.

    Raises:
        ValueError: naming the first such field.
    """
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name}: {getattr(config, name)} is below 1")


def _read(name: str, text: str, default: Any) -> Any:
    wanted = type(default)
    if wanted is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name}: {text!r}; allowed: true, false")
        return text.lower() == "true"
    if wanted is tuple:
        try:
            return tuple(int(part) for part in text.split(",") if text.strip())
        except ValueError:
            raise ValueError(f"{name}: {text!r} is no list of whole numbers such as 64,64") from None
    try:
        return wanted(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no {wanted.__name__}") from None

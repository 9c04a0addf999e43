"""Command line options that are the keyword-only parameters of a function."""

from __future__ import annotations

import argparse
import inspect
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

_READABLE = (int, float, str, Path)
Reader = Callable[[str], Any]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def read(name: str, function: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    """Values of a function's keyword-only parameters.

    A parameter ``some_name: int`` is read from ``--some-name 3``, one of type bool from its name
    alone, a `Literal` only as one of its values, a tuple with commas between them.

    Args:
        name: what the function is called in messages.
        function: whose parameters they are.
        words: of the command line.

    Raises:
        ValueError: if a word is no parameter or a value cannot be one; one line.
    """
    parser = _Parser(prog=name, add_help=False, allow_abbrev=False)
    for parameter, (kind, choices) in _options(function).items():
        flag = "--" + parameter.replace("_", "-")
        if kind is bool:
            parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS)
        else:
            parser.add_argument(flag, type=kind, choices=choices, default=argparse.SUPPRESS)
    found, unknown = parser.parse_known_args(words)
    if unknown:
        raise ValueError(f"{unknown[0]}: {name} has no use for it; allowed: {usage(function) or 'no options'}")
    return vars(found)


def usage(function: Callable[..., Any]) -> str:
    """The options in one line."""
    shown = []
    for parameter, (kind, choices) in _options(function).items():
        value = "" if kind is bool else f" {'|'.join(choices) if choices else getattr(kind, '__name__', '').upper()}"
        shown.append(f"[--{parameter.replace('_', '-')}{value}]")
    return " ".join(shown)


class _Several:
    """Reads values of one type with commas between them."""

    def __init__(self, kind: type) -> None:
        self._kind, self.__name__ = kind, f"{kind.__name__},..."

    def __call__(self, word: str) -> tuple[Any, ...]:
        return tuple(self._kind(each) for each in word.split(","))


def _options(function: Callable[..., Any]) -> dict[str, tuple[Reader, tuple[str, ...] | None]]:
    """What reads a word, and its choices, of every keyword-only parameter that a word can be."""
    hints = typing.get_type_hints(function)
    found: dict[str, tuple[Reader, tuple[str, ...] | None]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        hint = hints[name]
        if typing.get_origin(hint) is tuple:
            if (kind := typing.get_args(hint)[0]) in _READABLE:
                found[name] = (_Several(kind), None)
            continue
        for kind in (hint, *typing.get_args(hint)):
            if typing.get_origin(kind) is Literal:
                found[name] = (str, typing.get_args(kind))
            elif kind in (bool, *_READABLE):
                found[name] = (kind, None)
            else:
                continue
            break
    return found

"""Robots named one by one are put in order before the model sees them.

"robot 2 to blue, robot 1 to red" and "robot 1 to red, robot 2 to blue" ask for the same. A model
of this size learns to list pads as they come, but hardly to sort them; where the words leave no
doubt about which pad belongs to which robot, sorting is left to code.
"""

from __future__ import annotations

import re

from metabot.language.words import ORDINALS
from metabot.task.mission import PAD_COLORS

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)?")
_SHORT_ORDINAL = re.compile(r"\b([1-6])(?:st|nd|rd|th)\b", re.IGNORECASE)
_UNITS = {"s", "sec", "secs", "second", "seconds", "min", "mins", "minute", "minutes"}


def in_order(text: str) -> str:
    """A text whose robots, if named one by one without doubt, come in order of their numbers.

    Args:
        text: with numbers in digits (`numerals.in_digits`).

    Example:
        >>> in_order("red is for robot 2, blue for robot 1")
        'blue is for robot 1, red for robot 2'
    """
    text = _SHORT_ORDINAL.sub(lambda found: ORDINALS[int(found[1]) - 1], text)
    names, colors = _slots(text)
    pads = _pairs(names, colors)
    if not pads:
        return text
    swaps: list[tuple[re.Match[str], str]] = []
    for rank, (name, color) in enumerate(zip(names, colors, strict=True), 1):
        swaps.append((name[0], ORDINALS[rank - 1] if name[0][0].lower() in ORDINALS else str(rank)))
        swaps.append((color, pads[rank]))
    for word, new in sorted(swaps, key=lambda swap: swap[0].start(), reverse=True):
        text = text[: word.start()] + new + text[word.end() :]
    return text


def named_pads(text: str) -> dict[int, str]:
    """The pad of each robot where the order of words leaves no doubt; empty elsewhere.

    No doubt: names and colours take turns ("red for robot 2, blue for robot 1"), or there is a
    row of names and a row of as many colours ("robots 2 and 1 to blue and red").
    """
    return _pairs(*_slots(_SHORT_ORDINAL.sub(lambda found: ORDINALS[int(found[1]) - 1], text)))


def _slots(text: str) -> tuple[list[tuple[re.Match[str], int]], list[re.Match[str]]]:
    """Names of robots with their numbers, and colours, as they come."""
    found = list(_WORD.finditer(text))
    words = [word[0].lower() for word in found]
    names: dict[int, int] = {}
    for at, word in enumerate(words):
        if re.fullmatch("[1-6]", word) and words[at + 1 : at + 2] not in ([unit] for unit in _UNITS):
            names[at] = int(word)
        elif word in ORDINALS and not (at and words[at - 1][0].isdecimal()):
            names[at] = ORDINALS.index(word) + 1
    before = {words[at - 1] for at in names if at}
    ones = [at for at, word in enumerate(words) if at and word == "one" and words[at - 1] in before - set(PAD_COLORS)]
    if len(ones) == 1 and 1 not in names.values():
        names[ones[0]] = 1  # "robot one ..., robot two ...", but not "two robots, one each"
    return [(found[at], names[at]) for at in sorted(names)], [
        found[at] for at, word in enumerate(words) if word in PAD_COLORS
    ]


def _pairs(names: list[tuple[re.Match[str], int]], colors: list[re.Match[str]]) -> dict[int, str]:
    number = len(names)
    said = [color[0].lower() for color in colors]
    if number < 2 or {name for _, name in names} != set(range(1, number + 1)):
        return {}
    if len(said) != number or len(set(said)) != number:
        return {}
    places = [(word.start(), "N") for word, _ in names] + [(word.start(), "C") for word in colors]
    kinds = "".join(kind for _, kind in sorted(places))
    if kinds not in ("NC" * number, "CN" * number, "N" * number + "C" * number, "C" * number + "N" * number):
        return {}
    return {name: color for (_, name), color in zip(names, said, strict=True)}

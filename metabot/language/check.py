"""What a sentence says in so many words, held against what the model read in it.

The model may generalise; the colours, numbers and times of a mission may not come from
nowhere. A reading that contradicts these words is not a mission, however sure the model is.
"""

from __future__ import annotations

import re

from metabot.language.lexicon import ROBOT
from metabot.language.numerals import in_digits
from metabot.language.order import named_pads
from metabot.language.words import TENS, UNITS, near, plural
from metabot.task.mission import PAD_COLORS, Mission

_SHORTEST_S, _LONGEST_S = 5, 120
_DEFAULT_TIME_S = Mission.model_fields["time_limit_s"].default
_NUMBERS = {word: value for value, word in enumerate(UNITS)} | {
    word: 10 * value for value, word in enumerate(TENS) if word
}
_SECONDS = {"s", "sec", "secs", "second", "seconds"}
_MINUTES = {"min", "mins", "minute", "minutes"}
_MENDED = ("second", "seconds", "minute", "minutes", "hundred", *(word for word in _NUMBERS if len(word) >= 6))
"""Words in which one wrong letter is put right. Not shorter numbers: "right" is no "eight", "fifth" no "fifty"."""
_EVERYONE = {"both", "every", "everyone", "everybody"}
_HARMLESS_NO = r"\b(do not|don't|dont|does not|doesn't|doesnt) (mind|worry|matter)|no (problem|harm)|never mind"
_PERMISSION = r"\b(may|can|fine|okay|ok|alright|allowed|permitted|free to|even if)\b"
_BAN = r"\b(no(?! \d| more)|not|never|without|forbidden|avoid\w*|off limits|don't|dont|mustn't|can't|cannot)\b"
_COUNT_REACH = 3
"""A count stands at most this many words before its robots: "three of the robots"."""
_ROBOTS = {plural(noun.split()[-1]) for noun in ROBOT.train}


def words_of(sentence: str) -> list[str]:
    """Lower-case words and numbers of a sentence: letters and digits part, "1.5" stays whole."""
    return re.findall(r"\d+(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)?", sentence.lower())


def named_colors(words: list[str]) -> set[str]:
    """Catalogue colours among the words; longer ones with at most one wrong letter."""
    return {color for word in words for color in PAD_COLORS if _is_color(word, color)}


def _is_color(word: str, color: str) -> bool:
    return word == color or (len(word) >= 4 and len(color) >= 4 and near(word, color))


def contradiction(sentence: str, mission: Mission) -> str | None:
    """The first way in which a mission contradicts its sentence, or None."""
    words = [_mended(word) for word in words_of(sentence)]
    colors = named_colors(words)
    twice = next((word for word in PAD_COLORS if words.count(word) > 1), None)
    if twice:
        return f"the {twice} pad is named twice, and two robots cannot share a pad"
    if colors and colors != set(mission.goals):
        return f"the sentence names {_and(colors)}, I read {_and(set(mission.goals))}"
    if not colors and mission.goals != PAD_COLORS[: mission.robots]:
        return f"no colour is named, I read {_and(set(mission.goals))}"
    if mission.robots == 1 and _several(words):
        return "the sentence speaks of several robots and names one pad"
    if mission.contact == "allowed" and not _permits(words):
        return "I read that robots may touch, and no word of the sentence allows it"
    numbers = _numbers(words)
    seconds, used = _spoken_seconds(words, numbers)
    if (_DEFAULT_TIME_S if seconds is None else seconds) != mission.time_limit_s:
        if seconds is not None and not _SHORTEST_S <= seconds <= _LONGEST_S:
            return f"a time limit is {_SHORTEST_S} to {_LONGEST_S} whole seconds, not {seconds:g}"
        said = "no time limit" if seconds is None else f"{seconds:g} s"
        return f"the sentence gives {said}, I read {mission.time_limit_s} s"
    names: set[float] = set()
    for start, (value, end) in numbers.items():
        if start in used or words[start] == "one":
            continue
        counted = any(word in _ROBOTS for word in words[end : end + _COUNT_REACH])
        if value > mission.robots or (counted and value != mission.robots):
            return f"the sentence says {value:g}, I read pads for {mission.robots} robot(s)"
        if value in names and not counted:
            return f"{value:g} is said twice, and a robot can only drive to one pad"
        names.add(value)
    for robot, color in named_pads(in_digits(sentence)).items():
        if mission.goals[robot - 1 : robot] != (color,):
            return f"the sentence has {color} for robot {robot}, I read another pad for it"
    return None


def _mended(word: str) -> str:
    if word in _MENDED or word in _NUMBERS:
        return word
    return next((right for right in _MENDED if near(word, right)), word)


def _several(words: list[str]) -> bool:
    """Whether "all robots" or "both" are spoken of."""
    return any(word in _EVERYONE for word in words) or any(
        word == "all" and set(words[index + 1 : index + 1 + _COUNT_REACH]) & _ROBOTS for index, word in enumerate(words)
    )


def _permits(words: list[str]) -> bool:
    """Whether contact is allowed in words: a permission that nothing negates.

    Taking a ban for a permission is the one misreading that can cost a robot.
    """
    text = re.sub(_HARMLESS_NO, "fine", " ".join(words).replace("’", "'"))
    return bool(re.search(_PERMISSION, text)) and not re.search(_BAN, text)


def _numbers(words: list[str]) -> dict[int, tuple[float, int]]:
    """Numbers by the index of their first word: value and the index behind their last word."""
    found: dict[int, tuple[float, int]] = {}
    index = 0
    while index < len(words):
        value, end = _number_at(words, index)
        if end > index:
            found[index] = (value, end)
        index = max(end, index + 1)
    return found


def _number_at(words: list[str], start: int) -> tuple[float, int]:
    """The number whose first word is at `start`, and the index behind it; that is `start` if there is none."""
    if words[start][0].isdecimal() and words[start].isascii():
        return float(words[start]), start + 1
    total, index, room = 0, start, 100  # room: the next word has to be a smaller number than this
    while index < len(words):
        value = _NUMBERS.get(words[index])
        if value is not None and value < room and (value > 0 or index == start):
            total, room = total + value, 10 if value >= 20 else 0
        elif words[index] == "hundred" and total < 10:
            total, room = 100 * max(total, 1), 100
        elif not (
            words[index] == "and"
            and room == 100 <= total
            and any(word in _NUMBERS for word in words[index + 1 : index + 2])
        ):
            break
        index += 1
    return float(total), index


def _spoken_seconds(words: list[str], numbers: dict[int, tuple[float, int]]) -> tuple[float | None, set[int]]:
    """The time a sentence gives, in seconds, and the numbers that went into it."""
    text = " ".join(words)
    seconds: float | None = None
    used: set[int] = set()
    for start, (value, end) in numbers.items():
        unit = words[end] if end < len(words) else ""
        if words[end : end + 3] == ["and", "a", "half"] and words[end + 3 : end + 4] in (["minutes"], ["mins"]):
            value, unit = value + 0.5, "minutes"
        if unit in _SECONDS or unit in _MINUTES:
            seconds = (seconds or 0.0) + value * (60 if unit in _MINUTES else 1)
            used.add(start)
    if re.search(r"\bhalf a min", text):
        seconds = (seconds or 0.0) + 30
    elif re.search(r"\bquarter of a min", text):
        seconds = (seconds or 0.0) + 15
    elif re.search(r"\ba min(ute)?\b", text):
        seconds = (seconds or 0.0) + 60 + (30 if re.search(r"\ba min(ute)? and a half", text) else 0)
    return seconds, used


def _and(colors: set[str]) -> str:
    return ", ".join(color for color in PAD_COLORS if color in colors)

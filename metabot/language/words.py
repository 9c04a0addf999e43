"""Small word helpers: numbers, ordinals, plurals, verb forms, invented words, near matches."""

from __future__ import annotations

import random

# fmt: off
UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
SHORT_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th")

_IRREGULAR = {"person": "people", "child": "children", "man": "men", "woman": "women", "mouse": "mice", "have": "has"}


def spell(number: int, *, hyphen: bool = True) -> str:
    """The English words of a whole number in 0..999.

    Example:
        >>> spell(25), spell(120)
        ('twenty-five', 'a hundred and twenty')
    """
    if number < 20:
        return UNITS[number]
    if number < 100:
        tens, unit = divmod(number, 10)
        return TENS[tens] + (("-" if hyphen else " ") + UNITS[unit] if unit else "")
    hundreds, rest = divmod(number, 100)
    head = "a hundred" if hundreds == 1 else f"{UNITS[hundreds]} hundred"
    return head + (f" and {spell(rest, hyphen=hyphen)}" if rest else "")


def plural(noun: str) -> str:
    """The plural of an English noun phrase, by its last word."""
    head, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{head} {last}" if head else last


def third_person(verb: str) -> str:
    """`drive over` -> `drives over`: the form that follows "robot 1"."""
    first, _, rest = verb.partition(" ")
    if first in _IRREGULAR:
        first = _IRREGULAR[first]
    elif first.endswith(("s", "x", "ch", "sh", "o")):
        first += "es"
    elif first.endswith("y") and first[-2:-1] not in "aeiou":
        first = first[:-1] + "ies"
    else:
        first += "s"
    return f"{first} {rest}" if rest else first


_ONSETS = (
    *("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gl", "h", "j", "k", "l", "m", "n", "p", "pl", "qu", "r"),
    *("s", "sc", "sh", "sk", "sl", "st", "str", "sw", "t", "tr", "v", "w", "wh", "z", ""),
)
_VOWELS = ("a", "e", "i", "o", "u", "oo", "ea", "ai", "ou", "ee")
_ENDS = ("n", "t", "ck", "r", "l", "nd", "p", "m", "st", "te", "ble", "ve", "ng", "ze", "de", "rm")


def invented(rng: random.Random) -> str:
    """A pronounceable word of no language, of one to three syllables."""
    syllables = rng.choice((1, 2, 2, 3))
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables)) + rng.choice(_ENDS)


def near(a: str, b: str) -> bool:
    """Whether two words differ by at most one dropped, added, changed or swapped letter."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b[1:]
        or rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    )

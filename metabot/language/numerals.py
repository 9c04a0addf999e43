"""Numbers in words become digits before the model sees them.

A small model learns to copy a number long before it learns to spell one, so "twenty-five" and
"25" are made the same token. "one" alone stays a word: it is a pronoun as often as a number.
"""

from __future__ import annotations

import re

from metabot.language.words import TENS, UNITS

_VALUE = {word: value for value, word in enumerate(UNITS)} | {
    word: 10 * value for value, word in enumerate(TENS) if word
}
_DIGIT = "|".join(UNITS[1:10])
_TEEN = "|".join(sorted(UNITS[10:], key=len, reverse=True))
_BELOW_100 = (
    rf"(?:{'|'.join(filter(None, TENS))})(?:(?:\s*-\s*|\s+)(?:{_DIGIT})\b)?|{_TEEN}|{'|'.join(UNITS[2:10])}|zero"
)
_NUMERAL = re.compile(
    rf"\b(?:(?P<hundreds>a|{_DIGIT})\s+hundred\b(?:\s+(?:and\s+)?(?P<rest>(?:{_BELOW_100}|one)\b))?|(?P<small>{_BELOW_100})\b)",
    re.IGNORECASE,
)

_PHRASES = tuple(
    (re.compile(rf"\b{words}\b", re.IGNORECASE), digits)
    for words, digits in (
        (r"(?:a|one|1) min(?:ute)? and a half", "90 seconds"),
        (r"half a min(?:ute)?", "30 seconds"),
        (r"a quarter of a min(?:ute)?", "15 seconds"),
        ("both", "2"),
    )
)


def in_digits(text: str) -> str:
    """A text with its spelled-out numbers in digits.

    Example:
        >>> in_digits("Twenty-five robots, one in a hundred and two seconds")
        '25 robots, one in 102 seconds'
    """
    for words, digits in _PHRASES:
        text = words.sub(digits, text)
    return _NUMERAL.sub(_digits, text)


def _digits(found: re.Match[str]) -> str:
    hundreds = (found["hundreds"] or "").lower()
    value = 100 * (1 if hundreds == "a" else _VALUE[hundreds]) if hundreds else 0
    words = re.findall(r"[a-z]+", (found["rest"] or found["small"] or "").lower())
    return str(value + sum(_VALUE[word] for word in words))

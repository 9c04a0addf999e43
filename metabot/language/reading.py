"""From a decoded answer to a reading: accept it, or say in one line why not."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metabot.language.answer import Unsupported, parse_answer
from metabot.language.check import contradiction, named_colors, words_of
from metabot.language.words import near
from metabot.task.mission import PAD_COLORS, Mission
from metabot.task.model import SpecError

if TYPE_CHECKING:
    from metabot.language.decode import Answer
    from metabot.language.unsupported import Reason

POSSIBLE = f"I can send 1 to {len(PAD_COLORS)} robots to the {', '.join(PAD_COLORS[:-1])} and {PAD_COLORS[-1]} pads."

_REASONS: dict[Reason, str] = {
    "action": "that is not driving to pads",
    "object": "robots cannot handle objects",
    "place": "that is not the place of a coloured pad",
    "color": "there is no pad of that colour",
    "count": "that is not a number of robots I have",
    "shared-pad": "two robots cannot share a pad",
    "time": "a time limit is 5 to 120 whole seconds",
    "negated": "I need the pads to drive to, not those to stay away from",
    "extra": "I can only have every robot reach one pad, nothing on the way or after it",
    "no-task": "I found no task in that",
}
_FIELDS = (('"time_limit_s":', "the time limit"), ('"contact":', "whether robots may touch"), ('"goals":', "the pads"))
_WHOLE = "whether this is something I can do"


@dataclass(frozen=True)
class Reading:
    """What a sentence was understood to mean."""

    mission: Mission | None
    """The mission; None when the reader abstains."""
    confidence: float
    """Smallest probability of an answer token, 0..1."""
    message: str
    """One line for the user: the mission in words, or what was not understood and what is possible."""
    unknown_words: tuple[str, ...] = ()
    """Words of the sentence that no trained mission holds, in order."""

    @property
    def understood(self) -> bool:
        """Whether there is a mission."""
        return self.mission is not None


def refuse(why: str, confidence: float = 0.0, unknown_words: tuple[str, ...] = ()) -> Reading:
    """A reading without a mission: one line on why, and on what is possible."""
    what = f"I did not understand {_quoted(unknown_words)}: {why}" if unknown_words else f"I cannot do that: {why}"
    return Reading(None, confidence, f"{what}. {POSSIBLE}", unknown_words)


def judge(sentence: str, answer: Answer, *, threshold: float, known: Collection[str]) -> Reading:
    """Decide whether an answer can be trusted.

    Args:
        sentence: what the user said.
        answer: what the model decoded.
        threshold: smallest trusted token log-probability.
        known: words of trained missions, for naming the others.
    """
    confidence = math.exp(answer.log_probability)
    unknown = unknown_words(sentence, known)
    try:
        decoded = parse_answer(answer.text)
    except SpecError as error:
        return refuse(str(error), confidence, unknown)
    if isinstance(decoded, Unsupported):
        return refuse(_REASONS[decoded.unsupported], confidence, unknown)
    against = contradiction(sentence, decoded)
    if against:
        return refuse(against, confidence, unknown)
    if answer.log_probability < threshold:
        return refuse(f"I am unsure about {_doubt(answer)}", confidence, unknown)
    return Reading(decoded, confidence, _in_words(decoded), unknown)


def unknown_words(sentence: str, known: Collection[str]) -> tuple[str, ...]:
    """Words no trained mission holds; a word one letter off a known one counts as known."""
    unknown: dict[str, None] = {}
    for word in words_of(sentence):
        plain = word.replace("’", "'")
        if word[0].isdigit() or plain in known or named_colors([word]):
            continue
        if len(word) >= 6 and any(len(other) >= 6 and near(word, other) for other in known):
            continue
        unknown[word[:32]] = None
    return tuple(unknown)


def _doubt(answer: Answer) -> str:
    """The field with the least likely token and its two best candidates."""
    before = answer.text[: answer.weakest]
    field = next((name for key, name in _FIELDS if key in before), _WHOLE)
    if field == _WHOLE:
        return field
    first, second = (candidate.strip('"{}[],: ') for candidate in answer.candidates)
    if not first or not second:  # a candidate is punctuation: the doubt is whether the list goes on
        return "how many pads there are" if field == "the pads" else field
    digits = before.rsplit(":", 1)[-1] if field == "the time limit" else ""
    return f"{field}: {digits}{first} or {digits}{second}"


def _in_words(mission: Mission) -> str:
    goals = ", ".join(f"robot {index + 1} to {goal}" for index, goal in enumerate(mission.goals))
    contact = "without touching" if mission.contact == "forbidden" else "touching allowed"
    return f"{goals}; {contact}; within {mission.time_limit_s} s."


def _quoted(words: tuple[str, ...]) -> str:
    shown = ", ".join(f'"{word}"' for word in words[:5])
    return shown + (f" and {len(words) - 5} more" if len(words) > 5 else "")

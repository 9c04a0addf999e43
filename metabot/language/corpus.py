"""The synthetic corpus: endless, seeded (sentence, answer) pairs.

A corpus is a function of its seed and split alone, so that a trained model can be made again
from the command on its card, and every figure measured again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from metabot.language.contradictory import contradictory_sentence
from metabot.language.lexicon import Split
from metabot.language.pick import P_NOVEL, Pick
from metabot.language.sentences import mission_sentence
from metabot.language.unsupported import Reason, unsupported_sentence
from metabot.task.mission import Mission

P_UNSUPPORTED = 0.42
P_TYPO = 0.04


@dataclass(frozen=True)
class Example:
    """One pair of the corpus."""

    sentence: str
    mission: Mission | None
    """What the sentence asks for; None if metabot cannot do it."""
    reason: Reason | None = None
    """Why it cannot."""
    novel: frozenset[str] = frozenset()
    """Kinds of phrase in it that training never shows."""

    @property
    def answer(self) -> str:
        """The JSON text the model learns to write, without white space."""
        if self.mission is None:
            return json.dumps({"unsupported": self.reason}, separators=(",", ":"))
        return self.mission.model_dump_json()


def examples(
    seed: int,
    split: Split = "train",
    *,
    unsupported: float = P_UNSUPPORTED,
    p_novel: float = P_NOVEL,
    clean: bool = False,
    contradictory: bool = False,
) -> Iterator[Example]:
    """Endless examples; outside the training split each holds at least one unseen phrase.

    Args:
        seed: the same seed and split give the same examples.
        split: which phrases may be drawn.
        unsupported: share of sentences without a mission, 0..1.
        p_novel: chance of a held-out phrase per slot.
        contradictory: only sentences that contradict themselves in numbers; they have no answer to learn.
        clean: leave out typing errors and invented words.
    """
    rng = random.Random(f"metabot/{split}/{seed}")
    while True:
        pick = Pick(rng, split, p_novel, inventive=not clean)
        mission: Mission | None = None
        reason: Reason | None = None
        if contradictory:
            text = contradictory_sentence(pick)
        elif rng.random() < unsupported:
            text, reason = unsupported_sentence(pick)
        else:
            text, mission = mission_sentence(pick)
        novel = pick.novel(text)
        if split == "train" or novel:
            yield Example(_noise(rng, text, 0.0 if clean else P_TYPO), mission, reason, novel)


def _noise(rng: random.Random, text: str, typos: float) -> str:
    """Capitals, closing punctuation and now and then a slip of the finger."""
    if rng.random() < typos:
        text = _typo(rng, text)
    if rng.random() < 0.5:
        text = text[:1].upper() + text[1:]
    elif rng.random() < 0.08:
        text = text.upper()
    if rng.random() < 0.45 and text[-1:].isalnum():
        text += rng.choice((".", ".", ".", "!", "!", " !", "...", "?"))
    if "'" in text and rng.random() < 0.3:
        text = text.replace("'", rng.choice(("", "’")))
    return text


def _typo(rng: random.Random, text: str) -> str:
    """One wrong letter in one longer word (short words would become other words)."""
    words = text.split(" ")
    places = [index for index, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not places:
        return text
    index = rng.choice(places)
    word, at = words[index], rng.randrange(1, len(words[index]) - 1)
    words[index] = rng.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        )
    )
    return " ".join(words)

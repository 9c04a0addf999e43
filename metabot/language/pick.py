"""Choosing phrases: one place that knows splits, novelty and invented words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from metabot.language.lexicon import Split, Words
from metabot.language.words import invented, plural, third_person

T = TypeVar("T")

P_NOVEL = 0.5
"""Chance that a slot takes a held-out phrase outside the training split."""
P_INVENTED = 0.05
"""Chance that an open slot takes an invented word in training."""


class Pick:
    """Draws phrases of a split and remembers which slots got a held-out one.

    Args:
        rng: the only source of randomness.
        split: `train` draws trained phrases only.
        p_novel: chance of a held-out phrase per slot of the other splits.
        inventive: False keeps invented words out.
    """

    def __init__(self, rng: random.Random, split: Split, p_novel: float = P_NOVEL, *, inventive: bool = True) -> None:
        """Start one sentence."""
        self.rng = rng
        self.split = split
        self.p_novel = p_novel
        self.inventive = inventive and split == "train"
        self._held_out: list[tuple[str, str]] = []

    def novel(self, text: str) -> frozenset[str]:
        """Kinds of held-out phrase that the finished sentence really holds."""
        return frozenset(kind for kind, phrase in self._held_out if _shows(phrase, text))

    def __call__(self, words: Words) -> str:
        """One phrase of a slot."""
        held_out = words.of(self.split) if self.split != "train" else ()
        if held_out and self.rng.random() < self.p_novel:
            phrase = self.rng.choice(held_out)
            self._held_out.append((words.name, phrase))
            return phrase
        if words.open and self.invent(P_INVENTED):
            return invented(self.rng)
        return self.rng.choice(words.train)

    def template(self, train: Sequence[T], validation: Sequence[T] = (), test: Sequence[T] = ()) -> T:
        """One sentence shape; shapes are held out like words are."""
        held_out = {"train": (), "validation": validation, "test": test}[self.split]
        if held_out and self.rng.random() < self.p_novel * 0.6:
            self._held_out.append(("template", ""))
            return self.rng.choice(held_out)
        return self.rng.choice(train)

    def invent(self, probability: float) -> bool:
        """Whether to put an invented word here."""
        return self.inventive and self.rng.random() < probability

    def chance(self, probability: float) -> bool:
        """A biased coin."""
        return self.rng.random() < probability

    def one(self, *options: str) -> str:
        """One of some spellings that no split holds out."""
        return self.rng.choice(options)


def _shows(phrase: str, text: str) -> bool:
    """Whether a drawn phrase, in any of its forms, made it into the sentence."""
    longest = max(phrase.split("{t}"), key=len).strip()
    return any(form in text for form in (longest, plural(longest), third_person(longest)) if form) or not phrase

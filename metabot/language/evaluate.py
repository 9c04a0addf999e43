"""Measuring the task language model and choosing the threshold below which it abstains."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from metabot.language.answer import answer_schema
from metabot.language.corpus import Example, examples
from metabot.language.decode import Answer, decode
from metabot.language.grammar import Grammar
from metabot.language.lexicon import Split
from metabot.language.reading import judge

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

MAX_WRONG_ACCEPT = 0.01
"""The threshold is the loosest that keeps wrong missions below this share of validation sentences."""
FLOOR = math.log(0.5)
"""No answer with a token less likely than not is trusted, whatever validation says."""
_ROWS = 100


@dataclass(frozen=True)
class Held:
    """Sentences kept out of training, by split."""

    splits: dict[str, tuple[Example, ...]]

    @cached_property
    def sentences(self) -> frozenset[str]:
        """Every sentence of every split."""
        return frozenset(example.sentence for split in self.splits.values() for example in split)


@dataclass(frozen=True)
class Figures:
    """What was measured."""

    threshold: float
    """Smallest trusted token log-probability."""
    calibration: dict[str, float]
    splits: dict[str, dict[str, float]]
    by_phrase: dict[str, dict[str, float]]
    """Held-out sentences by the kind of unseen phrase they hold."""
    known: tuple[str, ...]
    """Words that missions of the corpus are made of."""


def held_for_measuring(seed: int, samples: int) -> Held:
    """The measured sentences; training leaves them out."""

    def draw(number: int, split: Split, **options: Any) -> tuple[Example, ...]:
        return tuple(islice(examples(10_000 + 10 * seed + number, split, **options), samples))

    return Held(
        {
            "validation": draw(1, "train")
            + draw(2, "validation")
            + draw(8, "train", contradictory=True)[: samples // 4],
            "in_distribution": draw(3, "train", unsupported=0.0),
            "held_out_phrases": draw(4, "test", unsupported=0.0, p_novel=0.2),
            "held_out_everything": draw(5, "test", unsupported=0.0, p_novel=1.0),
            "unsupported": draw(6, "train", unsupported=1.0),
            "unsupported_held_out": draw(7, "test", unsupported=1.0),
            "contradictory": draw(9, "train", contradictory=True),
        }
    )


def known_words(seed: int, samples: int = 12_000) -> tuple[str, ...]:
    """The words of missions in the training corpus, sorted."""
    from metabot.language.check import words_of

    counts: Counter[str] = Counter()
    for example in islice(examples(seed, clean=True, unsupported=0.0), samples):
        counts.update(word.replace("’", "'") for word in words_of(example.sentence) if not word[0].isdigit())
    return tuple(sorted(counts))


def evaluate(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, held: Held, *, seed: int) -> Figures:
    """Decode every split, choose the threshold on validation, measure the others with it."""
    grammar = Grammar(tokenizer, answer_schema())
    known = known_words(seed)
    answers = {
        name: [
            answer
            for start in range(0, len(split), _ROWS)
            for answer in decode(
                model, tokenizer, grammar, [example.sentence for example in split[start : start + _ROWS]]
            )
        ]
        for name, split in held.splits.items()
    }
    threshold, calibration = _calibrate(held.splits["validation"], answers["validation"], known)
    splits = {
        name: _measure(split, answers[name], threshold, known)
        for name, split in held.splits.items()
        if name != "validation"
    }
    return Figures(threshold, calibration, splits, _by_phrase(held, answers, threshold, known), known)


def _measure(
    split: Sequence[Example], answers: Sequence[Answer], threshold: float, known: Sequence[str]
) -> dict[str, float]:
    """Shares of a split, each 0..1.

    `exact`: the bare model's answer is right, nothing abstained. `accepted_right`: the reader
    gives the right mission. `wrong_accept`: it gives another one, or one where there is none.
    `abstained`: it gives none.
    """
    total = max(1, len(split))
    exact = sum(answer.text == example.answer for example, answer in zip(split, answers, strict=True))
    rejected = sum(answer.text.startswith('{"unsupported"') for answer in answers)
    right = wrong = 0
    vocabulary = frozenset(known)
    for example, answer in zip(split, answers, strict=True):
        reading = judge(example.sentence, answer, threshold=threshold, known=vocabulary)
        if reading.mission is not None:
            right += reading.mission == example.mission
            wrong += reading.mission != example.mission
    return {
        "sentences": float(len(split)),
        "exact": exact / total,
        "model_rejected": rejected / total,
        "accepted_right": right / total,
        "wrong_accept": wrong / total,
        "abstained": (len(split) - right - wrong) / total,
    }


def _by_phrase(
    held: Held, answers: dict[str, list[Answer]], threshold: float, known: Sequence[str]
) -> dict[str, dict[str, float]]:
    pairs = list(zip(held.splits["held_out_phrases"], answers["held_out_phrases"], strict=True))
    figures = {}
    for kind in sorted({kind for example, _ in pairs for kind in example.novel}):
        # Sentences whose only unseen phrase is of this kind, so that a figure speaks of it alone.
        rows = [(example, answer) for example, answer in pairs if example.novel == {kind}]
        if rows:
            figures[kind] = _measure([row[0] for row in rows], [row[1] for row in rows], threshold, known)
    return figures


def _calibrate(
    split: Sequence[Example], answers: Sequence[Answer], known: Sequence[str]
) -> tuple[float, dict[str, float]]:
    """The loosest threshold whose wrong missions stay rare, and how well the odds tell right from wrong."""
    vocabulary = frozenset(known)
    scored: list[tuple[float, float, bool]] = []
    for example, answer in zip(split, answers, strict=True):
        reading = judge(example.sentence, answer, threshold=-float("inf"), known=vocabulary)
        if reading.mission is not None:
            scored.append((answer.log_probability, answer.masked_log_probability, reading.mission == example.mission))
    scored.sort()
    wrong = sum(not right for *_, right in scored)
    threshold = 0.0
    for odds, _, right in scored:
        if wrong <= MAX_WRONG_ACCEPT * len(split):
            threshold = max(odds, FLOOR)
            break
        wrong -= not right
    everything = [
        (answer.log_probability, answer.masked_log_probability, answer.text == example.answer)
        for example, answer in zip(split, answers, strict=True)
    ]
    return threshold, {
        "sentences": float(len(split)),
        "max_wrong_accept": MAX_WRONG_ACCEPT,
        "auroc_raw_missions": _auroc([(raw, right) for raw, _, right in scored]),
        "auroc_masked_missions": _auroc([(masked, right) for _, masked, right in scored]),
        "auroc_raw_all": _auroc([(raw, right) for raw, _, right in everything]),
        "auroc_masked_all": _auroc([(masked, right) for _, masked, right in everything]),
    }


def _auroc(pairs: Sequence[tuple[float, bool]]) -> float:
    """Chance that a right answer scores above a wrong one; 0.5 if there is only one kind."""
    right = sum(flag for _, flag in pairs)
    wrong = len(pairs) - right
    if not right or not wrong:
        return 0.5
    ordered = sorted(pairs)
    above, total = 0, 0.0
    index = 0
    while index < len(ordered):
        end = index
        while end < len(ordered) and ordered[end][0] == ordered[index][0]:
            end += 1
        rights = sum(flag for _, flag in ordered[index:end])
        wrongs = end - index - rights
        total += rights * (above + wrongs / 2)
        above += wrongs
        index = end
    return total / (right * wrong)

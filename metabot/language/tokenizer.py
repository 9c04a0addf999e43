"""The tokenizer of the task language model: byte-level BPE trained on the corpus.

Sentence and answer share their tokens, so that an answer is copied rather than spelled: blanks
are dropped, hence "red" is one token in both, and every whole number up to 199 is a token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from metabot.language.corpus import Example, examples
from metabot.language.numerals import in_digits
from metabot.language.order import in_order

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGIN, ANSWER, END, PAD = "<|begin|>", "<|answer|>", "<|end|>", "<|pad|>"
PIECES = (
    '{"family":"drive-goal","goals":["',
    '","',
    '"],"contact":"',
    '","time_limit_s":',
    "}",
    '{"unsupported":"',
    '"}',
)
"""The fixed parts of an answer, one token each: an answer is short, and its odds sit in what varies."""

NUMBERS = tuple(str(number) for number in range(200))
"""One token each: times, counts and names of robots, with room for those that are out of range."""

VOCABULARY = 1600
MAX_SENTENCE_CHARS = 400
"""Longer sentences than any the corpus holds are refused before the model sees them."""


def train_tokenizer(seed: int, samples: int = 30_000) -> PreTrainedTokenizerFast:
    """Learn the vocabulary from the corpus of a seed; deterministic."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex("[’‘`´]"), "'")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\s+"), "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(PIECES) - len([number for number in NUMBERS if len(number) > 1]),
        special_tokens=[PAD, BEGIN, ANSWER, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(islice(examples(seed, clean=True), samples)), trainer)
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for piece in PIECES])
    tokenizer.add_tokens([AddedToken(number, normalized=True) for number in NUMBERS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[ANSWER],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def prompt(sentence: str) -> str:
    """The text the model continues with an answer.

    Marker texts inside the sentence lose their meaning, spelled-out numbers become digits, and
    robots named one by one come in order.
    """
    plain = " ".join(in_order(in_digits(sentence)).replace("<|", "< |").split())
    return f"{BEGIN}{plain}{ANSWER}"


def _texts(batch: Iterable[Example]) -> Iterable[str]:
    for example in batch:
        yield _without_digits(in_digits(example.sentence))
        words = example.answer
        for piece in PIECES:
            words = words.replace(piece, " ")
        yield _without_digits(words)


def _without_digits(text: str) -> str:
    """Numbers have their tokens already; the merges are for words."""
    return re.sub(r"\d+", " ", text)

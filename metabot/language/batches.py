"""Training batches: tokenised pairs of like length, with the answer tokens marked."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from metabot.language.corpus import examples
from metabot.language.tokenizer import END, prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

POOL = 32
"""Batches drawn together and sorted by length, so that little of a batch is padding."""


@dataclass(frozen=True)
class Batch:
    """Token ids, right-padded, shape (batch, length), and which of them are to be predicted."""

    ids: torch.Tensor
    answer: torch.Tensor


def batches(tokenizer: PreTrainedTokenizerFast, seed: int, size: int, exclude: Collection[str] = ()) -> Iterator[Batch]:
    """Endless batches of the training split.

    Args:
        tokenizer: of this project.
        seed: the same seed gives the same batches.
        size: pairs per batch.
        exclude: sentences kept for measuring.
    """
    stream = examples(seed)
    rng = random.Random(f"batches/{seed}")
    encode = tokenizer.backend_tokenizer.encode_batch
    pad = tokenizer.pad_token_id
    while True:
        pool: list[tuple[str, str]] = []
        while len(pool) < POOL * size:
            example = next(stream)
            if example.sentence not in exclude:
                pool.append((prompt(example.sentence), example.answer + END))
        heads = encode([head for head, _ in pool], add_special_tokens=False)
        tails = encode([tail for _, tail in pool], add_special_tokens=False)
        rows = [(head.ids, tail.ids) for head, tail in zip(heads, tails, strict=True)]
        rows.sort(key=lambda row: len(row[0]) + len(row[1]))
        groups = [rows[start : start + size] for start in range(0, len(rows), size)]
        rng.shuffle(groups)
        for group in groups:
            length = max(len(head) + len(tail) for head, tail in group)
            ids = torch.full((size, length), pad, dtype=torch.long)
            answer = torch.zeros((size, length), dtype=torch.bool)
            for index, (head, tail) in enumerate(group):
                ids[index, : len(head) + len(tail)] = torch.tensor(head + tail)
                answer[index, len(head) : len(head) + len(tail)] = True
            yield Batch(ids, answer)

"""From sentences to answers: greedy decoding under the grammar, with every token's odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from transformers import LogitsProcessorList

from metabot.language.grammar import Grammar
from metabot.language.tokenizer import prompt

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

MAX_ANSWER_TOKENS = 64


@dataclass(frozen=True)
class Answer:
    """One decoded answer."""

    text: str
    """JSON text under the schema."""
    log_probability: float
    """Smallest natural-log probability of its tokens, among ALL tokens (before the mask)."""
    masked_log_probability: float
    """The same among the tokens the schema allowed."""
    weakest: int
    """Characters of `text` in front of the least likely token: says which field it is in."""
    candidates: tuple[str, str]
    """The two likeliest tokens there that the schema allows; the second may be empty."""


@torch.inference_mode()
def decode(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, grammar: Grammar, sentences: Sequence[str]
) -> list[Answer]:
    """Answers to sentences, in one batch."""
    encoded = tokenizer([prompt(sentence) for sentence in sentences], add_special_tokens=False, padding=True,
                        return_tensors="pt", return_token_type_ids=False)  # fmt: skip
    generate: Any = cast(Any, model).generate  # its type knows no output with logits
    output = generate(
        **encoded,
        do_sample=False,
        max_new_tokens=MAX_ANSWER_TOKENS,
        logits_processor=LogitsProcessorList([grammar.processor()]),
        return_dict_in_generate=True,
        output_scores=True,
        output_logits=True,
    )
    tokens = output.sequences[:, encoded["input_ids"].shape[1] :]
    raw = torch.stack(output.logits, dim=1).float().log_softmax(-1)
    masked = torch.stack(output.scores, dim=1).float().log_softmax(-1)
    return [_answer(tokenizer, *row) for row in zip(tokens, raw, masked, strict=True)]


def _answer(
    tokenizer: PreTrainedTokenizerFast, tokens: torch.Tensor, raw: torch.Tensor, masked: torch.Tensor
) -> Answer:
    ended = (tokens == tokenizer.eos_token_id).nonzero()
    length = int(ended[0]) if len(ended) else len(tokens)
    ids = tokens[:length, None]
    own, own_masked = raw[:length].gather(1, ids)[:, 0], masked[:length].gather(1, ids)[:, 0]
    # The likeliest alternatives are asked of the masked odds: what else could it have been?
    weakest = int(own_masked.argmin())
    best = masked[weakest].topk(2)
    names = [_text(tokenizer, token[None]) if odds > -torch.inf else "" for odds, token in zip(*best, strict=True)]
    return Answer(
        text=_text(tokenizer, tokens[:length]),
        log_probability=float(own.min()),
        masked_log_probability=float(own_masked.min()),
        weakest=len(_text(tokenizer, tokens[:weakest])),
        candidates=(names[0], names[1]),
    )


def _text(tokenizer: PreTrainedTokenizerFast, tokens: torch.Tensor) -> str:
    return str(tokenizer.decode(tokens))

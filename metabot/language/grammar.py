"""Decoding under a JSON schema: a logits processor around llguidance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from llguidance import LLMatcher
from llguidance.hf import from_tokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask
from transformers import LogitsProcessor

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Grammar:
    """A compiled schema; makes one processor per call of `generate`."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, schema: dict[str, Any]) -> None:
        """Compile.

        Raises:
            ValueError: if llguidance cannot compile the schema.
        """
        self.eos = int(tokenizer.eos_token_id)
        self.tokenizer = from_tokenizer(tokenizer, n_vocab=len(tokenizer), eos_token=self.eos)
        self.text = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})
        error = LLMatcher.validate_grammar(self.text, self.tokenizer)
        if error:
            raise ValueError(f"answer schema: llguidance cannot compile it: {error}")

    def processor(self) -> GrammarProcessor:
        """A fresh processor, at the start of an answer."""
        return GrammarProcessor(self)


class GrammarProcessor(LogitsProcessor):
    """Sets the logits of every token the schema forbids to minus infinity, row by row."""

    def __init__(self, grammar: Grammar) -> None:
        """Start an answer; matchers come with the first call, which knows the number of rows."""
        self.grammar = grammar
        self.matchers: list[LLMatcher] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Mask `scores`, shape (rows, vocabulary), after consuming each row's newest token."""
        rows, vocabulary = scores.shape
        if self.matchers:
            for matcher, token in zip(self.matchers, input_ids[:, -1].tolist(), strict=True):
                if not matcher.is_stopped():
                    matcher.consume_token(token)
        else:
            self.matchers = [LLMatcher(self.grammar.tokenizer, self.grammar.text, log_level=0) for _ in range(rows)]
        bits = allocate_token_bitmask(rows, vocabulary)
        for row, matcher in enumerate(self.matchers):
            if matcher.is_stopped():  # a stopped matcher has no mask of its own: the answer has ended
                bits[row] = 0
                bits[row, self.grammar.eos // 32] = np.array(1 << self.grammar.eos % 32, np.uint32).view(np.int32)
            else:
                fill_next_token_bitmask(matcher, bits, row)
        allowed = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, :vocabulary].astype(bool)
        return scores.masked_fill(~torch.from_numpy(allowed), -torch.inf)

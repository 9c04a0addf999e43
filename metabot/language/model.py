"""The shape of the task language model: a small Llama."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import LlamaConfig, PreTrainedTokenizerFast

MAX_TOKENS = 512
"""Longest prompt and answer together: room for `MAX_SENTENCE_CHARS` of bytes the vocabulary never saw."""


def model_config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """About a million parameters, sized to train in minutes on one core."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=MAX_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )

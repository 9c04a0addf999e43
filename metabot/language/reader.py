"""`TaskReader`: a sentence in, a validated mission or one clear line out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from metabot.language.reading import Reading, judge, refuse
from metabot.language.tokenizer import MAX_SENTENCE_CHARS
from metabot.task.model import SpecError

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from metabot.language.grammar import Grammar

DEFAULT_MODEL = Path(__file__).resolve().parents[2] / "models" / "task-lm"
CALIBRATION_FILE = "calibration.json"
WORDS_FILE = "words.txt"


class TaskReader:
    """Reads sentences with the task language model of a folder.

    Example:
        >>> reader = TaskReader.load()
        >>> reader.read("drive to the purple pad").mission.goals
        ('purple',)
        >>> reader.read("fly to the moon").mission is None
        True
    """

    def __init__(
        self,
        model: LlamaForCausalLM,
        tokenizer: PreTrainedTokenizerFast,
        grammar: Grammar,
        *,
        threshold: float,
        known: frozenset[str],
    ) -> None:
        """Put loaded parts together; `load` is the usual way in."""
        self.model = model
        self.tokenizer = tokenizer
        self.grammar = grammar
        self.threshold = threshold
        """Smallest trusted token log-probability."""
        self.known = known
        """Words that missions of the training corpus are made of."""

    @classmethod
    def load(cls, path: str | Path = DEFAULT_MODEL) -> TaskReader:
        """Load a model folder from disk; the network is never asked.

        Raises:
            SpecError: if the folder lacks a file, with the command that makes one.
        """
        folder = Path(path)
        for name in ("model.safetensors", "config.json", "tokenizer.json", CALIBRATION_FILE, WORDS_FILE):
            if not (folder / name).is_file():
                raise SpecError(f"model: {folder} has no {name}; make one with `metabot train language`")
        from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
        from transformers.utils import logging

        from metabot.language.answer import answer_schema
        from metabot.language.grammar import Grammar

        logging.disable_progress_bar()  # a 4 MB file needs none, and it would cut through the caller's lines
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        model = LlamaForCausalLM.from_pretrained(folder, local_files_only=True).eval()
        calibration = json.loads((folder / CALIBRATION_FILE).read_text())
        return cls(
            model,
            tokenizer,
            Grammar(tokenizer, answer_schema()),
            threshold=float(calibration["threshold"]),
            known=frozenset((folder / WORDS_FILE).read_text().split()),
        )

    def read(self, sentence: str) -> Reading:
        """Read one sentence; abstains rather than guesses, and never raises on what is said."""
        text = "".join(char if char.isprintable() else " " for char in sentence).strip()
        if not any(char.isalpha() for char in text):
            return refuse("the sentence is empty" if not text else "there are no words in that")
        if len(text) > MAX_SENTENCE_CHARS:
            return refuse(f"the sentence has {len(text)} characters, I read up to {MAX_SENTENCE_CHARS}")
        from metabot.language.decode import decode

        (answer,) = decode(self.model, self.tokenizer, self.grammar, [text])
        return judge(text, answer, threshold=self.threshold, known=self.known)

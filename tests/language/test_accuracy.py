"""The shipped model keeps the figures on its card, on sentences of another seed."""

import hashlib
import json
from itertools import islice
from typing import Any

import pytest

from metabot.language import DEFAULT_MODEL, TaskReader
from metabot.language.corpus import Example, examples
from metabot.language.decode import decode
from metabot.language.lexicon import Split
from metabot.language.reading import judge

SAMPLES = 150
MARGIN = 0.06
"""Three standard deviations of a share near 0.95 over 150 sentences."""


def shares(reader: TaskReader, split: list[Example]) -> tuple[float, float, float]:
    """Exact answers, right missions, wrong missions; each 0..1."""
    answers = decode(reader.model, reader.tokenizer, reader.grammar, [example.sentence for example in split])
    readings = [
        judge(example.sentence, answer, threshold=reader.threshold, known=reader.known)
        for example, answer in zip(split, answers, strict=True)
    ]
    exact = sum(answer.text == example.answer for example, answer in zip(split, answers, strict=True))
    given = [(reading.mission, example.mission) for reading, example in zip(readings, split, strict=True)]
    right = sum(mission is not None and mission == wanted for mission, wanted in given)
    wrong = sum(mission is not None and mission != wanted for mission, wanted in given)
    return exact / len(split), right / len(split), wrong / len(split)


@pytest.mark.parametrize(
    ("name", "phrases", "options"),
    [
        ("in_distribution", "train", {"unsupported": 0.0}),
        ("held_out_phrases", "test", {"unsupported": 0.0, "p_novel": 0.2}),
        ("unsupported", "train", {"unsupported": 1.0}),
        ("unsupported_held_out", "test", {"unsupported": 1.0}),
        ("contradictory", "train", {"contradictory": True}),
    ],
)
def test_model_keeps_its_figures(reader: TaskReader, name: str, phrases: Split, options: dict[str, Any]) -> None:
    figures = json.loads((DEFAULT_MODEL / "metrics.json").read_text())["splits"][name]
    split = list(islice(examples(777, phrases, **options), SAMPLES))
    exact, right, wrong = shares(reader, split)
    spread = MARGIN if figures["exact"] > 0.85 else 2 * MARGIN
    assert exact >= figures["exact"] - spread
    assert right >= figures["accepted_right"] - spread
    assert wrong <= figures["wrong_accept"] + MARGIN


def test_figures_are_of_the_weights_beside_them() -> None:
    metrics = json.loads((DEFAULT_MODEL / "metrics.json").read_text())
    digest = hashlib.sha256((DEFAULT_MODEL / "model.safetensors").read_bytes()).hexdigest()
    assert metrics["sha256"] == digest
    assert digest in (DEFAULT_MODEL / "README.md").read_text()

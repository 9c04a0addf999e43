"""What a sentence and its answer share: numbers and colours are the same single tokens in both."""

import pytest
from llguidance import LLMatcher

from metabot.language import TaskReader
from metabot.language.numerals import in_digits
from metabot.language.tokenizer import prompt
from metabot.language.words import spell
from metabot.task import PAD_COLORS, Mission


@pytest.mark.parametrize("hyphen", [True, False])
def test_every_spelled_number_becomes_digits(hyphen: bool) -> None:
    for number in [0, *range(2, 1000)]:
        assert in_digits(f"within {spell(number, hyphen=hyphen)} seconds") == f"within {number} seconds"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("the red one and the other one", "the red one and the other one"),
        ("often the seventh is intense", "often the seventh is intense"),
        ("TWO robots, a hundred and the red pad", "2 robots, 100 and the red pad"),
        ("robots two and three", "robots 2 and 3"),
    ],
)
def test_only_numbers_become_digits(said: str, read: str) -> None:
    assert in_digits(said) == read


@pytest.mark.parametrize(
    "sentence", ["drive to {color} in {number} s", "{color}, {number}seconds", "{number}s:{color}"]
)
def test_an_answer_copies_the_tokens_of_its_sentence(reader: TaskReader, sentence: str) -> None:
    for number in range(5, 121):
        color = PAD_COLORS[number % 6]
        said = reader.tokenizer.tokenize(prompt(sentence.format(color=color, number=number)))
        answer = reader.tokenizer.tokenize(Mission(goals=(color,), time_limit_s=number).model_dump_json())
        assert color in said and color in answer
        assert str(number) in said and str(number) in answer


@pytest.mark.parametrize(("seconds", "allowed"), [(4, False), (5, True), (12, True), (120, True), (121, False)])
def test_the_grammar_takes_a_number_as_one_token(reader: TaskReader, seconds: int, allowed: bool) -> None:
    matcher = LLMatcher(reader.grammar.tokenizer, reader.grammar.text, log_level=0)
    answer = Mission(goals=("red",), time_limit_s=33).model_dump_json().replace("33", str(seconds))
    assert matcher.consume_tokens(reader.tokenizer.encode(answer, add_special_tokens=False)) == allowed

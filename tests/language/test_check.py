"""The words of a sentence overrule what the model read in it."""

import pytest

from metabot.language.check import contradiction
from metabot.language.words import invented, near, plural, spell, third_person
from metabot.task import Mission

TWO = Mission(goals=("red", "blue"))


@pytest.mark.parametrize(
    "sentence",
    [
        "two robots go to red and blue",
        "robot 2 to blue, robot 1 to red",
        "The first robot to red, the second to blue, right now",
        "red and blue in half a minute",
        "red and blue within thirty seconds",
        "red and bleu within thrity secnds",
        "red for robot 1, blue for robot 2",
        "robots 2 and 1 go to blue and red in 30 s",
        "first, two robots go to red and blue",
    ],
)
def test_agreeing_sentences_pass(sentence: str) -> None:
    assert contradiction(sentence, TWO) is None


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("two robots go to red and green", "green"),
        ("two robots go to red", "red"),
        ("three robots go to red and blue", "3"),
        ("send robot 4 to red and robot 1 to blue", "4"),
        ("robot 1 to red, robot 1 to blue", "1 is said twice"),
        ("red, blue and red", "red pad is named twice"),
        ("red and blue within 3 seconds", "5 to 120"),
        ("red and blue within 20 seconds", "20 s"),
        ("red and blue in a minute and a half", "90 s"),
        ("red and blue in a hundred and twenty seconds", "120 s"),
        ("blue for robot 1, red for robot 2", "blue for robot 1"),
        ("the second robot to red and the first robot to blue", "red for robot 2"),
        ("robots 2 and 1 go to red and blue", "red for robot 2"),
    ],
)
def test_contradictions_are_named(sentence: str, names: str) -> None:
    assert names in str(contradiction(sentence, TWO))


def test_colours_from_nowhere_are_refused() -> None:
    assert contradiction("two robots drive to their pads", TWO)
    assert contradiction("two robots drive to their pads", Mission(goals=("red", "green"))) is None


@pytest.mark.parametrize("number", [0, 7, 8, 20, 25, 48, 99, 100, 108, 120])
def test_spelled_times_are_understood(number: int) -> None:
    mission = Mission(goals=("red",), time_limit_s=max(5, number))
    assert (contradiction(f"drive to red in {spell(number)} seconds", mission) is None) == (number >= 5)


def test_word_helpers() -> None:
    import random

    assert plural("landing pad") == "landing pads" and plural("patch") == "patches" and plural("buggy") == "buggies"
    assert third_person("go over") == "goes over" and third_person("hurry") == "hurries"
    assert near("green", "gren") and near("green", "rgeen") and not near("green", "grown up")
    assert invented(random.Random(1)) == invented(random.Random(1))


@pytest.mark.parametrize(
    ("sentence", "allowed"),
    [
        ("red and blue, they may touch", True),
        ("red and blue, I don't mind if they touch, in no more than 30 seconds", True),
        ("robot no. 1 to red and robot no. 2 to blue, touching is no problem", True),
        ("red and blue, they may not touch", False),
        ("red and blue, hits are not allowed", False),
        ("red and blue, contact is off limits", False),
        ("red and blue", False),
    ],
)
def test_contact_is_allowed_only_in_words(sentence: str, allowed: bool) -> None:
    mission = Mission(goals=("red", "blue"), contact="allowed")
    assert (contradiction(sentence, mission) is None) == allowed


def test_all_robots_cannot_share_one_pad() -> None:
    assert contradiction("all the robots go to red", Mission(goals=("red",)))
    assert contradiction("hey robots, one of you drives all the way to red", Mission(goals=("red",))) is None

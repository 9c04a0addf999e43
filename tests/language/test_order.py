"""Robots named one by one come in order; nothing else in a sentence moves."""

from itertools import islice

import pytest

from metabot.language.corpus import examples
from metabot.language.numerals import in_digits
from metabot.language.order import in_order, named_pads


@pytest.mark.parametrize(
    ("said", "ordered"),
    [
        ("robot 2 to blue, robot 1 to red", "robot 1 to red, robot 2 to blue"),
        ("red is for robot 2, blue for robot 1", "blue is for robot 1, red for robot 2"),
        ("robots 2 and 1 go to red and blue in 2 s", "robots 1 and 2 go to blue and red in 2 s"),
        ("r3: red, r1: blue, r2: green", "r1: blue, r2: green, r3: red"),
        ("the 2nd to red, the first to blue", "the first to blue, the second to red"),
        ("robot two to red, robot one to blue", "robot 1 to blue, robot 2 to red"),
        ("r1 red, r2 blue within 30 second", "r1 red, r2 blue within 30 second"),
    ],
)
def test_robots_named_one_by_one_are_sorted(said: str, ordered: str) -> None:
    assert in_order(in_digits(said)) == ordered


@pytest.mark.parametrize(
    "said",
    [
        "2 robots drive, one each, to red and blue",
        "robot 2 to red and robot 3 to blue",
        "robot 1 to red, robot 1 to blue",
        "robot 1 to red and robot 2 to red",
        "3 robots go to red and blue",
        "robot 2 goes to red via blue, robot 1 stays",
        "drive to the red pad in 5 seconds",
    ],
)
def test_where_there_is_doubt_nothing_moves(said: str) -> None:
    assert in_order(said) == said and not named_pads(said)


def test_sorted_robots_are_those_of_the_mission() -> None:
    sorted_ones = 0
    for example in islice(examples(21, unsupported=0.0), 3000):
        pads = named_pads(in_digits(example.sentence))
        assert all(example.mission.goals[robot - 1] == color for robot, color in pads.items()), example
        sorted_ones += bool(pads)
    assert sorted_ones > 500

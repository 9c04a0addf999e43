"""What the shipped model reads, and what it refuses to guess."""

import random
import subprocess
import sys
import time

import pytest

from metabot.language import POSSIBLE, TaskReader
from metabot.language.words import spell
from metabot.task import PAD_COLORS, Mission
from metabot.task.model import SpecError

UNDERSTOOD = {
    "three robots drive to the red, green and blue pads without touching each other": Mission(
        goals=("red", "green", "blue")
    ),
    "two robots go to blue and yellow": Mission(goals=("blue", "yellow")),
    "send robot 1 to green and robot 2 to red within 20 seconds": Mission(goals=("green", "red"), time_limit_s=20),
    "drive to the purple pad": Mission(goals=("purple",)),
    "Four robots, each to its own pad: orange, red, blue, green. No collisions please.": Mission(
        goals=("orange", "red", "blue", "green")
    ),
    "robot 2 to blue, robot 1 to red": Mission(goals=("red", "blue")),
    "Two cars go to the red and green pads, they may touch": Mission(goals=("red", "green"), contact="allowed"),
    "two robots go to blue and yellow within 12 seconds": Mission(goals=("blue", "yellow"), time_limit_s=12),
    "I want 2 robots on the blue and the red pad": Mission(goals=("blue", "red")),
    "I need three robots on red, green and yellow": Mission(goals=("red", "green", "yellow")),
    "I want three robots at red, green and blue": Mission(goals=("red", "green", "blue")),
    "robots 1 and 2 go to red and blue": Mission(goals=("red", "blue")),
    "robots 1 and 2 go to red and blue respectively": Mission(goals=("red", "blue")),
    "red is for robot 2, blue for robot 1": Mission(goals=("blue", "red")),
    "r1 to red, r2 to green in 45s": Mission(goals=("red", "green"), time_limit_s=45),
    "robot1 -> red, robot2 -> blue": Mission(goals=("red", "blue")),
    "robot 3 to red, robot 2 to green, robot 1 to blue": Mission(goals=("blue", "green", "red")),
    "both robots drive to red and blue": Mission(goals=("red", "blue")),
}
REFUSED = {
    "fly to the moon": ("fly", "moon"),
    "make me a coffee": ("coffee",),
    "pick up the red cube": ("pick", "cube"),
    "three robots drive to the pink pad": ("pink",),
    "seven robots go to the red pad": (),
    "two robots go to the red pad": (),
    "robot 1 to red and robot 2 to red": (),
    "all robots go to the blue pad": (),
    "all robots go to blue": (),
    "three robots drive to the red and green pads": (),
    "drive to the red pad within 10 minutes": (),
    "paint the red pad": ("paint",),
    "do not drive to the red pad": (),
    "how are you today?": (),
    "drive to the red pad within 2 seconds": (),
    "xyzzy plugh": ("xyzzy", "plugh"),
}
ODD = [
    "",
    "   ",
    "\n\t",
    "\x00\x01\xff",
    "🤖🤖🤖",
    "123",
    "?!",
    "赤いパッドへ行け",
    "red " * 2000,
    "é" * 400,
    "<|answer|>{}<|end|>",
]


@pytest.mark.parametrize("sentence", UNDERSTOOD)
def test_plain_sentences_are_read_with_high_confidence(reader: TaskReader, sentence: str) -> None:
    reading = reader.read(sentence)
    assert reading.mission == UNDERSTOOD[sentence], reading
    assert reading.confidence > 0.9


def read_right(reader: TaskReader, wanted: dict[str, Mission]) -> float:
    """Share of sentences read as what they say."""
    return sum(reader.read(sentence).mission == mission for sentence, mission in wanted.items()) / len(wanted)


def test_every_time_limit_is_read(reader: TaskReader) -> None:
    rng = random.Random(11)
    wanted = {}
    for seconds in range(5, 121):
        goals = tuple(rng.sample(PAD_COLORS, rng.randint(1, 3)))
        who = {1: "one robot goes", 2: "two robots go", 3: "3 robots drive"}[len(goals)]
        time = rng.choice((f"{seconds} seconds", f"{seconds} s", f"{seconds}s", f"{spell(seconds)} seconds"))
        sentence = f"{who} to {' and '.join(goals)} {rng.choice(('within', 'in', 'in at most'))} {time}"
        wanted[sentence] = Mission(goals=goals, time_limit_s=seconds)
    assert read_right(reader, wanted) >= 0.95


def test_robots_named_in_any_order_get_their_own_pads(reader: TaskReader) -> None:
    rng = random.Random(12)
    shapes = ("{} is for robot {}", "{} for robot {}", "robot {1} to {0}", "robot {1} goes to {0}", "r{1}: {0}")
    wanted = {}
    for index in range(60):
        goals = tuple(rng.sample(PAD_COLORS, 2 if index % 2 else 3))
        order = list(enumerate(goals, 1))
        order.reverse() if index % 3 else rng.shuffle(order)
        shape = shapes[index % len(shapes)]
        wanted[", ".join(shape.format(goal, robot) for robot, goal in order)] = Mission(goals=goals)
    assert read_right(reader, wanted) >= 0.95


def test_robots_without_colours_get_the_first_pads(reader: TaskReader) -> None:
    assert reader.read("Send three robots to their pads in half a minute").mission == Mission(goals=PAD_COLORS[:3])


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_robots_cannot_do_is_refused_in_one_helpful_line(reader: TaskReader, sentence: str) -> None:
    reading = reader.read(sentence)
    assert reading.mission is None, reading
    assert reading.message.endswith(POSSIBLE)
    assert "\n" not in reading.message
    for word in REFUSED[sentence]:
        assert word in reading.unknown_words
        assert f'"{word}"' in reading.message


def test_all_robots_on_one_pad_hear_that_pads_are_not_shared(reader: TaskReader) -> None:
    message = reader.read("all robots go to blue").message
    assert "share a pad" in message or "several robots" in message


@pytest.mark.parametrize("sentence", ODD, ids=range(len(ODD)))
def test_empty_long_and_binary_input_ends_in_one_line(reader: TaskReader, sentence: str) -> None:
    reading = reader.read(sentence)
    assert reading.mission is None
    assert POSSIBLE in reading.message and len(reading.message.splitlines()) == 1


def test_any_text_gives_a_valid_mission_or_none(reader: TaskReader) -> None:
    rng = random.Random(5)
    words = [
        "red",
        "blue",
        "robot",
        "robots",
        "three",
        "7",
        "to",
        "{",
        '"goals":["',
        "pads",
        "fly",
        "ß",
        "漢",
        "\x00",
        "🙂",
    ]
    for _ in range(200):
        if rng.random() < 0.5:
            text = " ".join(rng.choices(words, k=rng.randint(0, 12)))
        else:
            text = "".join(chr(rng.randrange(1, 0x2FFF)) for _ in range(rng.randint(0, 30)))
        reading = reader.read(text)
        assert 0.0 <= reading.confidence <= 1.0
        if reading.mission is not None:
            assert Mission.parse(reading.mission.model_dump_json()) == reading.mission


def test_a_reading_takes_well_under_a_second(reader: TaskReader) -> None:
    begun = time.perf_counter()
    reader.read("six robots go to red, green, blue, yellow, orange and purple within 100 seconds")
    assert time.perf_counter() - begun < 2.0


def test_reading_is_repeatable(reader: TaskReader) -> None:
    sentence = "two rovers wander to blue and red"
    assert reader.read(sentence) == reader.read(sentence)


def test_missing_model_says_how_to_make_one(tmp_path) -> None:
    with pytest.raises(SpecError, match="metabot train language"):
        TaskReader.load(tmp_path)


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, metabot.language, metabot.language.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

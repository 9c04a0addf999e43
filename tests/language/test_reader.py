"""What the shipped model reads, and what it refuses to guess."""

import random
import subprocess
import sys
import time

import pytest

from metabot.language import POSSIBLE, TaskReader
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

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def demo(tmp_path):
    """Runs `make demo` with a program in metabot's place that prints its arguments, one a line."""
    program = tmp_path / "metabot"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)

    def run(*words: str, **environ: str) -> list[str]:
        # A make that runs these tests must not hand on its own words.
        env = {
            key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "TASK", "SEED"))
        }
        command = ["make", "-C", str(ROOT), "--no-print-directory", "demo", "SETUP=:", f"VENV={tmp_path}", *words]
        done = subprocess.run(command, env={**env, **environ}, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize(
    "sentence",
    [
        'robot one\'s pad is the "red" one',
        "it costs $5 or $HOME or $(shell echo no) or $$",
        "`id`; $(id) && id | id # id \\",
        "unclosed $( and ${ and '",
        "Roboter fährt zum blauen Feld",
    ],
)
def test_sentence_reaches_the_program_as_it_is(demo, sentence):
    assert demo(f"TASK={sentence}", "SEED=3") == ["demo", sentence, "--seed", "3"]
    assert demo(TASK=sentence) == ["demo", sentence, "--seed", "0"]


def test_default_sentence_is_the_documented_one(demo):
    sentence = "three robots drive to the red, green and blue pads without touching each other"
    first, second = demo("SEED=4")[:4], demo("SEED=4")[4:]
    assert first == ["demo", sentence, "--seed", "4"]
    # The second act comes where nobody asked for a sentence, and from a model that is there.
    assert second[:4] == ["", "demo", "--family", "grasp-place"] and second[-2:] == ["--seed", "4"]
    assert (ROOT / second[second.index("--resume") + 1]).is_dir()


def test_help_lists_every_target():
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-C", str(ROOT), "help"], env=env, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "test", "bench", "lint", "lock", "doctor", "clean"):
        assert f"make {target} " in done.stdout

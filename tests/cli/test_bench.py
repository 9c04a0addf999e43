"""`metabot bench`: which options a benchmark has, and errors in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.cli.options import read, usage


def measured(
    sizes: object = None,
    *,
    fast: bool = False,
    seeds: int | None = None,
    only: Literal["a", "b"] = "a",
    names: tuple[str, ...] = (),
    numbers: tuple[int, ...] = (1,),
    at: Path,
) -> None:
    """A function to be called from the command line."""


def test_options_are_the_keyword_only_parameters() -> None:
    assert usage(measured) == "[--fast] [--seeds INT] [--only a|b] [--names STR,...] [--numbers INT,...] [--at PATH]"
    assert read("this", measured, []) == {}
    words = ["--fast", "--seeds", "3", "--only", "b", "--at", "x/y"]
    words += ["--names", "one,two", "--numbers", "3"]
    several = {"names": ("one", "two"), "numbers": (3,)}
    assert read("this", measured, words) == several | {"fast": True, "seeds": 3, "only": "b", "at": Path("x/y")}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--magic"], "--magic: this has no use for it; allowed: [--fast] "),
        (["word"], "word: this has no use for it"),
        (["--seeds", "many"], "argument --seeds: invalid int value: 'many'"),
        (["--only", "c"], "argument --only: invalid choice: 'c'"),
        (["--at"], "argument --at: expected one argument"),
    ],
)
def test_what_is_no_option_is_refused_in_one_line(words: list[str], line: str) -> None:
    with pytest.raises(ValueError) as refused:
        read("this", measured, words)
    assert line in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["magic"],
            "metabot: name: no benchmark 'magic'; allowed: bridge, end_to_end, fleet, learners, meta, policy, sim,"
            " sim_warp",
        ),
        (["policy", "--speed"], "metabot: --speed: policy has no use for it; allowed: no options"),
        (["meta", "--seeds", "0"], "metabot: seeds: 0 is below 1"),
    ],
)
def test_the_command_refuses_with_code_2(words: list[str], line: str) -> None:
    result = CliRunner().invoke(app, ["bench", *words])
    assert result.exit_code == 2
    assert result.stderr.strip() == line

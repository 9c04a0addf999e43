"""Tables lose nothing in a pipe or in a narrow terminal; the version can be asked for."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from metabot import __version__
from metabot.cli.app import app
from metabot.cli.tables import show
from metabot.meta import META_LEARNERS
from metabot_sim.families.registry import available, family


@pytest.mark.parametrize("columns", ["40", "80"])
def test_a_pipe_gets_one_whole_line_for_each_row(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = CliRunner().invoke(app, ["sim", "list"]).stdout.splitlines()
    for name in available():
        (row,) = (line for line in lines if f" {name} " in line)
        assert family(name).summary in row and ", ".join(family(name).dynamics) in row
    lines = CliRunner().invoke(app, ["methods"]).stdout.splitlines()
    for method in META_LEARNERS.values():
        (row,) = (line for line in lines if f" {method.name} " in line)
        assert method.source in row and method.kind in row


def printed(table: Table, width: int, *, prose: bool) -> str:
    screen = StringIO()
    show(table, prose=prose, console=Console(file=screen, width=width, force_terminal=True, color_system=None))
    return screen.getvalue()


@pytest.mark.parametrize("prose", [True, False])
def test_a_narrow_terminal_loses_no_word(prose: bool) -> None:
    table = Table(title="a title that is longer than the terminal is wide, by some words")
    table.add_column("name", no_wrap=True)
    table.add_column("what it does")
    table.add_row("gymnasium:mamujoco/HalfCheetah-6x1-v1", "a sentence of many words " * 4 + "[bold]with markup[/]")
    text = printed(table, 44, prose=prose)
    words = text.split()
    assert "gymnasium:mamujoco/HalfCheetah-6x1-v1" in words and words.count("sentence") == 4
    assert "markup" in words and "…" not in text
    if prose:
        assert max(map(len, text.splitlines())) <= 44 + len("what it does: ")
        assert "what it does: a sentence" in text


def test_a_wide_terminal_shows_a_table() -> None:
    table = Table(title="a title")
    table.add_column("name")
    table.add_row("value")
    assert "┃ name" in printed(table, 80, prose=True)


@pytest.mark.parametrize("words", [["--version"], ["version"]])
def test_the_version_is_told(words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.stdout) == (0, f"{__version__}\n")

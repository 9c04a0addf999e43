"""Following a tutorial: save each of its files, run each of its commands, keep what it printed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_NAME = re.compile(r"[Ss]ave (?:it )?as `([\w.]+)`")


class Ran(NamedTuple):
    """A command of the page: its script, what the page says it prints, and how it went."""

    script: str
    expected: str
    done: subprocess.CompletedProcess[str]


@pytest.fixture
def follow(tmp_path: Path) -> Callable[[Path], list[Ran]]:
    """Follow a page in `tmp_path`: a block after "save as `name`" is a file, a `console` block a command."""

    def through(page: Path) -> list[Ran]:
        text, end, ran = page.read_text(), 0, []
        for block in _BLOCK.finditer(text):
            kind, content = block.groups()
            if kind != "console":
                name = _NAME.findall(text[end : block.start()])[-1]
                (tmp_path / name).write_text(content)
            else:
                command, _, output = content.partition("\n")
                program, script = command.removeprefix("$ ").split()
                assert program == "python"
                done = subprocess.run(
                    [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=100
                )
                ran.append(Ran(script, output, done))
            end = block.end()
        return ran

    return through

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
    """A command of the page: its script or first word, what the page says it prints, and how it went."""

    script: str
    expected: str
    done: subprocess.CompletedProcess[str]

    @property
    def as_said(self) -> bool:
        """Whether it printed what the page says; ``…`` stands for what differs from machine to machine."""
        return re.fullmatch(re.escape(self.expected).replace("…", ".*"), self.done.stdout) is not None


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
                program, *words = command.removeprefix("$ ").split()
                programs = {"python": [sys.executable], "metabot": [sys.executable, "-m", "metabot.cli"]}
                done = subprocess.run(
                    [*programs[program], *words], cwd=tmp_path, capture_output=True, text=True, timeout=400
                )
                ran.append(Ran(words[0], output, done))
            end = block.end()
        return ran

    return through

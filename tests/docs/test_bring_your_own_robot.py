"""Follows docs/tutorials/bring-your-own-robot.md: saves each file, runs each command, compares what it prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from metabot_sim.offscreen import choose

PAGE = Path(__file__).parents[2] / "docs/tutorials/bring-your-own-robot.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
NAME = re.compile(r"[Ss]ave (?:it )?as `([\w.]+)`")


def steps() -> list[tuple[str, str, str]]:
    """(what, name or command, text) of each block: a file to save, or a command and its output."""
    page, found, name = PAGE.read_text(), [], ""
    end = 0
    for block in BLOCK.finditer(page):
        kind, text = block.groups()
        if kind == "console":
            command, _, output = text.partition("\n")
            found.append(("run", command.removeprefix("$ "), output))
        else:
            name = NAME.findall(page[end : block.start()])[-1]
            found.append(("save", name, text))
        end = block.end()
    return found


@pytest.mark.slow
def test_every_step_of_the_page_does_what_it_says(tmp_path: Path) -> None:
    ran = []
    for what, name, text in steps():
        if what == "save":
            (tmp_path / name).write_text(text)
            continue
        program, script = name.split()
        assert program == "python"
        done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=100)
        ran.append(script)
        if script == "watch.py" and done.returncode:
            assert not choose(), done.stderr
            assert "no picture: off-screen OpenGL is missing" in done.stderr
            continue
        assert done.returncode == 0, f"{script}: {done.stderr}"
        assert done.stdout == text, script
        if script == "watch.py":
            assert (tmp_path / "drive.gif").stat().st_size > 10_000
            assert (tmp_path / "drive.png").stat().st_size > 1_000
    assert ran == ["check_robot.py", "check_missing.py", "write_task.py", "drive.py", "watch.py"]

"""Follows docs/tutorials/bring-your-own-robot.md."""

import re
from pathlib import Path

import pytest

from metabot_sim.offscreen import choose

PAGE = Path(__file__).parents[2] / "docs/tutorials/bring-your-own-robot.md"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_step_of_the_page_does_what_it_says(follow, tmp_path: Path) -> None:
    ran = follow(PAGE)
    for each in ran:
        script, expected, done = each
        if script == "watch.py" and done.returncode:
            assert not choose(), done.stderr
            assert "no picture: off-screen OpenGL is missing" in done.stderr
            continue
        assert done.returncode == 0, f"{script}: {done.stderr}"
        assert each.as_said, f"{script}: {done.stdout} and not {expected}"
        if script == "export" and "closed loop" in done.stdout:
            assert int(re.findall(r"(\d+)% of 128", done.stdout)[0]) >= 90, done.stdout
        if script == "watch.py":
            assert (tmp_path / "drive.gif").stat().st_size > 10_000
            assert (tmp_path / "drive.png").stat().st_size > 1_000
    scripts = [each.script for each in ran]
    assert scripts == [
        *("check_robot.py", "check_missing.py", "write_task.py", "drive.py", "watch.py"),
        *("write_own.py", "train", "export", "export"),
    ]

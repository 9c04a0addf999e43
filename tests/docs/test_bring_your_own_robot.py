"""Follows docs/tutorials/bring-your-own-robot.md."""

from pathlib import Path

import pytest

from metabot_sim.offscreen import choose

PAGE = Path(__file__).parents[2] / "docs/tutorials/bring-your-own-robot.md"


@pytest.mark.slow
def test_every_step_of_the_page_does_what_it_says(follow, tmp_path: Path) -> None:
    ran = follow(PAGE)
    for script, expected, done in ran:
        if script == "watch.py" and done.returncode:
            assert not choose(), done.stderr
            assert "no picture: off-screen OpenGL is missing" in done.stderr
            continue
        assert done.returncode == 0, f"{script}: {done.stderr}"
        assert done.stdout == expected, script
        if script == "watch.py":
            assert (tmp_path / "drive.gif").stat().st_size > 10_000
            assert (tmp_path / "drive.png").stat().st_size > 1_000
    scripts = [each.script for each in ran]
    assert scripts == ["check_robot.py", "check_missing.py", "write_task.py", "drive.py", "watch.py"]

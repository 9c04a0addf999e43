"""Follows docs/tutorials/add-a-meta-learner.md."""

from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/tutorials/add-a-meta-learner.md"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_step_of_the_page_does_what_it_says(follow) -> None:
    ran = follow(PAGE)
    for script, expected, done in ran:
        assert done.returncode == 0, f"{script}: {done.stderr}"
        assert done.stdout == expected, script
    assert [each.script for each in ran] == ["train_it.py", "check_it.py"]

"""What the tests of all families share: which families there are and how many robots play them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from metabot_sim.families.registry import available, family

COUNTS = (1, 2, 5)


def playable() -> list[tuple[str, int]]:
    """Every family with 1, 2 and 5 robots where it allows so many, and one that allows none of these as usual."""
    pairs = []
    for name in available():
        fewest, usual, most = family(name).robots
        counts = [count for count in COUNTS if fewest <= count <= most] or [usual]
        pairs += [(name, count) for count in counts]
    return pairs


@pytest.fixture(params=available())
def family_name(request: pytest.FixtureRequest) -> str:
    """Each family's name."""
    return request.param


@pytest.fixture(params=playable(), ids=lambda pair: f"{pair[0]}-{pair[1]}")
def family_of_size(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Each family's name with a number of robots."""
    return request.param


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """Writes the text of a robot's file; its path."""

    def write(xml: str, name: str = "robot.xml") -> str:
        path = tmp_path / name
        path.write_text(xml)
        return str(path)

    return write


@pytest.fixture(autouse=True)
def _log_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes MUJOCO_LOG.TXT into the working directory when a simulation diverges."""
    monkeypatch.chdir(tmp_path)

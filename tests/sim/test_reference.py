"""The reference page does what it says: its examples run, its table is that of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metabot_sim import demonstrations, registration
from metabot_sim.reference import reward_table, updated
from metabot_sim.rewards import REWARD_TERMS

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/simulation.md"


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("minari", reason="the extra `demos` is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", "")
    names: dict[str, object] = {}
    found = examples()
    assert len(found) == 6
    for example in found:
        exec(compile(example, str(PAGE), "exec"), names)


def test_the_table_of_reward_terms_is_current():
    page = PAGE.read_text()
    assert page == updated(page), f"python -m metabot_sim.reference {PAGE.relative_to(PAGE.parents[2])}"
    assert all(f"| `{name}` |" in reward_table() for name in REWARD_TERMS)


@pytest.mark.parametrize("module", [registration, demonstrations])
def test_examples_in_docstrings_hold(module):
    import doctest

    result = doctest.testmod(module)
    assert result.attempted and not result.failed

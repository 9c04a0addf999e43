"""Pages of families say what stored measures say: what there is to adapt to, and who masters it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.harness.family_pages import sections
from metabot.harness.measure.fingerprint import fingerprint
from metabot.problems import make_problem


def board_row(method: str, kind: str, rate: float) -> dict:
    curve = {split: [[0.0, 0.0]] * 4 + [[rate, rate]] for split in ("test", "held-out")}
    facts = {"problem": "drive-search", "method": method, "kind": kind, "seed": 0, "train_s": 61.0}
    return facts | {"env_steps": 1_000_000, "success": curve}


BOARD = {"rows": [board_row("PPO", "no adaptation", 0.02), board_row("task-inference", "latent context", 0.97)]}
LEARNERS = {
    "rows": [
        {"family": "drive-push", "learner": "mappo", "robots": 2, "env_steps": 300_000, "success": 0.4,
         "steps_to_master": None, "seconds": 31.0},
        {"family": "drive-push", "learner": "imitation", "robots": 2, "env_steps": 300_000, "success": 1.0,
         "steps_to_master": 28_800, "seconds": 9.0},
    ]
}  # fmt: skip


def test_a_page_says_which_methods_and_learners_master_a_family_and_in_how_many_steps() -> None:
    text = "\n".join(sections("drive-search", methods=BOARD))
    assert "| task-inference | latent context | 1,000,000 | 61 | 1 | 97% | 97% |" in text
    assert "| best without adaptation | no adaptation | 1,000,000 | 61 | 1 | 2% | 2% |" in text
    text = "\n".join(sections("drive-push", methods=BOARD, learners=LEARNERS))
    assert "task-inference" not in text
    assert (
        "| mappo | 2 | 300,000 | 40% | – | 31 |" in text and "| imitation | 2 | 300,000 | 100% | 28,800 | 9 |" in text
    )


def test_a_measure_that_was_never_taken_or_of_other_dynamics_says_so() -> None:
    print_ = fingerprint(make_problem("drive-search"))
    cover = {"number": {"iqm": 30.0, "low": 29.0, "high": 31.0}, "at_least": False}
    config = {"seeds": 2, "env_steps": 50_000, "tasks": 32, "parts": ["cover"]}
    row = {"problem": "drive-search", "fingerprint": print_, "cover": cover, "config": config}
    assert "Cover number 30 (29 to 31)." in sections("drive-search", {"rows": [row]})
    command = "`metabot sim adaptation drive-search --seeds 2 --env-steps 50000 --only cover`"
    assert command in "".join(sections("drive-search", {"rows": [row]}))
    assert "another version" in sections("drive-search", {"rows": [{**row, "fingerprint": "old"}]})[2]
    assert "never measured" in sections("drive-search", {"rows": []})[2]
    assert sections("drive-push", {"rows": [row]}) == [], "a team: nothing is asked of one robot there"


def test_pages_are_written_with_what_is_stored(tmp_path: Path) -> None:
    stored = tmp_path / "board.json"
    stored.write_text(json.dumps(BOARD))
    words = ["sim", "pages", "--out", str(tmp_path / "pages"), "--board", str(stored)]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert "## Which methods master it" in (tmp_path / "pages" / "drive-search.md").read_text()
    assert "## Which methods" not in (tmp_path / "pages" / "drive-goal.md").read_text()
    stored.write_text('{"rows": [{}]}')
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2 and refused.output.count("\n") == 1 and "no board" in refused.output

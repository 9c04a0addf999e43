"""`metabot learn`: figures before and after, parameters that can be put back, errors in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabot.base.registry import BASE_LEARNERS, base_learner
from metabot.cli.app import app
from metabot.params import load_checkpoint
from metabot.problems import make_problem


def test_what_was_learned_is_told_and_kept(tmp_path: Path) -> None:
    words = ["learn", "ippo", "--family", "point-spread", "--episodes", "16", "--trials", "2", "--json"]
    runs = []
    for name in ("a", "b"):
        done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        facts = json.loads(done.stdout)
        assert facts["learner"] == "ippo" and facts["robots"] == 2
        assert facts["return_before"] < 0.0 and 0.0 <= facts["success_after"] <= 1.0
        runs.append(load_checkpoint(tmp_path / name))
    assert (runs[0].vector == runs[1].vector).all(), "the seed decides"
    problem = make_problem("point-spread")
    assert runs[0].layout == BASE_LEARNERS["ippo"].make(problem, BASE_LEARNERS["ippo"].config()).layout


def test_self_play_tells_how_often_it_wins() -> None:
    done = CliRunner().invoke(
        app, ["learn", "self-play", "--family", "point-duel", "--episodes", "8", "--trials", "2", "--json"]
    )
    facts = json.loads(done.stdout)
    assert facts["return_after"] is None and 0.0 <= facts["success_after"] <= 1.0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["coma"], "learner: no 'coma'; allowed: imitation, ippo, mappo, ppo"),
        (["mappo", "--family", "two-step-game"], "mappo: the actions of two-step-game are discrete"),
        (["ppo", "--family", "two-step-game"], "ppo: the actions of two-step-game are discrete"),
        (["vdn", "--family", "flying"], "family: no 'flying'"),
        (["vdn", "--set", "colour=red"], "colour: no such setting; allowed: step"),
        (["vdn", "--split", "all"], "split: no 'all'; allowed: train"),
        (["imitation", "--set", "step=-1"], "step: -1.0; allowed: a number above 0"),
        (["imitation", "--set", "noise=nan"], "noise: nan; allowed"),
        (["imitation", "--set", "last_updates=-5"], "last_updates: -5; allowed"),
        (["imitation", "--family", "cheetah-direction"], "imitation needs an expert"),
        (["imitation", "--spec", "x.json", "--task", "3"], "task: --spec says it"),
        (["imitation", "--spec", "x.json", "--robots", "3"], "robots: --spec says it"),
        (["self-play", "--family", "navigation-2d"], "one robot acts in an episode of navigation-2d"),
    ],
)
def test_mistakes_end_with_one_line(words: list[str], line: str) -> None:
    done = CliRunner().invoke(app, ["learn", *words])
    assert done.exit_code == 2
    assert line in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_every_learner_can_be_made_by_name() -> None:
    for name in BASE_LEARNERS:
        entry = base_learner(name)
        family = "gridworld" if name == "q-learning" else "point-duel"
        assert entry.make(make_problem(family), entry.config()).name == name

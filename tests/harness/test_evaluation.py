"""Evaluation: everybody is measured alike, and the table and the picture show it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.cli.outputs import is_plot
from metabot.harness.curves import Protocol, expert_bound, method_curve
from metabot.harness.evaluation import PRETRAINED, SCRATCH, Evaluation, EvaluationConfig, evaluate
from metabot.harness.measure.contestants import NO_ADAPTATION
from metabot.harness.show import plot, table
from metabot.harness.statistics import interquartile_means
from metabot.harness.training import Training, TrainingConfig
from metabot.problems import make_problem

TINY = EvaluationConfig(
    ("fomaml",),
    "navigation-2d",
    seeds=1,
    env_steps=24 * 100 * 2,
    tasks=3,
    trials=2,
    episodes=(0, 2),
    train_tasks=2,
    train_episodes=2,
    scratch_episodes=(4,),
)


def test_methods_and_baselines_are_measured_on_the_same_budget(tmp_path: Path) -> None:
    said = []
    result = evaluate(TINY, tmp_path, told=lambda what, fraction, detail: said.append((what, fraction)))
    assert {(row.name, row.split) for row in result.rows} == {
        (name, split) for name in ("fomaml", PRETRAINED, SCRATCH) for split in ("test", "held-out")
    }
    for row in result.rows:
        assert row.episodes == ((0, 2, 4) if row.name == SCRATCH else (0, 2))
        assert all(0.0 <= value.low <= value.iqm <= value.high <= 1.0 for value in row.success)
        assert all(value.low <= value.iqm <= value.high < 0.0 for value in row.returns)
        assert row.env_steps <= TINY.env_steps
    assert result.expert["test"][0] == 1.0 and result.expert["test"][1] > max(v.iqm for v in result.rows[0].returns)
    fractions = [fraction for _, fraction in said]
    assert fractions == sorted(fractions) and fractions[-1] <= 1.0
    console = Console(width=140, record=True)
    console.print(table(result))
    text = console.export_text()
    assert "fomaml" in text and "held-out" in text and "expert" in text
    plot(result, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG") and is_plot(tmp_path / "curves.png")
    assert Evaluation.from_dict(json.loads(json.dumps(result.as_dict()))).as_dict() == result.as_dict()


def test_what_needs_no_adaptation_is_beside_them_and_a_gain_is_over_the_best_of_it(tmp_path: Path) -> None:
    config = replace(TINY, family="drive-goal", env_steps=9000, episodes=(0, 1), scratch_episodes=(), rivals="few")
    said = []
    result = evaluate(config, tmp_path, told=lambda what, fraction, detail: said.append((what, fraction)))
    rivals = [row for row in result.rows if row.kind == NO_ADAPTATION]
    assert [(row.name, row.split) for row in rivals] == [
        (name, split) for name in ("PPO", "imitation, 4 frames") for split in ("test", "held-out")
    ]
    for row in rivals:
        assert row.success[0] == row.success[1] and 0 < row.env_steps <= config.env_steps and row.train_s > 0.0
        assert result.gained(row) is None
    best = result.best_unadapted("test")
    assert best is not None and best.success[0].mean == max(r.success[0].mean for r in rivals if r.split == "test")
    method = next(row for row in result.rows if row.name == "fomaml" and row.split == "test")
    assert result.gained(method) == pytest.approx(method.success[1].mean - best.success[0].mean)
    fractions = [fraction for _, fraction in said]
    assert fractions == sorted(fractions) and fractions[-1] <= 1.0
    matrix = np.array(result.cross["fomaml"]["seeds"][0]["matrix"])
    assert matrix.shape == (8, 8) and result.cross["fomaml"]["largest"] >= result.cross["fomaml"]["off"]["mean"]
    console = Console(width=160, record=True)
    console.print(table(result))
    assert "gained" in (text := console.export_text()) and "Cross matrix of fomaml" in text
    assert Evaluation.from_dict(json.loads(json.dumps(result.as_dict()))).as_dict() == result.as_dict()
    again: list[str] = []
    found = evaluate(config, tmp_path, told=lambda what, fraction, detail: again.append(what))
    assert [row.success for row in found.rows] == [row.success for row in result.rows]
    assert not any(what.startswith("without adaptation: PPO") for what in again), "it was kept"


def test_a_stored_evaluation_is_shown_without_running_anything(tmp_path: Path) -> None:
    result = evaluate(replace(TINY, episodes=(0,), scratch_episodes=(), splits=("test",)))
    stored = tmp_path / "stored.json"
    stored.write_text(json.dumps({"date": "2026-11-26", "command": "metabot evaluate fomaml", **result.as_dict()}))
    shown = CliRunner().invoke(app, ["evaluate", "--show", str(stored), "--out", str(tmp_path)], catch_exceptions=False)
    assert shown.exit_code == 0
    assert "fomaml" in shown.output and "2026-11-26 · metabot evaluate fomaml" in shown.output
    assert (tmp_path / "stored.png").read_bytes().startswith(b"\x89PNG")
    stored.write_text('{"rows": []}')
    refused = CliRunner().invoke(app, ["evaluate", "--show", str(stored)])
    assert refused.exit_code == 2
    assert refused.output.count("\n") == 1 and "no evaluation of this metabot: 'config'" in refused.output


def test_a_second_evaluation_finds_the_trainings_of_the_first(tmp_path: Path) -> None:
    config = replace(TINY, splits=("test",), scratch_episodes=(), episodes=(0,))
    first = evaluate(config, tmp_path)
    before = (tmp_path / "fomaml-seed-0" / "meta.checkpoint").read_bytes()
    training = Training(config.training("fomaml", 0), tmp_path / "fomaml-seed-0")
    assert training.finished
    again = evaluate(config, tmp_path)
    assert [row.success for row in again.rows] == [row.success for row in first.rows]
    assert (tmp_path / "fomaml-seed-0" / "meta.checkpoint").stat().st_size == len(before)


def test_all_contestants_meet_the_same_tasks_and_goals() -> None:
    problem = make_problem("drive-goal")
    protocol = Protocol("held-out", tasks=4, trials=3)
    assert np.array_equal(protocol.rows(problem), protocol.rows(problem))
    first = problem.begin(np.repeat(protocol.rows(problem), 3, axis=0), protocol.testing())
    assert np.array_equal(first, problem.begin(np.repeat(protocol.rows(problem), 3, axis=0), protocol.testing()))
    other = Protocol("held-out", tasks=4, trials=3, seed=1)
    assert not np.array_equal(protocol.rows(problem), other.rows(problem))


def test_adapting_from_fewer_episodes_reads_only_those() -> None:
    training = Training(TrainingConfig("meta-sgd", "drive-goal", tasks=2, episodes=2, env_steps=1))
    learner, meta = training.learner, training.meta
    tasks = training.problem.sample(np.random.default_rng(0), 2)
    experience = learner.gather(meta, training.problem, tasks, 4, np.random.default_rng(1))
    few = learner.adapt(meta, experience.first(2))
    experience.rewards[:, 2:] = 100.0
    assert np.array_equal(few.numpy(), learner.adapt(meta, experience.first(2)).numpy())
    assert not np.array_equal(few.numpy(), learner.adapt(meta, experience).numpy())


def test_interquartile_means_ignore_outliers_and_intervals_hold_them() -> None:
    scores = np.full((4, 8, 2), 0.5)
    scores[0, 0, 0] = 100.0
    scores[:, :, 1] = np.random.default_rng(0).uniform(0, 1, (4, 8))
    flat, spread = interquartile_means(scores)
    assert flat.iqm == pytest.approx(0.5)
    assert spread.low < spread.iqm < spread.high
    from rliable.metrics import aggregate_iqm

    assert spread.iqm == pytest.approx(aggregate_iqm(scores[:, :, 1]))


def test_intervals_depend_on_the_seed_alone_and_leave_the_global_generator_as_it_is() -> None:
    scores = np.random.default_rng(0).uniform(0, 1, (3, 8, 2))
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = interquartile_means(scores)
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(2)
    assert interquartile_means(scores) == first
    assert interquartile_means(scores, seed=1) != first


def test_an_expert_that_does_not_exist_is_no_bound() -> None:
    protocol = Protocol("test", tasks=2, trials=1)
    assert expert_bound(make_problem("cheetah-direction"), protocol) is None
    bound = expert_bound(make_problem("navigation-2d"), protocol)
    assert bound is not None and bound[0] == 1.0


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"methods": ()}, "methods: none"),
        ({"seeds": 0}, "seeds: 0 is below 1"),
        ({"episodes": (2, 1)}, "episodes: .* ascending"),
        ({"trials": 0}, "trials: 0 is below 1"),
        ({"rivals": "some"}, "rivals: no 'some'; allowed: none, few, all"),
    ],
)
def test_an_impossible_evaluation_is_refused(fields: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        EvaluationConfig(**{"methods": ("maml",), "family": "drive-goal", **fields})


def test_without_adaptation_a_method_is_its_start() -> None:
    training = Training(TrainingConfig("maml", "navigation-2d", tasks=2, episodes=2, env_steps=1))
    curve = method_curve(training.learner, training.meta, training.problem, Protocol("test", 2, 1, (0,)))
    assert curve.returns.shape == (1, 2) and curve.episodes == (0,)

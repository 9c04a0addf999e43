"""The board: cells are kept one by one, found again, made anew where something changed, and put together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabot.cli.app import app
from metabot.harness.board import cells, recipes
from metabot.harness.board.cells import BoardConfig, load, make_board
from metabot.harness.board.recipes import METHODS, SPECIAL, Recipe
from metabot.harness.board.show import BEST, board, draw, table

SMALL = Recipe(env_steps=3000, tasks=2, episodes=2, settings={"inner_step": 0.2})
PROBLEM = "drive-goal"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes that take no time."""
    for module in (recipes, cells):
        monkeypatch.setattr(module, "METHODS", {"maml": SMALL})
        monkeypatch.setattr(module, "UNADAPTED", ("PPO",))
    monkeypatch.setattr(recipes, "UNADAPTED_RECIPE", Recipe(env_steps=8000))


def config(**fields: object) -> BoardConfig:
    return BoardConfig(**{"problems": (PROBLEM,), "methods": ("maml",), "seeds": 1, "tasks": 3, "trials": 2, **fields})  # type: ignore[arg-type]


@pytest.mark.usefixtures("small")
def test_cells_are_kept_and_only_what_is_missing_or_changed_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, made = tmp_path / "board.json", []
    real = cells._made

    def counting(facts, *rest):
        name, seed = facts["method"], facts["seed"]
        made.append((name, seed))
        if seed == 1 and name == "maml" and len(made) < 5:
            raise KeyboardInterrupt
        return real(facts, *rest)

    monkeypatch.setattr(cells, "_made", counting)
    with pytest.raises(KeyboardInterrupt):
        make_board(config(seeds=2), path, 1, lambda what, share: None)
    assert [(row["method"], row["seed"]) for row in load(path)["rows"]] == [("PPO", 0), ("PPO", 1), ("maml", 0)]
    made.clear()
    made += [("", 0)] * 5
    report = make_board(config(seeds=2), path, 1, lambda what, share: None)
    assert made[5:] == [("maml", 1)] and len(report["rows"]) == 4
    rows = {(row["method"], row["seed"]): row for row in report["rows"]}
    assert len(rows["maml", 0]["success"]["held-out"]) == 5 and len(rows["maml", 0]["success"]["test"][0]) == 3
    assert rows["maml", 0]["env_steps"] <= 3000 and rows["maml", 0]["kind"] == "optimisation-based"
    # Who does not adapt is as good after any number of episodes.
    assert len({tuple(row) for row in rows["PPO", 0]["success"]["test"]}) == 1
    # Dynamics of another version: only what stands for them is made anew.
    stored = json.loads(path.read_text())
    stored["rows"][0]["fingerprint"] = "another"
    path.write_text(json.dumps(stored))
    made[5:] = []
    make_board(config(seeds=2), path, 1, lambda what, share: None)
    assert made[5:] == [(stored["rows"][0]["method"], stored["rows"][0]["seed"])]


@pytest.mark.usefixtures("small")
def test_cells_that_are_made_side_by_side_are_those_made_one_by_one(tmp_path: Path) -> None:
    said: list[tuple[str, float]] = []
    one, many = (tmp_path / f"{jobs}.json" for jobs in (1, 2))
    make_board(config(), one, 1, lambda what, share: None)
    make_board(config(), many, 2, lambda what, share: said.append((what, share)))
    rows, others = (
        [{key: value for key, value in row.items() if key != "train_s"} for row in load(path)["rows"]]
        for path in (one, many)
    )
    assert rows == others and len(rows) == 2
    assert said[0] == (f"{PROBLEM}, PPO, seed 0; {PROBLEM}, maml, seed 0", 0.0)


def report_of(*rows: tuple[str, str, str, int, float]) -> dict:
    def row(problem: str, method: str, kind: str, seed: int, rate: float) -> dict:
        curve = {split: [[0.0, 0.0]] * 4 + [[rate, rate]] for split in ("test", "held-out")}
        facts = {"problem": problem, "method": method, "kind": kind, "seed": seed, "train_s": 1.0, "env_steps": 9}
        return {**facts, "success": curve if kind else {}}

    return {"rows": [row(*each) for each in rows]}


def test_a_gain_is_over_the_best_that_does_not_adapt_on_the_same_problem(tmp_path: Path) -> None:
    still = "no adaptation"
    found = board(
        report_of(
            ("a", "PPO", still, 0, 0.1), ("a", "feedback", still, 0, 0.3), ("a", "m", "latent context", 0, 0.8),
            ("a", "m", "latent context", 1, 0.6), ("b", "PPO", still, 0, 0.5), ("b", "m", "latent context", 0, 0.4),
            ("a", "n", "in-context", 0, 0.9), ("b", "n", "", 0, 0.0),
        )
    )  # fmt: skip
    assert found.methods == (BEST, "m", "n") and found.problems == ("a", "b")
    assert found.cells[BEST, "a"].value.iqm == pytest.approx(0.3)
    assert found.cells["m", "a"].gain == pytest.approx(0.4) and found.cells["m", "a"].seeds == 2
    assert found.cells["m", "b"].gain == pytest.approx(-0.1)
    assert ("n", "b") not in found.cells, "what a method refuses is empty, and not zero"
    assert table(found, "test").row_count == 3
    assert (found.left(found.cells["m", "a"]), found.left(found.cells["m", "b"])) == ("", "1 of 2 seeds")
    draw(found, "test", tmp_path / "board.png")
    assert (tmp_path / "board.png").read_bytes()[:4] == b"\x89PNG"


def test_every_recipe_can_be_trained_and_says_so_in_words() -> None:
    from metabot.cli.train import read_settings
    from metabot.harness import Training

    general = {(method, "drive-odometry"): recipe for method, recipe in METHODS.items()}
    for (method, problem), recipe in {**general, **SPECIAL}.items():
        words = recipe.command(method, problem, 3).split()
        named = [words[index + 1] for index, word in enumerate(words) if word == "--set"]
        typed = Recipe(recipe.env_steps, recipe.tasks, recipe.episodes, read_settings(named))
        mine, theirs = (Training(each.training(method, problem, 3)).learner for each in (recipe, typed))
        assert mine.layout == theirs.layout and mine.config == theirs.config, method  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--method", "magic"), "method: no recipe for 'magic'; allowed: task-inference"),
        (("--problem", "nowhere"), "nowhere"),
        (("--split", "train"), "split: no 'train'; allowed: test, held-out"),
        (("--show", "nothing.json"), "nothing.json"),
    ],
)
def test_what_cannot_be_made_or_shown_is_one_line(tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    ended = CliRunner().invoke(app, ["board", "--json", str(tmp_path / "board.json"), *arguments])
    assert ended.exit_code == 2 and ended.output.startswith("metabot: ") and line in ended.output
    assert ended.output.count("\n") == 1 and not (tmp_path / "board.json").exists()


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text('{"notes": "mine"}')
    ended = CliRunner().invoke(app, ["board", "--json", str(tmp_path / "board.json"), "--problem", PROBLEM])
    assert ended.exit_code == 2 and (tmp_path / "board.json").read_text() == '{"notes": "mine"}'

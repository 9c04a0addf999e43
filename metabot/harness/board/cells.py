"""Cells of the board: one method on one problem with one seed, kept in one file as they are made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metabot.harness.board.recipes import METHODS, UNADAPTED, Recipe, recipe_of
from metabot.harness.curves import Protocol, method_curve
from metabot.harness.measure.contestants import CONTESTANTS, NO_ADAPTATION
from metabot.harness.measure.fingerprint import fingerprint
from metabot.harness.measure.stored import load_rows
from metabot.harness.training import Training
from metabot.policy.threads import one_torch_thread
from metabot.problems import Split, make_problem
from metabot.processes import give_back_memory, workers
from metabot.provenance import made_by, write_report

EPISODES = (0, 1, 2, 4, 8)
SPLITS: tuple[Split, ...] = ("test", "held-out")
Told = Callable[[str, float], None]
"""Called with what is being made and the share done, 0..1."""
_Work = tuple[dict[str, Any], Recipe, "BoardConfig"]


@dataclass(frozen=True)
class BoardConfig:
    """What the board consists of.

    Attributes:
        problems: names of problems.
        methods: names of meta-learners with a recipe; those who do not adapt are always there.
        seeds: trainings of every cell, with seeds 0, 1, ...
        tasks: fresh tasks of each split.
        trials: episodes of each task for every figure.
    """

    problems: tuple[str, ...]
    methods: tuple[str, ...] = tuple(METHODS)
    seeds: int = 5
    tasks: int = 32
    trials: int = 8

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
        for name in ("seeds", "tasks", "trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        for method in self.methods:
            if method not in METHODS:
                raise ValueError(f"method: no recipe for {method!r}; allowed: {', '.join(METHODS)}")
        if not self.problems:
            raise ValueError("problem: none; name at least one")

    def cells(self) -> list[tuple[str, str, int]]:
        """Problem, contestant and seed of every cell; all problems with the first seed, then the next."""
        contestants = (*UNADAPTED, *self.methods)
        return [(each, name, seed) for seed in range(self.seeds) for each in self.problems for name in contestants]


def make_board(config: BoardConfig, path: Path, jobs: int, told: Told) -> dict[str, Any]:
    """Make every cell that a file does not hold yet; each is in the file as soon as it is made.

    A cell of another recipe, of other tasks and trials or of a problem whose dynamics have changed is made anew.
    What else the file holds stays. What a cell holds does not depend on how many are made at a time.

    Args:
        config: which cells.
        path: the file.
        jobs: cells that are made at a time; more than one in processes of their own.
        told: progress.

    Returns:
        What the file holds then.

    Raises:
        ValueError: if a problem is none, or the file holds no board; one line.
    """
    one_torch_thread()
    prints = {name: fingerprint(make_problem(name)) for name in config.problems}
    kept = {_key(cell): cell for cell in (load(path)["rows"] if path.exists() else ())}
    missing, recipes = [], {}
    for name, contestant, seed in config.cells():
        recipe = recipes[name, contestant, seed] = recipe_of(contestant, name)
        facts = {
            "problem": name,
            "method": contestant,
            "seed": seed,
            "fingerprint": prints[name],
            "recipe": json.loads(json.dumps(asdict(recipe))),
            "tasks": config.tasks,
            "trials": config.trials,
        }
        found = kept.get((name, contestant, seed))
        if found is None or any(found.get(key) != value for key, value in facts.items()):
            missing.append(facts)

    def keep(cell: dict[str, Any]) -> None:
        kept[_key(cell)] = cell
        _write(path, list(kept.values()))

    if jobs > 1:
        _side_by_side([(facts, recipes[_key(facts)], config) for facts in missing], jobs, told, keep)
    else:
        for number, facts in enumerate(missing):

            def share(fraction: float, number: int = number, what: str = _what(facts)) -> None:
                told(what, (number + min(fraction, 1.0)) / len(missing))

            share(0.0)
            keep(_made(facts, recipes[_key(facts)], config, share))
    if not path.exists():
        _write(path, list(kept.values()))
    return load(path)


def _side_by_side(missing: Sequence[_Work], jobs: int, told: Told, keep: Callable[[dict[str, Any]], None]) -> None:
    left, working, done = list(missing), dict[Future[dict[str, Any]], str](), 0
    with workers(jobs) as pool:
        while left or working:
            while left and len(working) < jobs:
                work = left.pop(0)
                working[pool.submit(_alone, *work)] = _what(work[0])
            told("; ".join(working.values()), done / len(missing))
            for ended in wait(working, return_when=FIRST_COMPLETED).done:
                del working[ended]
                keep(ended.result())
                done += 1


def _alone(facts: Mapping[str, Any], recipe: Recipe, config: BoardConfig) -> dict[str, Any]:
    """What a process makes, one cell after another."""
    one_torch_thread()
    try:
        return _made(facts, recipe, config, lambda share: None)
    finally:
        give_back_memory()


def _what(facts: Mapping[str, Any]) -> str:
    return f"{facts['problem']}, {facts['method']}, seed {facts['seed']}"


def load(path: Path) -> dict[str, Any]:
    """What `make_board` wrote; see `load_rows`."""
    return load_rows(path, ("problem", "method", "seed", "kind", "success"), "board")


def _made(
    facts: Mapping[str, Any], recipe: Recipe, config: BoardConfig, share: Callable[[float], None]
) -> dict[str, Any]:
    """A cell: its facts, and ``success`` by split, (numbers of episodes, tasks)."""
    problem, name, seed = make_problem(facts["problem"]), facts["method"], facts["seed"]
    protocols = [Protocol(split, config.tasks, config.trials, EPISODES) for split in SPLITS]
    started, date = time.monotonic(), time.strftime("%Y-%m-%d")
    if name in UNADAPTED:
        contestant = next(each for each in CONTESTANTS if each.name == name)
        if not contestant.fits(problem):
            refused = f"{problem.name} has no expert"
            return {**facts, "kind": NO_ADAPTATION, "date": date, "refused": refused, "success": {}}
        driver, spent = contestant.train(problem, recipe.env_steps, seed, contestant.settings[0], share)
        seconds = time.monotonic() - started
        rates = [driver.drive(problem, each.rows(problem), each.trials, each.testing())[0] for each in protocols]
        curves = [np.tile(rate, (len(EPISODES), 1)) for rate in rates]
        kind, repeated = NO_ADAPTATION, f"metabot board --problem {problem.name} --seeds {seed + 1}"
    else:
        try:
            training = Training(recipe.training(name, problem.name, seed))
        except ValueError as refusal:
            return {**facts, "kind": "", "date": date, "refused": str(refusal), "success": {}}
        training.run(lambda update: share(update.env_steps / recipe.env_steps))
        spent, seconds, kind = training.env_steps, training.seconds, training.learner.kind
        curves = [method_curve(training.learner, training.meta, problem, each).success for each in protocols]
        repeated = recipe.command(name, problem.name, seed)
    success = {split: np.round(curve, 4).tolist() for split, curve in zip(SPLITS, curves, strict=True)}
    return {
        **facts,
        "kind": kind,
        "date": date,
        "env_steps": spent,
        "train_s": round(seconds, 1),
        "command": repeated,
        "success": success,
    }


def _key(cell: Mapping[str, Any]) -> tuple[str, str, int]:
    return cell["problem"], cell["method"], cell["seed"]


def _write(path: Path, cells: Sequence[Mapping[str, Any]]) -> None:
    report = {
        **made_by(),
        "episodes": EPISODES,
        "rows": sorted(cells, key=_key),
    }
    write_report(path, report, indent=None)

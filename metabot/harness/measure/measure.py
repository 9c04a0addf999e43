"""A problem measured, part by part and seed by seed; finished parts are kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from metabot.harness.measure.adapted import trained
from metabot.harness.measure.config import MEMORY, PARTS, MeasureConfig, Told
from metabot.harness.measure.contestants import CONTESTANTS
from metabot.harness.measure.covering import cover_once, covered
from metabot.harness.measure.cross import cross_once, crossed
from metabot.harness.measure.drivers import Driver
from metabot.harness.measure.fingerprint import fingerprint
from metabot.harness.measure.kept import Kept
from metabot.harness.measure.one_variable import costs, variables_once
from metabot.harness.measure.pinned import variables
from metabot.harness.measure.unadapted import compared, remembered_once, unadapted_once
from metabot.harness.training import Training
from metabot.meta import make_meta_learner
from metabot.policy.threads import one_torch_thread
from metabot.problems import PROBLEMS, Problem, make_problem
from metabot_sim.families.base import Family
from metabot_sim.families.registry import GYMNASIUM, available, family


def measurable(name: str) -> Problem:
    """The problem of that name.

    Raises:
        ValueError: if there is none, if several robots act in it, or if its tasks cannot be mastered.
    """
    problem = make_problem(name)
    if problem.agents != 1:
        raise ValueError(f"family: {name} has {problem.agents} robots; allowed: problems in which one acts")
    if not problem.has_success or problem.discrete:
        why = "discrete actions" if problem.discrete else "tasks that nobody masters"
        raise ValueError(f"family: {name} has {why}; allowed: problems of mastery with continuous actions")
    return problem


def measure(
    name: str,
    config: MeasureConfig,
    folder: Path | None = None,
    threads: int = 1,
    told: Told = lambda what, fraction, detail: None,
) -> dict[str, Any]:
    """Measure one problem.

    Args:
        name: the problem's.
        config: which parts and how much of them.
        folder: where finished parts and trainings are kept and found again; nowhere without one.
        threads: simulation threads.
        told: progress; the share is that of all parts of this problem.

    Returns:
        ``problem``, ``fingerprint``, ``config``, ``seconds`` by part, and what each part found by its name.

    Raises:
        ValueError: if the problem cannot be measured, or by no such method; one line.
    """
    one_torch_thread()
    measurable(name)
    problem = make_problem(name, threads=threads)
    for method in config.methods:
        make_meta_learner(method, problem, **dict(config.training(method, name).settings))
    where = None if folder is None else folder / name.replace(":", "-").replace("/", "-")
    return _Measuring(problem, name, config, where, threads, told).run()


_DEPENDS = {
    "cover": ("env_steps", "methods", "tasks", "trials", "episodes"),
    "cross": ("env_steps", "methods", "cross_tasks", "trials", "episodes"),
    "unadapted": ("env_steps", "tasks", "trials"),
    "variables": ("env_steps", "methods", "tasks", "trials", "episodes"),
}
"""Fields of the configuration that decide what a part finds."""


class _Measuring:
    """One problem being measured."""

    def __init__(
        self, problem: Problem, name: str, config: MeasureConfig, folder: Path | None, threads: int, told: Told
    ) -> None:
        self.problem, self.name, self.config, self.folder, self.threads = problem, name, config, folder, threads
        self.kept = Kept(folder)
        self.version = fingerprint(problem)
        self._told, self._trainings = told, dict[str, Training]()
        self._done, self._seconds = 0, dict[str, float]()
        self._found: dict[str, Any] | None = None
        self._best_name = ""

    def told(self, what: str, fraction: float, detail: str) -> None:
        """Say how far all parts are."""
        self._told(what, (self._done + fraction) / (len(self.config.parts) * self.config.seeds), detail)

    def key(self, part: str, **more: object) -> dict[str, Any]:
        """What the files of a part depend on: another method, say, leaves those alone that have none."""
        values = {name: getattr(self.config, name) for name in _DEPENDS[part]}
        if part in ("cross", "variables"):
            values["methods"] = self.config.methods[:1]
        if self.config.board_recipes and "methods" in values:
            values["trained"] = [asdict(self.config.training(method, self.name)) for method in values["methods"]]
        return {"fingerprint": self.version, **values, **more}

    def training(self, method: str) -> Training:
        """A method's training, trained when it is first asked for."""
        if method not in self._trainings:
            self._trainings[method] = trained(method, self.name, self.config, self._trained_in, self.threads, self.told)
        return self._trainings[method]

    @property
    def _trained_in(self) -> Path | None:
        return None if self.folder is None else self.folder / self.version

    def seeds(self, part: str, once: Callable[[int], Mapping[str, Any]], **more: object) -> list[dict[str, Any]]:
        """A part with every seed; those that are kept, with the same key, are not made again."""
        found = []
        for seed in range(self.config.seeds):

            def make(seed: int = seed) -> dict[str, Any]:
                self.told(f"{self.name}: {part}, seed {seed}", 0.0, "")
                started = time.monotonic()
                value = dict(once(seed))
                return {**value, "seconds": round(time.monotonic() - started, 1)}

            found.append(self.kept.part(f"{part}-{seed}", self.key(part, seed=seed, **more), make))
            self._done += 1
        self._seconds[part] = sum(each["seconds"] for each in found)
        return found

    def run(self) -> dict[str, Any]:
        """All parts."""
        found: dict[str, Any] = {}
        parts = {
            "cover": self._cover,
            "cross": self._cross,
            "unadapted": self._unadapted,
            "variables": self._variables,
        }
        # In this order: what one variable costs is tried with the best of the part before.
        for part in (each for each in PARTS if each in self.config.parts):
            found[part] = parts[part]()
        return {
            "problem": self.name,
            "fingerprint": self.version,
            "config": {**asdict(self.config), "parts": list(self.config.parts)},
            "seconds": self._seconds,
            **found,
        }

    def _cover(self) -> dict[str, Any]:
        def once(seed: int) -> dict[str, Any]:
            trainings = {method: self.training(method) for method in self.config.methods}
            return cover_once(self.problem, self.config, seed, trainings, self.told)

        return covered(self.seeds("cover", once))

    def _cross(self) -> dict[str, Any]:
        method = self.config.methods[0]

        def once(seed: int) -> dict[str, Any]:
            return cross_once(self.problem, self.config, seed, self.training(method))

        return crossed(method, self.seeds("cross", once))

    def _unadapted(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def keep(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
            slug = name.lower().replace(",", "").replace(" ", "-")
            value: dict[str, Any] = self.kept.part(f"unadapted-{slug}", self.key("unadapted"), make)
            return value

        def once(seed: int) -> dict[str, Any]:
            def say(who: str, share: float) -> None:
                self.told(f"{self.name}: without adaptation, {who}, seed {seed}", share, "")

            return {"found": unadapted_once(self.problem, self.config, seed, keep, say)}

        for part in self.seeds("unadapted", once):
            found += part["found"]
        self._found = compared(found, self._with_memory())
        return {name: value for name, value in self._found.items() if name != "driver"}

    def _with_memory(self) -> list[dict[str, Any]]:
        """One training of each method with a memory, tried on the tasks of every seed."""

        def tried(method: str) -> list[dict[str, Any]]:
            settings = MEMORY[method]
            training = trained(
                method, self.name, self.config, self._trained_in, self.threads, self.told, settings=settings
            )
            return [remembered_once(self.problem, self.config, seed, training) for seed in range(self.config.seeds)]

        key = self.key("unadapted", seeds=self.config.seeds)
        found: list[dict[str, Any]] = []
        for method in MEMORY:
            if method != "dagger" or self.problem.has_expert:
                found += self.kept.part(f"memory-{method}", key, partial(tried, method))
        return found

    def _variables(self) -> dict[str, Any]:
        if not variables(self.problem):
            return costs([])
        driver = Driver.from_dict(self._best())
        method = self.config.methods[0]

        def once(seed: int) -> dict[str, Any]:
            def say(which: str, share: float) -> None:
                self.told(f"{self.name}: {which} alone, seed {seed}", share, "")

            training = self.training(method)
            return variables_once(self.problem, self.config, seed, driver, training, self.threads, say)

        found = self.seeds("variables", once, driver=self._best_name)
        return {"method": method, "driver": self._best_name, **costs(found)}

    def _best(self) -> dict[str, Any]:
        """The best that does not adapt, as the part before has found it; without that part the quickest one is made."""
        if self._found is not None:
            best = self._found["best"]
            self._best_name = f"{best['name']}, {best['times']} x the budget"
            return dict(self._found["driver"])
        contestant = next(
            each for each in reversed(CONTESTANTS) if each.name in ("imitation", "PPO") and each.fits(self.problem)
        )
        self._best_name = contestant.name

        def make() -> dict[str, Any]:
            self.told(f"{self.name}: without adaptation, {contestant.name}", 0.0, "")
            return contestant.train(self.problem, self.config.env_steps, 0, contestant.settings[0], lambda share: None)[
                0
            ].as_dict()

        value: dict[str, Any] = self.kept.part(f"quick-{contestant.name.lower()}", self.key("unadapted"), make)
        return value


def finished(row: Mapping[str, Any], name: str, config: MeasureConfig) -> bool:
    """Whether a stored row is what measuring the problem would give again.

    Args:
        row: what `measure` gave, read from JSON.
        name: of the problem.
        config: how it would be measured.
    """
    wanted = json.loads(json.dumps({**asdict(config), "parts": list(config.parts)}))
    return row["config"] == wanted and row["fingerprint"] == fingerprint(make_problem(name))


def adaptive_problems() -> list[str]:
    """Names of the problems in which one robot acts and something is hidden that differs from task to task."""
    found = [
        name
        for name in available()
        if not name.startswith(GYMNASIUM)
        and family(name).robots[0] == 1
        and (family(name).dynamics or type(family(name)).draw is not Family.draw)
    ]
    return [*found, *(name for name in PROBLEMS if name.startswith(("drive-push", "drive-pursuit")))]

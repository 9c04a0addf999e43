"""Methods beside each other and beside the baselines, on the same budget, tasks and goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from metabot.harness.baselines import VALIDATION_TASKS, VALIDATION_TRIALS, train_pretrained
from metabot.harness.curves import (
    EPISODES,
    Curve,
    Protocol,
    expert_bound,
    method_curve,
    pretrained_curve,
    scratch_curve,
)
from metabot.harness.measure.config import MeasureConfig
from metabot.harness.measure.contestants import NO_ADAPTATION
from metabot.harness.rivals import Rivals, comparable, cross_matrix_of, rival_curves, trainings
from metabot.harness.statistics import Interval, interquartile_means
from metabot.harness.training import Training, TrainingConfig
from metabot.meta.config import with_tuples
from metabot.policy.threads import one_torch_thread
from metabot.problems import Split

PRETRAINED, SCRATCH = "pre-trained", "from scratch"
LONG = (16, 32, 64, 128, 256, 512, 1024)
"""More adaptation episodes for learning from scratch, to show what it takes."""

Told = Callable[[str, float, str], None]
"""Called with what is being done, the share done (0..1) and a detail."""


@dataclass(frozen=True)
class EvaluationConfig:
    """What is compared, and on what.

    Attributes:
        methods: names of meta-learners.
        family: the problem.
        robots: how many robots the family has.
        seeds: trainings of each method, with seeds 0, 1, ...
        env_steps: budget of each training, pre-training included.
        tasks: tasks measured on each split.
        trials: fresh trials of each task for every figure.
        episodes: numbers of adaptation episodes.
        splits: which tasks.
        scratch_episodes: further numbers of episodes for learning from scratch.
        train_tasks: tasks of an update.
        train_episodes: adaptation episodes of each task in training.
        settings: fields of the methods' configurations, by method.
        spec: as in `TrainingConfig`.
        rivals: who that needs no adaptation is beside them, where one robot acts in an episode.
    """

    methods: tuple[str, ...]
    family: str
    robots: int | None = None
    seeds: int = 3
    env_steps: int = 1_000_000
    tasks: int = 32
    trials: int = 16
    episodes: tuple[int, ...] = EPISODES
    splits: tuple[Split, ...] = ("test", "held-out")
    scratch_episodes: tuple[int, ...] = ()
    train_tasks: int = 16
    train_episodes: int = 8
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    spec: Mapping[str, Any] | None = None
    rivals: Rivals = "none"

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        if self.rivals not in (allowed := get_args(Rivals)):
            raise ValueError(f"rivals: no {self.rivals!r}; allowed: {', '.join(allowed)}")
        if not self.methods:
            raise ValueError("methods: none; name at least one")
        if self.seeds < 1:
            raise ValueError(f"seeds: {self.seeds} is below 1")
        for split in self.splits:
            Protocol(split, self.tasks, self.trials, self.episodes)
        for method in self.methods:
            self.training(method, 0)

    def training(self, method: str, seed: int) -> TrainingConfig:
        """How a method is trained."""
        return TrainingConfig(
            method=method,
            family=self.family,
            robots=self.robots,
            seed=seed,
            env_steps=self.env_steps,
            tasks=self.train_tasks,
            episodes=self.train_episodes,
            settings=self.settings.get(method, {}),
            spec=self.spec,
        )


@dataclass(frozen=True)
class Row:
    """One contestant on one split.

    Attributes:
        name: the method or baseline.
        kind: its family of methods; "baseline" for those, "no adaptation" for what does not adapt.
        split: which tasks.
        episodes: (k,) numbers of adaptation episodes.
        success: interquartile mean over seeds and tasks at each of them, with its interval.
        returns: the same of the return.
        env_steps: control steps spent on training, mean over seeds.
        train_s: seconds of training, mean over seeds.
    """

    name: str
    kind: str
    split: Split
    episodes: tuple[int, ...]
    success: list[Interval]
    returns: list[Interval]
    env_steps: int
    train_s: float


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`.

    Attributes:
        config: what was asked for.
        has_success: whether the problem's tasks can be mastered; else only returns count.
        rows: contestants on splits.
        expert: success and return of one who knows the tasks, by split; empty where nobody does.
        cross: by method its cross matrix, of its first training; empty where several robots act in an episode.
    """

    config: EvaluationConfig
    has_success: bool
    rows: list[Row]
    expert: dict[Split, tuple[float, float]]
    cross: dict[str, dict[str, Any]] = field(default_factory=dict)

    def best_unadapted(self, split: Split) -> Row | None:
        """The best on a split of those who do not adapt, by mean success; None where none is known."""
        rows = [row for row in self.rows if row.split == split and row.kind == NO_ADAPTATION]
        return max(rows, key=lambda row: row.success[0].mean, default=None)

    def gained(self, row: Row) -> float | None:
        """Mean success of a row after the most episodes less that of the best that does not adapt."""
        best = self.best_unadapted(row.split)
        if best is None or row.kind == NO_ADAPTATION:
            return None
        return row.success[len(self.config.episodes) - 1].mean - best.success[0].mean

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "config": asdict(self.config),
            "has_success": self.has_success,
            "expert": self.expert,
            "cross": self.cross,
            "rows": [asdict(row) for row in self.rows],
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Evaluation:
        """What `as_dict` gave, whatever else stands beside it.

        Raises:
            ValueError: if it is none; one line.
        """
        try:
            config = with_tuples(found["config"])
            rows = []
            for row in found["rows"]:
                scores = {name: [Interval(**value) for value in row[name]] for name in ("success", "returns")}
                rows.append(Row(**{**row, "episodes": tuple(row["episodes"]), **scores}))
            expert = {split: tuple(bound) for split, bound in found["expert"].items()}
            return cls(EvaluationConfig(**config), found["has_success"], rows, expert, found.get("cross", {}))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no evaluation of this metabot: {error}") from None


def evaluate(
    config: EvaluationConfig,
    folder: Path | None = None,
    threads: int = 1,
    told: Told = lambda what, fraction, detail: None,
) -> Evaluation:
    """Train every method and baseline with every seed, and measure their curves.

    Args:
        config: what is compared.
        folder: where trainings are kept, so that a second call finds them; nowhere without one.
        threads: simulation threads.
        told: progress.

    Raises:
        ValueError: if something in the configuration is impossible; one line.
    """
    one_torch_thread()
    jobs_of = [(method, seed) for method in config.methods for seed in range(config.seeds)]
    # Found out now, and not after minutes of training.
    for method in config.methods:
        Training(config.training(method, 0))
    problem = config.training(config.methods[0], 0).problem(threads)
    protocols = {split: Protocol(split, config.tasks, config.trials, config.episodes) for split in config.splits}
    found: dict[tuple[str, str, Split], list[Curve]] = {}
    spent: dict[str, list[tuple[int, float]]] = {}
    kinds: dict[str, str] = {}
    rivals: Rivals = config.rivals if comparable(problem) else "none"
    budgets = trainings(problem, rivals)
    jobs = len(jobs_of) + (2 + budgets) * config.seeds
    cross: dict[str, dict[str, Any]] = {}
    done = 0

    def say(what: str, fraction: float, detail: str = "") -> None:
        told(what, (done + fraction) / jobs, detail)

    for method, seed in jobs_of:
        where = None if folder is None else folder / f"{method}-seed-{seed}"
        training = Training(config.training(method, seed), where, threads)
        kinds[method] = training.learner.kind
        what = f"{method}, seed {seed}"

        def progress(update: Any, what: str = what) -> None:
            score = "success_after" if problem.has_success else "return_after"
            say(
                what,
                0.9 * min(1.0, update.env_steps / config.env_steps),
                f"{update.metrics[score]:.2f} after adaptation",
            )

        training.run(progress)
        spent.setdefault(method, []).append((training.env_steps, training.seconds))
        for split, protocol in protocols.items():
            curve = method_curve(training.learner, training.meta, problem, protocol)
            found.setdefault((method, kinds[method], split), []).append(curve)
        if seed == 0 and comparable(problem) and config.episodes[-1]:
            cross[method] = cross_matrix_of(problem, training, config.trials, config.episodes[-1])
        done += 1
    for seed in range(config.seeds):
        what = f"{PRETRAINED}, seed {seed}"
        baseline, seconds = _timed(
            lambda seed=seed, what=what: train_pretrained(  # type: ignore[misc]
                problem,
                config.env_steps,
                config.train_episodes,
                seed,
                lambda fraction, success: say(what, 0.8 * fraction, f"{success:.2f}"),
                validation=(min(config.tasks, VALIDATION_TASKS), min(config.trials, VALIDATION_TRIALS)),
            )
        )
        spent.setdefault(PRETRAINED, []).append((baseline.env_steps, seconds))
        for split, protocol in protocols.items():
            found.setdefault((PRETRAINED, "baseline", split), []).append(pretrained_curve(baseline, problem, protocol))
        done += 1
        say(f"{SCRATCH}, seed {seed}", 0.0)
        for split in protocols:
            longer = Protocol(split, config.tasks, config.trials, (*config.episodes, *config.scratch_episodes))
            found.setdefault((SCRATCH, "baseline", split), []).append(scratch_curve(problem, longer, seed))
        spent.setdefault(SCRATCH, []).append((0, 0.0))
        done += 1
    measured = MeasureConfig(seeds=config.seeds, env_steps=config.env_steps, tasks=config.tasks, trials=config.trials)
    for seed in range(config.seeds if budgets else 0):

        def beside(who: str, share: float, seed: int = seed) -> None:
            say(f"without adaptation: {who}, seed {seed}", budgets * min(1.0, share))

        where = None if folder is None else folder / "rivals"
        for name, split, curve, cost in rival_curves(problem, measured, rivals, seed, protocols, where, beside):
            found.setdefault((name, NO_ADAPTATION, split), []).append(curve)
            if split == config.splits[0]:
                spent.setdefault(name, []).append(cost)
        done += budgets
    experts = {split: bound for split, protocol in protocols.items() if (bound := expert_bound(problem, protocol))}
    rows = [_row(name, kind, split, curves, spent[name]) for (name, kind, split), curves in found.items()]
    return Evaluation(config, problem.has_success, rows, experts, cross)


def _row(name: str, kind: str, split: Split, curves: Sequence[Curve], spent: Sequence[tuple[int, float]]) -> Row:
    scores = np.stack([np.concatenate([curve.success, curve.returns]).T for curve in curves])
    intervals, half = interquartile_means(scores), len(curves[0].episodes)
    steps, seconds = (float(np.mean(values)) for values in zip(*spent, strict=True))
    return Row(
        name, kind, split, curves[0].episodes, intervals[:half], intervals[half:], round(steps), round(seconds, 1)
    )


def _timed(job: Callable[[], Any]) -> tuple[Any, float]:
    import time

    started = time.monotonic()
    result = job()
    return result, time.monotonic() - started

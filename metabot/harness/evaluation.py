"""Methods beside each other and beside the baselines, on the same budget, tasks and goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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
from metabot.harness.statistics import Interval, interquartile_means
from metabot.harness.training import Training, TrainingConfig
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

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
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
        kind: its family of methods; "baseline" for those.
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
    """

    config: EvaluationConfig
    has_success: bool
    rows: list[Row]
    expert: dict[Split, tuple[float, float]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "config": asdict(self.config),
            "has_success": self.has_success,
            "expert": self.expert,
            "rows": [asdict(row) for row in self.rows],
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Evaluation:
        """What `as_dict` gave, whatever else stands beside it.

        Raises:
            ValueError: if it is none; one line.
        """
        try:
            config: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in found["config"].items()
            }
            rows = []
            for row in found["rows"]:
                scores = {name: [Interval(**value) for value in row[name]] for name in ("success", "returns")}
                rows.append(Row(**{**row, "episodes": tuple(row["episodes"]), **scores}))
            expert = {split: tuple(bound) for split, bound in found["expert"].items()}
            return cls(EvaluationConfig(**config), found["has_success"], rows, expert)
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
    trainings = [(method, seed) for method in config.methods for seed in range(config.seeds)]
    # Found out now, and not after minutes of training.
    for method in config.methods:
        Training(config.training(method, 0))
    problem = config.training(config.methods[0], 0).problem(threads)
    protocols = {split: Protocol(split, config.tasks, config.trials, config.episodes) for split in config.splits}
    found: dict[tuple[str, str, Split], list[Curve]] = {}
    spent: dict[str, list[tuple[int, float]]] = {}
    kinds: dict[str, str] = {}
    jobs = len(trainings) + 2 * config.seeds
    done = 0

    def say(what: str, fraction: float, detail: str = "") -> None:
        told(what, (done + fraction) / jobs, detail)

    for method, seed in trainings:
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
    experts = {split: bound for split, protocol in protocols.items() if (bound := expert_bound(problem, protocol))}
    rows = [_row(name, kind, split, curves, spent[name]) for (name, kind, split), curves in found.items()]
    return Evaluation(config, problem.has_success, rows, experts)


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

"""Continual learners beside each other on the same streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from metabot.continual.domain import refuse_fewer_than_two
from metabot.continual.measures import Measures
from metabot.continual.registry import learner_named, make_domain, make_learner
from metabot.continual.stream import TaskStream
from metabot.params.atomic import atomic_file

Told = Callable[[str, float, str], None]
"""Called with what is being done, the share done (0..1) and a detail."""


@dataclass(frozen=True)
class ComparisonConfig:
    """What is compared, and on what.

    Attributes:
        methods: names of continual learners.
        family: "sine" or a problem with an expert.
        tasks: of a stream.
        seeds: streams, with seeds 0, 1, ...: other tasks, points and first parameters.
        steps: batches of each task.
        batch: points of a batch.
        blend: see `TaskStream`.
        looks: how often all tasks are scored during each task's steps.
        trials: fresh episodes of each task for every score.
        settings: fields of the methods' configurations, by method.
    """

    methods: tuple[str, ...]
    family: str = "sine"
    tasks: int = 5
    seeds: int = 3
    steps: int = 200
    batch: int = 64
    blend: float = 0.2
    looks: int = 4
    trials: int = 16
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be compared."""
        if not self.methods:
            raise ValueError("methods: none; name at least one")
        refuse_fewer_than_two(self.tasks)
        for name in ("seeds", "looks", "trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        for method in self.methods:
            self.stream(method)
        if self.looks > self.steps:
            raise ValueError(f"looks: {self.looks} are more than the {self.steps} steps of a task")

    def stream(self, method: str) -> TaskStream:
        """The stream of a method."""
        return TaskStream(self.tasks, self.steps, self.batch, self.blend, learner_named(method).shuffled)

    def one(self, method: str, seed: int) -> dict[str, Any]:
        """What the scores of one run depend on, as JSON gives it back."""
        kept = {key: value for key, value in asdict(self).items() if key not in ("methods", "seeds", "settings")}
        found: dict[str, Any] = json.loads(
            json.dumps(kept | {"method": method, "seed": seed, "settings": self.settings.get(method, {})})
        )
        return found


@dataclass(frozen=True)
class Comparison:
    """The result of `compare`.

    Attributes:
        config: what was asked for.
        score: what scores are.
        share: whether they are shares of 1.
        scores: by method (seeds, tasks * looks + 1, tasks), in the order of time.
    """

    config: ComparisonConfig
    score: str
    share: bool
    scores: dict[str, np.ndarray]

    def measures(self, method: str) -> list[Measures]:
        """Of every seed."""
        return [Measures.of(matrix[:: self.config.looks]) for matrix in self.scores[method]]

    def summary(self, method: str) -> dict[str, tuple[float, float]]:
        """Mean over seeds of every measure, and its standard error (0 of a single seed)."""
        rows = np.array([[getattr(one, each.name) for each in fields(Measures)] for one in self.measures(method)])
        errors = rows.std(0, ddof=1) / len(rows) ** 0.5 if len(rows) > 1 else np.zeros(rows.shape[1])
        return {
            each.name: (float(mean), float(error))
            for each, mean, error in zip(fields(Measures), rows.mean(0), errors, strict=True)
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = [
            {
                "method": method,
                **{name: {"mean": mean, "standard_error": error} for name, (mean, error) in found.items()},
                "scores": self.scores[method].tolist(),
            }
            for method in self.config.methods
            if (found := self.summary(method))
        ]
        return {"config": asdict(self.config), "score": self.score, "rows": rows}


def compare(
    config: ComparisonConfig,
    folder: Path | None = None,
    threads: int = 1,
    told: Told = lambda what, fraction, detail: None,
) -> Comparison:
    """Let every method learn every stream.

    Args:
        config: what is compared.
        folder: where finished runs are kept, so that a second call finds them; nowhere without one.
        threads: simulation threads.
        told: progress.

    Raises:
        ValueError: if something in the configuration is impossible, or the folder holds other runs; one line.
    """
    scores: dict[str, list[np.ndarray]] = {method: [] for method in config.methods}
    jobs = config.seeds * len(config.methods)
    for seed in range(config.seeds):
        domain = make_domain(
            config.family, config.tasks, np.random.default_rng([seed, 20]), trials=config.trials, threads=threads
        )
        # Found out now, and not after minutes.
        learners = {
            method: make_learner(
                method, domain.network, np.random.default_rng([seed, 21]), **config.settings.get(method, {})
            )
            for method in config.methods
        }
        for number, (method, learner) in enumerate(learners.items()):
            done, what = seed * len(learners) + number, f"{method}, seed {seed}"
            kept = None if folder is None else _found(folder, config, method, seed)
            if kept is not None:
                scores[method].append(kept)
                continue
            stream = config.stream(method)
            shown, draws = np.random.default_rng([seed, 22]), np.random.default_rng([seed, 23])
            rows = [domain.scores(learner.parameters)]
            looks = {round(config.steps * (look + 1) / config.looks) for look in range(config.looks)}
            for step in range(stream.length):
                learner.learn(domain.draw(stream.at(step, shown), shown), draws)
                if step % config.steps + 1 in looks:
                    rows.append(domain.scores(learner.parameters))
                    told(what, (done + (step + 1) / stream.length) / jobs, f"{domain.score} {rows[-1].mean():.2f}")
            scores[method].append(np.array(rows, dtype=np.float64))
            if folder is not None:
                _keep(folder, config, method, seed, scores[method][-1])
    made = {method: np.stack(found) for method, found in scores.items()}
    return Comparison(config, domain.score, domain.share, made)


def _path(folder: Path, method: str, seed: int) -> Path:
    return folder / f"{method}-seed-{seed}.json"


def _keep(folder: Path, config: ComparisonConfig, method: str, seed: int, scores: np.ndarray) -> None:
    with atomic_file(_path(folder, method, seed)) as file:
        file.write((json.dumps({"config": config.one(method, seed), "scores": scores.tolist()}) + "\n").encode())


def _found(folder: Path, config: ComparisonConfig, method: str, seed: int) -> np.ndarray | None:
    """The scores of a finished run."""
    path = _path(folder, method, seed)
    if not path.exists():
        return None
    found, wanted = json.loads(path.read_text()), config.one(method, seed)
    other = [name for name in wanted if found["config"].get(name) != wanted[name]]
    if other:
        raise ValueError(f"{path} was run with {other[0]} {found['config'].get(other[0])}, not {wanted[other[0]]}")
    return np.array(found["scores"])

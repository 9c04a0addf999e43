"""Meta-training of one method on one problem: progress, checkpoints, TensorBoard, and going on later."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from metabot.harness.alone import alone_in
from metabot.meta import make_meta_learner
from metabot.meta.learner import MetaLearner, Moments
from metabot.params import CheckpointError, load_checkpoint, save_checkpoint
from metabot.params.atomic import atomic_file
from metabot.params.checkpoint import previous
from metabot.problems import Problem, make_problem
from metabot.processes import give_back_memory
from metabot.task import SpecError, TaskDistribution, TaskSpec

CHECKPOINT = "meta.checkpoint"
CONFIG = "config.json"
FORMAT = 1
"""Version of the training state; another one is refused."""
SAVE_EVERY_S = 20.0


@dataclass(frozen=True)
class TrainingConfig:
    """What is trained, on what, for how long.

    Attributes:
        method: a key of `metabot.meta.META_LEARNERS`.
        family: a problem, see `metabot.problems.make_problem`.
        robots: how many robots the family has; its fewest by default.
        seed: of everything.
        env_steps: budget of simulated control steps; training ends within it.
        tasks: tasks of an update.
        episodes: adaptation episodes of each task in training, and as many after adaptation.
        settings: fields of the method's configuration that differ from the default.
        spec: a `TaskSpec` as a dictionary: scene, robots and reward in place of the family's own.
    """

    method: str
    family: str
    robots: int | None = None
    seed: int = 0
    env_steps: int = 1_000_000
    tasks: int = 16
    episodes: int = 8
    settings: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in ("env_steps", "tasks", "episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name.replace('_', '-')}: {getattr(self, name)} is below 1")

    def problem(self, threads: int = 1) -> Problem:
        """Where it is trained."""
        return make_problem(self.distribution(), threads=threads)

    def distribution(self) -> TaskDistribution:
        """What tasks are drawn from.

        Raises:
            SpecError: if the specification is none of the family and of so many robots; one line.
        """
        scene = None if self.spec is None else TaskSpec.parse(dict(self.spec))
        if scene is not None and (scene.family != self.family or self.robots not in (None, len(scene.robots))):
            raise SpecError(
                f"spec: it is of {len(scene.robots)} robots in {scene.family}; allowed: no others beside it"
            )
        return TaskDistribution(family=self.family, robots=self.robots, scene=scene)


@dataclass(frozen=True)
class Update:
    """How one update went.

    Attributes:
        number: counted from 1.
        env_steps: simulated control steps so far, all updates together.
        seconds: that it took.
        metrics: success and return before and after adaptation, and what the method says.
    """

    number: int
    env_steps: int
    seconds: float
    metrics: dict[str, float]


class _Done(NamedTuple):
    """What whole updates have come to."""

    meta: Tensor
    moments: Moments
    updates: int = 0
    env_steps: int = 0
    seconds: float = 0.0


class Training:
    """A training that can be stopped and gone on with.

    Every update has random numbers of its own, from the seed and its number, so that a training
    that was stopped in between ends with the same parameters, bit for bit, as one that was not. An
    update that something ends halfway has not been.

    Attributes:
        config: what is trained.
        learner: the meta-learner.
        problem: the problem.
    """

    def __init__(self, config: TrainingConfig, folder: Path | None = None, threads: int = 1) -> None:
        """Begin, or go on where a folder has the checkpoint of the same training.

        Args:
            config: what is trained.
            folder: for checkpoints and TensorBoard files; nothing is written without one.
            threads: simulation threads.

        Raises:
            ValueError: if something in the configuration is impossible; one line.
            CheckpointError: if the folder holds another training, or nothing usable.
        """
        self.config, self.folder = config, folder
        self.problem = config.problem(threads)
        self.learner: MetaLearner = make_meta_learner(config.method, self.problem, **config.settings)
        initial = self.learner.initial(np.random.default_rng([config.seed, 0]))
        # In one piece: an interrupt finds all of an update here, or nothing of it.
        self._done = _Done(torch.from_numpy(initial), self.learner.moments())
        self._saved = time.monotonic()
        self._stored: tuple[int, dict[str, Any]] | None = None
        self._alone = False
        if folder is not None and (folder / CHECKPOINT).exists():
            self._resume(folder / CHECKPOINT)
        self._writer: Any = None

    @property
    def meta(self) -> Tensor:
        """The newest meta-parameters, (layout.size,)."""
        return self._done.meta

    @property
    def updates(self) -> int:
        """Done so far."""
        return self._done.updates

    @property
    def env_steps(self) -> int:
        """Spent so far."""
        return self._done.env_steps

    @property
    def seconds(self) -> float:
        """Spent so far, by all runs of this training together."""
        return self._done.seconds

    @property
    def finished(self) -> bool:
        """Whether another update would exceed the budget."""
        spent = self.env_steps / self.updates if self.updates else 0.0
        return self.env_steps + spent > self.config.env_steps

    def step(self) -> Update:
        """One update: draw tasks, gather experience, improve the meta-parameters.

        Raises:
            ValueError: if the budget does not suffice for the first one; one line that says what it takes.
        """
        started = time.monotonic()
        config, done = self.config, self._done
        rng = np.random.default_rng([config.seed, 1, done.updates])
        torch.manual_seed(int(rng.integers(2**62)))
        tasks = self.problem.sample(rng, config.tasks)
        try:
            batch = self.learner.collect(done.meta, self.problem, tasks, config.episodes, rng)
            if not done.updates and batch.env_steps > config.env_steps:
                raise ValueError(
                    f"env-steps: one update of {config.method} takes {batch.env_steps:,} steps with these tasks and"
                    f" episodes, {config.env_steps:,} were given; allowed: at least one update"
                )
            meta, metrics = self.learner.update(done.meta, batch)
            moments = self.learner.moments()
        except BaseException:
            self.learner.restore(done.moments)
            raise
        for part, episodes in (("before", batch.support), ("after", batch.query)):
            metrics[f"success_{part}"] = float(episodes.success.mean())
            metrics[f"return_{part}"] = float(episodes.returns.mean())
        seconds = time.monotonic() - started
        update = Update(done.updates + 1, done.env_steps + batch.env_steps, seconds, metrics)
        self._done = _Done(meta, moments, update.number, update.env_steps, done.seconds + seconds)
        self._log(update)
        if time.monotonic() - self._saved > SAVE_EVERY_S:
            self.save()
            give_back_memory()
        return update

    def run(self, told: Callable[[Update], None] = lambda update: None) -> None:
        """Update until the budget is spent; whatever ends it, what was learned is saved.

        Args:
            told: called after every update.

        Raises:
            FolderInUse: if another training writes into the folder.
            ValueError: if the budget does not suffice for one update; one line.
        """
        with self.alone():
            try:
                for update in self._left():
                    told(update)
            finally:
                if self.updates and self._stored != (self.updates, _plain(self.config)):
                    self.save()
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """In the block nobody else trains in the folder; what another one has put there meanwhile is gone on with.

        Raises:
            FolderInUse: naming the other.
            CheckpointError: if another training has been there meanwhile.
            ValueError: if a file is in the way that no training wrote; one line.
        """
        if self.folder is None or self._alone:
            yield
            return
        with alone_in(self.folder):
            path = self.folder / CHECKPOINT
            if path.exists():
                found = load_checkpoint(path)
                check_origin(path, found.info)
                if found.info["updates"] > self.updates:
                    self._resume(path)
            else:
                _refuse_foreign(self.folder / CONFIG)
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    def _left(self) -> Iterator[Update]:
        while not self.finished:
            yield self.step()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all, and never over one that has more updates.

        Raises:
            FolderInUse: if another training writes into the folder.
        """
        if self.folder is None:
            return
        with self.alone():
            self._write(self.folder, self._done, self._done.moments)
            self._stored = self.updates, _plain(self.config)
        self._saved = time.monotonic()

    def save_released(self, folder: Path) -> None:
        """Write the checkpoint without what only going on with the training needs, and none before it."""
        self._write(folder, self._done, {})
        previous(folder / CHECKPOINT).unlink(missing_ok=True)

    def _write(self, folder: Path, done: _Done, moments: Moments) -> None:
        info = {
            "format": FORMAT,
            "method": self.config.method,
            "family": self.config.family,
            "updates": done.updates,
            "env_steps": done.env_steps,
            "seconds": round(done.seconds, 3),
            "config": _plain(self.config),
        }
        save_checkpoint(folder / CHECKPOINT, done.meta.numpy(), self.learner.layout, info, moments)
        with atomic_file(folder / CONFIG) as file:
            file.write((json.dumps(_plain(self.config), indent=2) + "\n").encode())

    def _resume(self, path: Path) -> None:
        found = load_checkpoint(path)
        check_origin(path, found.info, self.config.method, self.config.family)
        wanted, had = _plain(self.config), found.info["config"]
        # More steps may be asked for; everything else makes another training.
        other = [name for name in wanted if name != "env_steps" and wanted[name] != had.get(name)]
        if other:
            name = other[0]
            raise CheckpointError(f"{path} was trained with {name} {had.get(name)}, not {wanted[name]}")
        if found.layout.hash != self.learner.layout.hash:
            raise CheckpointError(
                f"{path} has layout {found.layout.hash} of {found.layout.size} numbers, wanted is"
                f" {self.learner.layout.hash} of {self.learner.layout.size}"
            )
        self.learner.restore(found.moments)
        spent = int(found.info["updates"]), int(found.info["env_steps"]), float(found.info["seconds"])
        self._done = _Done(torch.from_numpy(found.vector), self.learner.moments(), *spent)
        self._stored = self.updates, had

    def _log(self, update: Update) -> None:
        if self.folder is None:
            return
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), purge_step=update.env_steps)
        for name, value in update.metrics.items():
            self._writer.add_scalar(name, value, update.env_steps)


def check_origin(path: Path, info: Mapping[str, Any], method: str | None = None, family: str | None = None) -> None:
    """Refuse a checkpoint of another format, method or family.

    Raises:
        CheckpointError: naming what it is and what was wanted.
    """
    if info.get("format") != FORMAT:
        raise CheckpointError(f"{path} has training format {info.get('format')}, this metabot writes {FORMAT}")
    for name, wanted in (("method", method), ("family", family)):
        if wanted is not None and info[name] != wanted:
            raise CheckpointError(f"{path} was made by {name} {info[name]}, not {wanted}")


def _refuse_foreign(path: Path) -> None:
    """Refuse to overwrite a configuration that is none of a training."""
    try:
        found = json.loads(path.read_text())
        ours = {"method", "family"} <= found.keys()
    except FileNotFoundError:
        return
    except (ValueError, AttributeError, OSError):
        ours = False
    if not ours:
        raise ValueError(f"out: {path} is there already and of no training; allowed: a folder without it")


def load_trained(folder: Path, threads: int = 1) -> Training:
    """The training that a folder holds, ready to be measured or gone on with.

    Raises:
        CheckpointError: if there is none that can be used.
    """
    path = folder / CHECKPOINT
    try:
        found = load_checkpoint(path)
    except FileNotFoundError:
        raise CheckpointError(f"{folder} has no {CHECKPOINT}") from None
    check_origin(path, found.info)
    return Training(TrainingConfig(**found.info["config"]), folder, threads)


def _plain(config: TrainingConfig) -> dict[str, Any]:
    """The configuration as JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return plain

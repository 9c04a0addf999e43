"""Tasks of a family that somebody states: hidden dynamics as in a specification, places drawn anew."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from metabot.task import SpecError, TaskSpec
from metabot_sim.episodes import OBJECT_DYNAMICS, EpisodeBatch
from metabot_sim.families.base import Family

_TRIES = 8
"""Draws of places, of which the first is taken in which no object lies at its place already."""


class StatedTasks:
    """What specifications say is hidden in a scene."""

    def __init__(self, family: Family, scene: TaskSpec) -> None:
        """Begin with none.

        Args:
            family: that is played.
            scene: in which.
        """
        self._family, self._scene = family, scene
        self._tasks: list[EpisodeBatch] = []
        self._lock = threading.Lock()

    def add(self, spec: TaskSpec, robot: str | None = None) -> int:
        """The number of one more task; of the same as before where that was equal.

        Args:
            spec: whose dynamics hold, and whose pads where the family hides places.
            robot: whose task it is, where one robot acts in the scene and several do in the specification.

        Raises:
            SpecError: if they do not go together, or the family hides more than that; one line.
        """
        task = self._mine(spec, robot)
        # Who asks whether a task could be adapted to is not who adapts.
        with self._lock:
            return self._added(task)

    def _added(self, task: EpisodeBatch) -> int:
        for number, known in enumerate(self._tasks):
            if all(np.array_equal(getattr(known, name), getattr(task, name)) for name in _HIDDEN):
                return number
        self._tasks.append(task)
        restated = self.draw(np.array([len(self._tasks) - 1]), np.zeros(1, dtype=np.int64), 0)
        if not np.allclose(self._family.hidden(restated), self._family.hidden(task)):
            self._tasks.pop()
            raise SpecError(
                f"spec: {self._family.name} hides more than dynamics; allowed: --task and --split say which task"
            )
        return len(self._tasks) - 1

    def draw(self, tasks: np.ndarray, episodes: np.ndarray, seed: int) -> EpisodeBatch:
        """Episodes in fresh places.

        Args:
            tasks: (n,) numbers that `add` gave.
            episodes: (n,) numbers of episodes, see `Family.draw`.
            seed: another one gives other places.
        """
        places = bool(self._family.places)
        batch = self._restated(tasks, episodes, seed, places)
        for attempt in range(1, _TRIES if places and len(self._scene.objects) else 1):
            late = np.flatnonzero(self._there_already(batch))
            if not late.size:
                break
            batch.put(late, self._restated(tasks[late], episodes[late] + attempt * _MANY, seed, places))
        return batch

    def _restated(self, tasks: np.ndarray, episodes: np.ndarray, seed: int, places: bool) -> EpisodeBatch:
        batch = self._family.draw(self._scene, "test", tasks, episodes, seed)
        for name in _HIDDEN if places else _HIDDEN[:2]:
            getattr(batch, name)[:] = np.concatenate([getattr(self._tasks[task], name) for task in tasks])
        return batch

    def _there_already(self, batch: EpisodeBatch) -> np.ndarray:
        """(n,) whether an object lies at its pad before anybody has touched it."""
        pads = np.take_along_axis(batch.pads, np.maximum(batch.object_targets, 0)[..., None], axis=1)
        away = np.hypot(*np.moveaxis(batch.objects[..., :2] - pads, -1, 0))
        near = away < 2.0 * self._scene.success.radius_m
        return np.asarray((near & (batch.object_targets >= 0)).any(1))

    def _mine(self, spec: TaskSpec, robot: str | None) -> EpisodeBatch:
        """An episode of the scene with what the specification hides, a batch of one."""
        scene = self._scene
        if spec.family != scene.family:
            raise SpecError(f"spec: its family is {spec.family}; allowed: that of the training, {scene.family}")
        if spec.control_hz != scene.control_hz:
            raise SpecError(
                f"spec: its control_hz is {spec.control_hz}; allowed: that of the training, {scene.control_hz}"
            )
        mine, things = list(range(len(spec.robots))), list(range(len(spec.objects)))
        if robot is not None and len(scene.robots) == 1:
            mine = [[each.name for each in spec.robots].index(robot)]
            # A family gives each robot its objects in turn.
            count = len(scene.objects)
            things = things[mine[0] * count : (mine[0] + 1) * count]
        kinds, wanted = ([spec.robots[i].kind for i in mine], [each.kind for each in scene.robots])
        if kinds != wanted:
            raise SpecError(
                f"spec: its robots are {', '.join(kinds)}; allowed: those of the training, {', '.join(wanted)}"
            )
        for i, like in zip(mine, scene.robots, strict=True):
            own = spec.robots[i]
            if not _same_file(own.mjcf, like.mjcf):
                raise SpecError(
                    f"spec: robots.{own.name}.mjcf: {own.mjcf or 'none'}; allowed: that of the training,"
                    f" {like.mjcf or 'none'}"
                )
            self._family.check_dynamics(own)
        stated = EpisodeBatch.of(spec, 1)
        episode = EpisodeBatch.of(scene, 1)
        episode.robot_dynamics[:] = stated.robot_dynamics[:, mine]
        if len(things) == len(scene.objects):
            episode.object_dynamics[:] = stated.object_dynamics[:, things]
            # A specification writes sizes out; in episodes they are factors on the scene's.
            sizes = [spec.objects[i].size_m / each.size_m for i, each in zip(things, scene.objects, strict=True)]
            episode.object_dynamics[0, :, OBJECT_DYNAMICS.index("size")] = sizes
        if self._family.places:
            if len(spec.pads) != len(scene.pads):
                raise SpecError(f"spec: it has {len(spec.pads)} pads; allowed: {len(scene.pads)}, as in the training")
            episode.pads[:] = stated.pads
        return episode


_HIDDEN = ("robot_dynamics", "object_dynamics", "pads")
_MANY = 2**32


def _same_file(own: str | None, other: str | None) -> bool:
    """Whether two robots are of one file, wherever it lies."""
    if own == other or own is None or other is None:
        return own == other
    paths = Path(own), Path(other)
    return all(path.is_file() for path in paths) and paths[0].read_bytes() == paths[1].read_bytes()

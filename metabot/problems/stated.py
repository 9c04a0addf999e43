"""A family's scene under hidden dynamics that somebody states."""

from __future__ import annotations

import numpy as np

from metabot.problems.family import FamilyProblem
from metabot.task import SpecError, TaskSpec
from metabot_sim.episodes import EpisodeBatch


class StatedDynamics(FamilyProblem):
    """Episodes in fresh places; whatever task is asked for, robots and objects have the dynamics stated here.

    Attributes:
        robot_dynamics: (R, columns), see `EpisodeBatch`.
        object_dynamics: (K, 3); the task's where the scene has another number of objects.
    """

    robot_dynamics: np.ndarray
    object_dynamics: np.ndarray

    @classmethod
    def of(cls, scene: TaskSpec, stated: TaskSpec, *, threads: int = 1) -> StatedDynamics:
        """The dynamics of a specification in the scene of another.

        Args:
            scene: what is played.
            stated: whose dynamics hold.
            threads: simulation threads.

        Raises:
            SpecError: if they do not fit together, or the family hides more than dynamics; one line.
        """
        for name in ("family", "robots"):
            asked, wanted = (
                each.family if name == "family" else ", ".join(robot.kind for robot in each.robots)
                for each in (stated, scene)
            )
            if asked != wanted:
                raise SpecError(f"spec: its {name} are {asked}; allowed: those of the training, {wanted}")
        problem = cls(scene.family, threads=threads, spec=scene)
        episode = EpisodeBatch.of(stated, 1)
        problem.robot_dynamics, problem.object_dynamics = episode.robot_dynamics[0], episode.object_dynamics[0]
        task = np.zeros((1, 2), dtype=np.int64)
        if not np.allclose(problem.hidden(task), problem._family.hidden(episode)):
            raise SpecError(
                f"spec: {scene.family} hides more than dynamics; allowed: --task and --split say which task"
            )
        return problem

    def _draw(self, tasks: np.ndarray, seed: int) -> EpisodeBatch:
        episodes = super()._draw(tasks, seed)
        episodes.robot_dynamics[:] = self.robot_dynamics
        if episodes.object_dynamics.shape[1:] == self.object_dynamics.shape:
            episodes.object_dynamics[:] = self.object_dynamics
        return episodes

"""One robot's part in learning to learn: its share of a round, and its own adaptation."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import torch

from metabot.meta.adaptation import Adapted, Progress, adapt_to
from metabot.meta.learner import MetaLearner
from metabot.problems import Problem


@dataclass(frozen=True)
class Learned:
    """A robot's share of one round."""

    delta: np.ndarray
    """(layout.size,) new meta-parameters minus old."""
    tasks: int
    env_steps: int
    success_before: float
    success_after: float
    dropped_tasks: int
    """Tasks left out because their loss was not finite."""


@dataclass
class RobotLearner:
    """Learns and adapts on the robot's digital twin.

    Random numbers depend on seed, robot and version alone, so that a run can be repeated and a
    restarted robot meets the same tasks again. Its step differs: Adam's moments start afresh.
    """

    robot: str
    meta_learner: MetaLearner
    twin: Problem
    seed: int = 0
    tasks: int = 8
    """Tasks per round."""
    episodes: int = 8
    """Episodes of every task before, and after, the inner step."""

    def learn(self, vector: np.ndarray, version: int) -> Learned:
        """Adapt to freshly drawn tasks and improve the meta-parameters by how that went.

        Args:
            vector: (layout.size,) meta-parameters.
            version: of the meta-parameters.
        """
        rng = np.random.default_rng([self.seed, zlib.crc32(self.robot.encode()), version])
        # Methods that draw from torch's generator draw the same again, too.
        torch.manual_seed(int(rng.integers(2**62)))
        meta = torch.from_numpy(vector)
        tasks = self.twin.sample(rng, self.tasks)
        batch = self.meta_learner.collect(meta, self.twin, tasks, self.episodes, rng)
        new, metrics = self.meta_learner.update(meta, batch)
        return Learned(
            delta=new.numpy() - vector,
            tasks=self.tasks,
            env_steps=batch.env_steps,
            success_before=float(batch.support.success.mean()),
            success_after=float(batch.query.success.mean()),
            dropped_tasks=int(metrics["dropped_tasks"]),
        )

    def adapt(
        self,
        vector: np.ndarray,
        task: np.ndarray,
        *,
        episodes: int,
        trials: int,
        seed: int = 0,
        progress: Progress = lambda stage, fraction, success: None,
    ) -> Adapted:
        """Adapt to one task of the twin and measure success before and after; arguments as in `adapt_to`."""
        meta = torch.from_numpy(vector)
        return adapt_to(
            self.meta_learner, meta, self.twin, task, episodes=episodes, trials=trials, seed=seed, progress=progress
        )

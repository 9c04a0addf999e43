"""One robot's part in learning to learn: its share of a round, and its own adaptation."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from metabot.base.rollout import success_rate
from metabot.meta.learner import MetaLearner
from metabot.problems import Problem
from metabot.problems.drive import DriveTwin

Progress = Callable[[str, float, float], None]
"""Called with a stage, the share done (0..1) and the newest success rate (0..1)."""


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


@dataclass(frozen=True)
class Adapted:
    """Meta-parameters adapted to one robot's hidden dynamics."""

    parameters: np.ndarray
    """(policy.layout.size,)"""
    success_before: float
    success_after: float
    episodes: int
    trials: int


@dataclass
class RobotLearner:
    """Learns and adapts on the robot's digital twin.

    Random numbers depend on seed, robot and version alone, so that a run can be repeated and a
    restarted robot meets the same tasks again. Its step differs: Adam's moments start afresh.
    """

    robot: str
    meta_learner: MetaLearner
    twin: Problem = field(default_factory=DriveTwin)
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
        rng = self._rng(version)
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
        """Adapt to one robot's hidden dynamics and measure success before and after.

        Args:
            vector: (layout.size,) meta-parameters.
            task: what is hidden, one row of `Problem.sample`; only the simulator reads it.
            episodes: adaptation episodes.
            trials: fresh trials for each success rate.
            seed: of episodes and trials.
            progress: called between the stages; may raise to cancel.
        """
        policy = self.meta_learner.policy
        meta, row = torch.from_numpy(vector), task[None]
        start = self.meta_learner.start(meta)[None]
        progress("testing", 0.0, 0.0)
        before = float(success_rate(self.twin, policy, start, row, trials, trial_rng(seed)))
        progress("collecting", 0.3, before)
        experience = self.meta_learner.gather(meta, self.twin, row, episodes, np.random.default_rng([seed, 1]))
        progress("stepping", 0.6, before)
        adapted = self.meta_learner.adapt(meta, experience)
        progress("testing", 0.7, before)
        after = float(success_rate(self.twin, policy, adapted, row, trials, trial_rng(seed)))
        progress("done", 1.0, after)
        return Adapted(adapted[0].numpy(), before, after, episodes, trials)

    def _rng(self, version: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(self.robot.encode()), version])


def trial_rng(seed: int) -> np.random.Generator:
    """The random numbers of test trials: the same goals for every method that is compared."""
    return np.random.default_rng([seed, 2])

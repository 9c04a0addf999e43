"""The digital twin of a driving robot: where its learner rehearses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from metabot.base.rollout import rollout
from metabot.experience import Episodes
from metabot.policy import GaussianMLP
from metabot.task import DriveDistribution
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.robots import diffdrive


def drive_policy() -> GaussianMLP:
    """The policy network of a differential-drive robot."""
    return GaussianMLP(len(diffdrive.OBSERVATION_NAMES), len(diffdrive.ACTION_NAMES))


@dataclass
class DriveTwin:
    """Batched simulations of one robot, made as needed and kept by size.

    Attributes:
        policy: whose parameters act.
        distribution: where tasks and goals come from.
        threads: simulation threads.
    """

    policy: GaussianMLP = field(default_factory=drive_policy)
    distribution: DriveDistribution = field(default_factory=DriveDistribution)
    threads: int = 1
    _envs: dict[int, FleetEnv] = field(default_factory=dict)

    def run(
        self,
        parameters: Tensor,
        dynamics: np.ndarray,
        episodes: int,
        rng: np.random.Generator,
        *,
        deterministic: bool = False,
    ) -> Episodes:
        """Run episodes with fresh goals.

        Args:
            parameters: (tasks, policy.layout.size).
            dynamics: (tasks, 3) hidden dynamics.
            episodes: episodes of each task.
            rng: source of goals and exploration noise.
            deterministic: act with the mean.
        """
        tasks = len(dynamics)
        total = tasks * episodes
        if total not in self._envs:
            self._envs[total] = FleetEnv(
                self.distribution.spec(), total, threads=self.threads, autoreset=Autoreset.DISABLED, walls=False
            )
        goals = self.distribution.sample_goals(rng, total).reshape(tasks, episodes, 2)
        return rollout(self._envs[total], self.policy, parameters, dynamics, goals, rng, deterministic=deterministic)

    def success(self, parameters: Tensor, dynamics: np.ndarray, trials: int, rng: np.random.Generator) -> Tensor:
        """Share of fresh trials in which the mean action masters each task, (tasks,)."""
        return self.run(parameters, dynamics, trials, rng, deterministic=True).success.mean(1)

"""The digital twin of a driving robot: where its learner rehearses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from metabot.problems.problem import Outcome, Problem, Split
from metabot.task import DriveDistribution
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.robots import diffdrive


@dataclass
class DriveTwin(Problem):
    """Batched simulations of one robot, made as needed and kept by size.

    A task is a row (drive gain, steer gain, steer bias); every episode draws a goal.

    Attributes:
        distribution: where tasks and goals come from.
        threads: simulation threads.
    """

    distribution: DriveDistribution = field(default_factory=DriveDistribution)
    threads: int = 1
    _envs: dict[int, FleetEnv] = field(default_factory=dict)

    name = "drive-twin"
    observation_size = len(diffdrive.OBSERVATION_NAMES)
    action_size = len(diffdrive.ACTION_NAMES)
    observation_names = diffdrive.OBSERVATION_NAMES

    @property
    def horizon(self) -> int:  # type: ignore[override]
        """Control steps of an episode."""
        return self.distribution.horizon_steps

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw hidden dynamics, (tasks, 3); this distribution has no held-out ranges."""
        return self.distribution.sample_dynamics(rng, tasks)

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: the dynamics, (tasks, 3)."""
        return np.asarray(tasks, dtype=np.float64)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        count = len(tasks)
        if count not in self._envs:
            self._envs[count] = FleetEnv(
                self.distribution.spec(), count, threads=self.threads, autoreset=Autoreset.DISABLED, walls=False
            )
        env = self._current = self._envs[count]
        start = EpisodeBatch.of(env.spec, count)
        start.robot_dynamics[:, 0, : tasks.shape[1]] = tasks
        start.pads[:, 0] = self.distribution.sample_goals(rng, count)
        return env.reset(episodes=start)[:, 0]

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        done = self._current.step(actions[:, None])
        return Outcome(done.observations[:, 0], done.rewards[:, 0], done.success[:, 0], done.terminated | done.diverged)

    def expert(self) -> np.ndarray:
        """See `Problem.expert`."""
        return self._current.expert()[:, 0].astype(np.float32)

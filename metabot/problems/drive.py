"""The digital twin of a driving robot: where its learner rehearses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from metabot.problems.problem import Outcome, Problem, Split
from metabot.task import DriveDistribution
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.base import told_by
from metabot_sim.robots import diffdrive


@dataclass
class DriveTwin(Problem):
    """Batched simulations of one robot, made as needed and kept by size.

    A task is a row of hidden dynamics, the fields of `metabot.task.RobotDynamics`; every episode draws a goal.

    Attributes:
        distribution: where tasks and goals come from.
        threads: simulation threads.
    """

    distribution: DriveDistribution = field(default_factory=DriveDistribution)
    threads: int = 1
    _envs: dict[int, FleetEnv] = field(default_factory=dict)

    name = "drive-twin"
    action_size = len(diffdrive.ACTION_NAMES)

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Meaning of what the robot observes."""
        return self._env(1).observation_names[0]

    @property
    def observation_size(self) -> int:  # type: ignore[override]
        """How many numbers the robot observes."""
        return len(self.observation_names)

    @property
    def horizon(self) -> int:  # type: ignore[override]
        """Control steps of an episode."""
        return self.distribution.horizon_steps

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw hidden dynamics, (tasks, D); this distribution has no held-out ranges."""
        return self.distribution.sample_dynamics(rng, tasks)

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: the dynamics that the distribution draws, angles by their directions."""
        batch = EpisodeBatch.of(self._env(1).spec, len(tasks))
        batch.robot_dynamics[:, 0] = tasks
        return told_by(batch, self.distribution.drawn)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        count = len(tasks)
        env = self._current = self._env(count)
        start = EpisodeBatch.of(env.spec, count)
        start.robot_dynamics[:, 0] = tasks
        start.pads[:, 0] = self.distribution.sample_goals(rng, count)
        return env.reset(episodes=start)[:, 0]

    def _env(self, sims: int) -> FleetEnv:
        if sims not in self._envs:
            self._envs[sims] = FleetEnv(
                self.distribution.spec(), sims, threads=self.threads, autoreset=Autoreset.DISABLED, walls=False
            )
        return self._envs[sims]

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        done = self._current.step(actions[:, None])
        return Outcome(done.observations[:, 0], done.rewards[:, 0], done.success[:, 0], done.terminated | done.diverged)

    def expert(self) -> np.ndarray:
        """See `Problem.expert`."""
        return self._current.expert()[:, 0].astype(np.float32)

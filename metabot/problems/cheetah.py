"""Gymnasium's half cheetah, told by its reward alone whether to run forward or back (Finn et al. 2017)."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import mujoco
import numpy as np
from mujoco.batch import Batch

from metabot.problems.problem import Outcome, Problem, Split

FRAME_SKIP = 5
CONTROL_COST = 0.1


class CheetahDirection(Problem):
    """Two tasks: reward is the speed along +x or along -x, minus the control cost (weight 0.1).

    Model, frame skip, observation and control cost are those of Gymnasium's HalfCheetah-v4 (the
    paper used rllab's cheetah on an old engine, with a cost of 0.05: absolute returns differ).
    """

    name = "cheetah-direction"
    observation_size = 17
    action_size = 6
    has_success = False

    def __init__(self, horizon: int = 200, threads: int = 1) -> None:
        """Load the model.

        Args:
            horizon: steps of an episode.
            threads: simulation threads.
        """
        self.horizon = horizon
        path = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "half_cheetah.xml"
        self._model = mujoco.MjModel.from_xml_path(str(path))
        self._period_s = FRAME_SKIP * self._model.opt.timestep
        self._threads = threads
        self._batches: dict[int, Batch] = {}

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        """Draw directions, (tasks, 1) of +1 or -1; as equally often as can be."""
        directions = np.where(np.arange(tasks) % 2 == 0, 1.0, -1.0)
        return rng.permutation(directions)[:, None]

    def hidden(self, tasks: np.ndarray) -> np.ndarray:
        """See `Problem.hidden`: the direction, (tasks, 1)."""
        return np.asarray(tasks, dtype=np.float64)

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Problem.begin`."""
        count = len(tasks)
        if count not in self._batches:
            self._batches[count] = Batch(self._model, count, self._threads, persistent=True)
        batch = self._batch = self._batches[count]
        self._qpos, self._qvel, self._ctrl = (batch.bind(name) for name in ("qpos", "qvel", "ctrl"))
        batch.reset(np.arange(count), stage=mujoco.mjtStage.mjSTAGE_NONE)
        self._qpos[:] = self._model.qpos0 + rng.uniform(-0.1, 0.1, self._qpos.shape)
        self._qvel[:] = 0.1 * rng.standard_normal(self._qvel.shape)
        self._direction = tasks[:, 0]
        return self._observe()

    def step(self, actions: np.ndarray) -> Outcome:
        """See `Problem.step`."""
        self._ctrl[:] = np.clip(actions, -1.0, 1.0)
        before = self._qpos[:, 0].copy()
        self._batch.step(nstep=FRAME_SKIP)
        speed = (self._qpos[:, 0] - before) / self._period_s
        rewards = self._direction * speed - CONTROL_COST * np.square(self._ctrl).sum(axis=1)
        never = np.zeros(len(rewards), dtype=bool)
        return Outcome(self._observe(), rewards.astype(np.float32), never, never)

    def _observe(self) -> np.ndarray:
        return np.concatenate([self._qpos[:, 1:], self._qvel], axis=1).astype(np.float32)

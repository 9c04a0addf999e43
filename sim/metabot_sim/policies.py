"""Policies that need no learning: the expert, uniformly random commands, doing nothing."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from metabot.task import SpecError
from metabot_sim import rng
from metabot_sim.env import FleetEnv

PolicyName = Literal["expert", "random", "idle"]
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)


class Policy:
    """Drives the heroes of an environment; whoever plays against them acts at random.

    What it does in simulation i depends on the seed and i alone.
    """

    def __init__(self, name: str, env: FleetEnv, seed: int = 0) -> None:
        """Get ready for an environment.

        Args:
            name: one of `POLICIES`.
            env: whose robots are driven; see `FleetEnv.heroes`.
            seed: of random commands.

        Raises:
            SpecError: if there is no such policy; one line.
        """
        if name not in POLICIES:
            raise SpecError(f"policy: no {name!r}; allowed: {', '.join(POLICIES)}")
        self._name, self._env = name, env
        self._shape = (env.num_robots, env.max_action_size)
        self._draws = rng.Draws(rng.keys(_COMMANDS, seed, np.arange(env.num_sims)))
        self._against = ~env.heroes

    def __call__(self) -> np.ndarray:
        """What to do now, (n, R, max_action_size) float32."""
        if self._name == "expert":
            actions = self._env.expert().astype(np.float32)
        elif self._name == "idle":
            actions = np.zeros((self._env.num_sims, *self._shape), dtype=np.float32)
        else:
            return self._random()
        if self._against.any():
            actions[:, self._against] = self._random()[:, self._against]
        return actions

    def _random(self) -> np.ndarray:
        return self._draws.uniform(-1.0, 1.0, *self._shape).astype(np.float32)


_COMMANDS = 5

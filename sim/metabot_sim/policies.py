"""Who drives: the expert, uniformly random commands, nobody, or whoever is brought along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, get_args

import numpy as np

from metabot.task import SpecError
from metabot_sim import rng
from metabot_sim.env import FleetEnv, Transition

PolicyName = Literal["expert", "random", "idle"]
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)


class Driver(Protocol):
    """Drives the robots of one environment: a trained policy, say, which this package knows nothing of."""

    def begin(self, task: int) -> None:
        """An episode of a task has begun: what is remembered of the one before counts no longer.

        Args:
            task: its number in the environment's split; below 0 where it has none.
        """

    def __call__(self) -> np.ndarray:
        """What to do now, (n, R, max_action_size)."""

    def hear(self, done: Transition) -> None:
        """What the step brought that was made with it."""


Drivers = Mapping[str, Callable[[FleetEnv], Driver]]
"""Drivers by name, each made for an environment; may raise `SpecError` where it cannot drive it."""


class Policy:
    """Drives the heroes of an environment; whoever plays against them acts at random.

    What it does in simulation i depends on the seed and i alone.
    """

    def __init__(self, name: str, env: FleetEnv, seed: int = 0, drivers: Drivers | None = None) -> None:
        """Get ready for an environment.

        Args:
            name: one of `POLICIES`, or of `drivers`.
            env: whose robots are driven; see `FleetEnv.heroes`.
            seed: of random commands.
            drivers: others that can drive, by name.

        Raises:
            SpecError: if there is no such policy, or it cannot drive these robots; one line.
        """
        check_name(name, drivers)
        self._name, self._env = name, env
        self._driver = None if drivers is None or name not in drivers else drivers[name](env)
        self._shape = (env.num_robots, env.max_action_size)
        self._draws = rng.Draws(rng.keys(_COMMANDS, seed, np.arange(env.num_sims)))
        self._against = ~env.heroes

    def begin(self, task: int) -> None:
        """An episode of a task has begun; see `Driver.begin`."""
        if self._driver is not None:
            self._driver.begin(task)

    def hear(self, done: Transition) -> None:
        """What the step brought that was made with it."""
        if self._driver is not None:
            self._driver.hear(done)

    def __call__(self) -> np.ndarray:
        """What to do now, (n, R, max_action_size) float32."""
        if self._driver is not None:
            actions = np.array(self._driver(), dtype=np.float32)
        elif self._name == "expert":
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


def check_name(name: str, drivers: Drivers | None = None) -> None:
    """Refuse who is not there.

    Raises:
        SpecError: naming those who are; one line.
    """
    allowed = (*POLICIES, *(drivers or ()))
    if name not in allowed:
        raise SpecError(f"policy: no {name!r}; allowed: {', '.join(allowed)}")


_COMMANDS = 5

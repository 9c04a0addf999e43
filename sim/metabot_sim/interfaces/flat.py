"""All robots of a simulation side by side in one vector, each at its true size."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from metabot_sim.env import FleetEnv, Transition


class FlatView:
    """Turns the (n, R, widest) arrays of a `FleetEnv` into (n, all robots' numbers) and back.

    Attributes:
        observation_names: ``<robot>/<meaning>`` of each number observed.
        action_names: ``<robot>/<meaning>`` of each command.
        observation_space: of one simulation.
        action_space: of one simulation.
    """

    def __init__(self, env: FleetEnv) -> None:
        """Lay out the robots of an environment."""
        self._env = env
        names = [robot.name for robot in env.spec.robots]
        commands: list[tuple[str, ...]] = [()] * len(names)
        for group in env.world.groups:
            for index in group.indices:
                commands[index] = group.action_names
        self.observation_names = _prefixed(names, env.observation_names)
        self.action_names = _prefixed(names, commands)
        self.observation_space = observation_space(len(self.observation_names))
        self.action_space = action_space(len(self.action_names))
        self._shape = (len(names), env.max_action_size)
        self._seen = _places(env.observation_sizes)
        self._done = _places(env.action_sizes)

    def observations(self, seen: np.ndarray) -> np.ndarray:
        """(n, R, widest) to (n, numbers observed by all robots)."""
        flat = seen.reshape(len(seen), -1)
        return flat if self._seen is None else flat[:, self._seen]

    def actions(self, flat: np.ndarray) -> np.ndarray:
        """(n, commands of all robots) to (n, R, widest)."""
        flat = np.asarray(flat)
        if self._done is None:
            return flat.reshape(len(flat), *self._shape)
        wide = np.zeros((len(flat), self._shape[0] * self._shape[1]), dtype=flat.dtype)
        wide[:, self._done] = flat
        return wide.reshape(len(flat), *self._shape)

    def flatten_actions(self, actions: np.ndarray) -> np.ndarray:
        """(n, R, widest) to (n, commands of all robots) float32: the other way round."""
        flat = actions.reshape(len(actions), -1).astype(np.float32)
        return flat if self._done is None else flat[:, self._done]

    def reward(self, transition: Transition) -> np.ndarray:
        """(n,): the mean over the robots that the episode's success is about, see `FleetEnv.heroes`."""
        return transition.rewards[:, self._env.heroes].mean(axis=1, dtype=np.float64)

    def success(self, by_robot: np.ndarray) -> np.ndarray:
        """(n, R) to (n,): whether all robots have done their part that the episode's success is about."""
        return np.asarray(by_robot[:, self._env.heroes].all(axis=1))


def observation_space(size: int) -> gym.spaces.Box:
    """So many numbers of order one."""
    return gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)


def action_space(size: int) -> gym.spaces.Box:
    """So many commands in [-1, 1]."""
    return gym.spaces.Box(-1.0, 1.0, (size,), np.float32)


def hidden(env: FleetEnv) -> dict[str, np.ndarray]:
    """What no policy observes: the running episodes' tasks and dynamics, (n, ...) each.

    See `metabot_sim.episodes` for the columns.
    """
    found = {"task": env.task_numbers.copy(), "robot_dynamics": env.episodes.robot_dynamics.copy()}
    if env.spec.objects:
        found["object_dynamics"] = env.episodes.object_dynamics.copy()
    return found


def first_seed(generator: np.random.Generator) -> int:
    """A seed for an environment that is reset for the first time without one."""
    return int(generator.integers(1 << 62))


def requested_tasks(options: dict[str, Any] | None, env: FleetEnv, others: tuple[str, ...] = ()) -> np.ndarray | None:
    """The numbers of tasks that a reset's options ask for, (simulations,).

    Args:
        options: of the reset.
        env: whose.
        others: names of options beside ``tasks`` that it understands.

    Raises:
        ValueError: if they are not as many whole numbers from 0 up, the environment plays one task that was given, or
            there is another option; one line.
    """
    for name in options or {}:
        if name not in ("tasks", *others):
            raise ValueError(f"options: no {name!r}; allowed: {', '.join(('tasks', *others))}")
    wanted, count = (options or {}).get("tasks"), env.num_sims
    if wanted is None:
        return None
    if env.fixed:
        raise ValueError("options.tasks: this environment plays the one task it was made with; allowed: none")
    tasks = np.asarray(wanted)
    if tasks.shape not in ((), (count,)) or not np.issubdtype(tasks.dtype, np.integer):
        raise ValueError(f"options.tasks: {tasks.dtype} {tasks.shape}; allowed: a whole number, or {count} of them")
    if tasks.min() < 0 or tasks.max() >= 2**62:
        raise ValueError(f"options.tasks: {tasks.min()} to {tasks.max()}; allowed: from 0 to 2**62 - 1")
    return np.broadcast_to(tasks, (count,)).astype(np.int64)


def _prefixed(robots: list[str], names: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{robot}/{name}" for robot, each in zip(robots, names, strict=True) for name in each)


def _places(sizes: np.ndarray) -> np.ndarray | None:
    """Where the used numbers lie in rows of equal width; None if all are used."""
    used = np.arange(sizes.max()) < sizes[:, None]
    return None if used.all() else np.flatnonzero(used)

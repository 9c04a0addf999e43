"""`FleetParallelEnv`: one simulation as a PettingZoo environment, one agent per robot."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec

from metabot.task import SpecError, TaskSpec
from metabot_sim.camera import Camera
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.base import Split
from metabot_sim.interfaces.flat import action_space, first_seed, hidden, observation_space, requested_tasks

_PASSED = "options"
"""The option of a reset that is not looked at: PettingZoo's own tests of an environment send it."""


class FleetParallelEnv(ParallelEnv[str, np.ndarray, np.ndarray]):
    """Agents are the robots, called by their names, each with spaces of its own size.

    An episode is one for all: it ends for every agent in the same step. Infos hold ``success``
    (whether this robot has done its part by now), ``diverged`` and, with `reveal`, ``task`` and
    the robot's own ``dynamics``.

    Attributes:
        fleet: the environment underneath, with world, family and expert.
        max_cycles: control steps after which an episode is truncated, if its horizon is not shorter.
    """

    def __init__(
        self,
        task: str | TaskSpec,
        *,
        robots: int | None = None,
        split: Split = "train",
        max_cycles: int | None = None,
        reveal: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Compile the scene.

        Args:
            task: a family's name, or a task whose places and dynamics hold in every episode.
            robots: how many; the family's usual number by default.
            split: which tasks are drawn.
            max_cycles: see the class; the horizon alone decides by default.
            reveal: whether infos tell task numbers and hidden dynamics.
            render_mode: None or "rgb_array".

        Raises:
            SpecError: if family, split, robots or render mode are not allowed; one line.
        """
        if render_mode not in (None, "rgb_array"):
            raise SpecError(f"render_mode: {render_mode!r}; allowed: None, 'rgb_array'")
        self.fleet = FleetEnv(task, 1, robots=robots, split=split, autoreset=Autoreset.DISABLED, remember=True)
        self.metadata = {
            "name": f"metabot_{self.fleet.family.name.replace('-', '_')}_v0",
            "render_modes": ["rgb_array"],
            "render_fps": self.fleet.spec.control_hz,
            "is_parallelizable": True,
        }
        whole = isinstance(max_cycles, int | np.integer) and not isinstance(max_cycles, bool)
        if max_cycles is not None and not (whole and max_cycles > 0):
            raise SpecError(f"max_cycles: {max_cycles!r} is no whole number above 0")
        self.max_cycles = self.fleet.horizon if max_cycles is None else max_cycles
        self.render_mode = render_mode
        self._camera: Camera | None = None
        self._reveal = reveal
        self.possible_agents = [robot.name for robot in self.fleet.spec.robots]
        self.agents: list[str] = []
        sizes = zip(self.possible_agents, self.fleet.observation_sizes, self.fleet.action_sizes, strict=True)
        self.observation_spaces, self.action_spaces = {}, {}
        for agent, seen, done in sizes:
            self.observation_spaces[agent] = observation_space(int(seen))
            self.action_spaces[agent] = action_space(int(done))
        self._index = {agent: index for index, agent in enumerate(self.possible_agents)}
        self._started = False
        self._cycle = 0
        self._seen = np.zeros((self.fleet.num_robots, int(self.fleet.observation_sizes.max())), dtype=np.float32)

    def observation_space(self, agent: str) -> gym.spaces.Box:
        """What an agent observes."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gym.spaces.Box:
        """What an agent commands, in [-1, 1]."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Start a new episode; the option ``tasks`` is the number of its task and of all later ones'."""
        if seed is None and not self._started:
            seed = first_seed(seeding.np_random()[0])
        self._started = True
        asked = {name: value for name, value in (options or {}).items() if name != _PASSED}
        self._seen = self.fleet.reset(seed, tasks=requested_tasks(asked, self.fleet))[0]
        self.agents = list(self.possible_agents)
        self._cycle = 0
        return self._observations(), self._infos(np.zeros(len(self.agents), dtype=bool), False)

    def step(
        self, actions: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Advance by one control period; a robot without an action is commanded zero."""
        if not self.agents:
            return {}, {}, {}, {}, {}
        commands = np.zeros((1, self.fleet.num_robots, self.fleet.max_action_size))
        for agent, action in actions.items():
            commands[0, self._index[agent], : len(action)] = action
        done = self.fleet.step(commands)
        self._cycle += 1
        terminated = bool(done.terminated[0])
        truncated = bool(done.truncated[0]) or (self._cycle >= self.max_cycles and not terminated)
        self._seen = done.observations[0]
        agents = self.agents
        result = (
            self._observations(),
            {agent: float(value) for agent, value in zip(agents, done.rewards[0], strict=True)},
            dict.fromkeys(agents, terminated),
            dict.fromkeys(agents, truncated),
            self._infos(done.success[0], bool(done.diverged[0])),
        )
        if terminated or truncated:
            self.agents = []
        return result

    def __getstate__(self) -> dict[str, Any]:
        """A copy opens a renderer of its own."""
        return {**self.__dict__, "_camera": None}

    def state(self) -> np.ndarray:
        """What all robots observe, side by side: for critics that are trained centrally."""
        return np.concatenate(list(self._observations().values()))

    def expert(self) -> dict[str, np.ndarray]:
        """What robots that know all hidden dynamics would do now, in the form `step` takes."""
        actions = self.fleet.expert()[0].astype(np.float32)
        return {a: actions[i, : self.fleet.action_sizes[i]] for a, i in self._index.items()}

    def render(self) -> np.ndarray | None:
        """(480, 640, 3) uint8: the scene from above, or None without a render mode.

        Raises:
            RenderError: if there is no off-screen OpenGL; one line that says what to install.
        """
        if self.render_mode is None:
            return None
        if self._camera is None:
            self._camera = Camera(self.fleet.world)
        return self._camera.picture()

    def close(self) -> None:
        """Let go of OpenGL."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _observations(self) -> dict[str, np.ndarray]:
        return {a: self._seen[i, : self.fleet.observation_sizes[i]].copy() for a, i in self._index.items()}

    def _infos(self, success: np.ndarray, diverged: bool) -> dict[str, dict[str, Any]]:
        infos: dict[str, dict[str, Any]] = {
            agent: {"success": bool(success[index]), "diverged": diverged} for agent, index in self._index.items()
        }
        if self._reveal:
            found = hidden(self.fleet)
            for agent, index in self._index.items():
                infos[agent]["task"] = int(found["task"][0])
                infos[agent]["dynamics"] = found["robot_dynamics"][0, index].copy()
        return infos


def parallel_env(task: str | TaskSpec = "drive-goal", **settings: Any) -> FleetParallelEnv:
    """A `FleetParallelEnv`, called as PettingZoo's modules are."""
    return FleetParallelEnv(task, **settings)


def env(task: str | TaskSpec = "drive-goal", **settings: Any) -> AECEnv[str, np.ndarray, np.ndarray]:
    """The same with the agents acting in turns, as PettingZoo's AEC interface has it."""
    return parallel_to_aec(FleetParallelEnv(task, **settings))

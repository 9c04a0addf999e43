"""`FleetGymEnv`: one simulation as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from metabot.task import SpecError, TaskSpec
from metabot_sim.camera import Camera
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.base import Split
from metabot_sim.interfaces.flat import FlatView, first_seed, hidden, requested_tasks


class FleetGymEnv(gym.Env):
    """One policy for all robots of one simulation; spaces, reward and infos as in `FleetVectorEnv`.

    It can be rendered off-screen (``render_mode="rgb_array"``), so Gymnasium's wrappers that
    record videos work. For learning take `FleetVectorEnv`: it steps hundreds of simulations in
    hardly more time than this one.

    Attributes:
        fleet: the environment underneath, with world, family and expert.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012

    def __init__(
        self,
        task: str | TaskSpec,
        *,
        robots: int | None = None,
        split: Split = "train",
        reveal: bool = False,
        render_mode: str | None = None,
        width: int = 640,
        height: int = 480,
    ) -> None:
        """Compile the scene.

        Args:
            task: a family's name, or a task whose places and dynamics hold in every episode.
            robots: how many; the family's usual number by default.
            split: which tasks are drawn.
            reveal: whether infos tell task numbers and hidden dynamics.
            render_mode: None or "rgb_array".
            width: of rendered pictures, in pixels, at most 1280.
            height: of rendered pictures, in pixels, at most 960.

        Raises:
            SpecError: if family, split, robots or render mode are not allowed; one line.
        """
        if render_mode not in (None, "rgb_array"):
            raise SpecError(f"render_mode: {render_mode!r}; allowed: None, 'rgb_array'")
        self.fleet = FleetEnv(task, 1, robots=robots, split=split, autoreset=Autoreset.DISABLED, remember=True)
        self.metadata = {**self.metadata, "render_fps": self.fleet.spec.control_hz}
        self.render_mode = render_mode
        self._view = FlatView(self.fleet)
        self._reveal = reveal
        self._started = False
        self._size = (width, height)
        self._camera: Camera | None = None
        self.observation_names, self.action_names = self._view.observation_names, self._view.action_names
        self.observation_space = self._view.observation_space
        self.action_space = self._view.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start a new episode; the option ``tasks`` is the number of its task and of all later ones'."""
        super().reset(seed=seed)
        if seed is None and not self._started:
            seed = first_seed(self.np_random)
        self._started = True
        seen = self.fleet.reset(seed, tasks=requested_tasks(options, self.fleet))
        nothing = np.zeros((1, self.fleet.num_robots), dtype=np.float32)
        return self._view.observations(seen)[0], self._info(nothing > 0.0, nothing, False)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Advance by one control period.

        Args:
            action: (commands of all robots,) in [-1, 1].
        """
        done = self.fleet.step(self._view.actions(np.asarray(action)[None]))
        return (
            self._view.observations(done.observations)[0],
            float(self._view.reward(done)[0]),
            bool(done.terminated[0]),
            bool(done.truncated[0]),
            self._info(done.success, done.rewards, bool(done.diverged[0])),
        )

    def __getstate__(self) -> dict[str, Any]:
        """A copy opens a renderer of its own."""
        return {**self.__dict__, "_camera": None}

    def expert(self) -> np.ndarray:
        """What robots that know all hidden dynamics would do now, in the form `step` takes."""
        return self._view.flatten_actions(self.fleet.expert())[0]

    def render(self) -> np.ndarray | None:
        """(height, width, 3) uint8: the scene from above, or None without a render mode.

        Raises:
            RenderError: if there is no off-screen OpenGL; one line that says what to install.
        """
        if self.render_mode is None:
            return None
        if self._camera is None:
            self._camera = Camera(self.fleet.world, *self._size)
        return self._camera.picture()

    def close(self) -> None:
        """Let go of OpenGL."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _info(self, success: np.ndarray, rewards: np.ndarray, diverged: bool) -> dict[str, Any]:
        info: dict[str, Any] = {
            "success": bool(self._view.success(success)[0]),
            "robot_success": success[0].copy(),
            "robot_rewards": rewards[0].copy(),
            "diverged": diverged,
        }
        if self._reveal:
            info.update({key: value[0] for key, value in hidden(self.fleet).items()})
        return info

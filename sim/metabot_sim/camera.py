"""`Camera`: pictures of one simulation, off-screen."""

from __future__ import annotations

import warnings
from typing import ClassVar

import mujoco
import numpy as np

from metabot_sim.batch import BatchedWorld
from metabot_sim.offscreen import NO_GL, RenderError
from metabot_sim.robots.base import VIEW


class Camera:
    """Looks at one simulation of a batch through the scene's camera `VIEW`."""

    _no_gl: ClassVar[bool] = False
    """Whether opening a renderer has failed in this process already."""

    def __init__(self, world: BatchedWorld, width: int = 640, height: int = 480, sim: int = 0) -> None:
        """Open the renderer.

        Args:
            world: whose simulation is shown.
            width: in pixels, at most 1280.
            height: in pixels, at most 960.
            sim: which simulation.

        Raises:
            RenderError: if there is no off-screen OpenGL, or the picture is larger than allowed; one line.
        """
        self._world, self._sim = world, sim
        # A copy: masses and sizes of things differ between simulations.
        self._model = world.batch.get_model(sim)
        self._data = mujoco.MjData(self._model)
        largest = self._model.vis.global_
        if not (0 < width <= largest.offwidth and 0 < height <= largest.offheight):
            raise RenderError(
                f"no picture: {width} x {height} pixels; allowed: up to {largest.offwidth} x {largest.offheight}"
            )
        if Camera._no_gl:
            # To try again would end the process: GLFW is not asked a second time.
            raise RenderError(NO_GL)
        try:
            with warnings.catch_warnings():
                # GLFW warns of a missing screen in several lines; the error below says it in one.
                warnings.simplefilter("ignore")
                self._renderer = mujoco.Renderer(self._model, height, width)
        except Exception as problem:
            # Each way to OpenGL has exceptions of its own.
            Camera._no_gl = True
            raise RenderError(NO_GL) from problem

    def picture(self) -> np.ndarray:
        """(height, width, 3) uint8: the simulation as it is now."""
        self._world.batch.get_model(self._sim, self._model)
        self._world.batch.get_data(self._sim, self._data)
        self._renderer.update_scene(self._data, camera=VIEW)
        return self._renderer.render()

    def close(self) -> None:
        """Let go of OpenGL."""
        self._renderer.close()

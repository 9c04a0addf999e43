"""Frames of a recorded drive from MuJoCo's off-screen renderer.

Only the process that renders imports this: it needs a working OpenGL.
"""

from __future__ import annotations

import math
import time
from itertools import pairwise

import mujoco
import numpy as np

from metabot.demo.report.motion import Motion, frame_times
from metabot.task import TaskSpec
from metabot_sim.colors import COLORS
from metabot_sim.robots import planar
from metabot_sim.robots.base import robot_prefix
from metabot_sim.scene import compose

WIDTH, HEIGHT = 640, 480
HOLD_S = 1.0
RATES_HZ = (25.0, 20.0, 15.0, 12.5, 10.0, 7.5, 5.0, 3.0)
_TRAIL_WIDTH_M = 0.04
_TRAIL_STEP_M = 0.05
_MAX_TRAIL_GEOMS = 600
_QUALITIES = ((4, True), (4, False), (0, False))
"""Samples a pixel, and shadows; without a GPU each step takes half as long, and smooth motion is worth more."""
_TRIALS = 3
_ENCODING = 1.2
"""What a frame costs with its encoding, in rendered frames."""
_ELEVATION_DEG = -64.0
_FOVY_DEG = 45.0
"""MuJoCo's default, from the frame's lower to its upper edge."""
_BORDER = 0.06
"""Share of the frame that stays free around the arena."""


class Film:
    """The drive of a fleet, one frame at a time.

    Nothing is simulated again: every robot is put where it was recorded.
    """

    def __init__(self, spec: TaskSpec, motion: Motion) -> None:
        """Compile the scene and open the renderer.

        Raises:
            Exception: of many kinds, if this process has no off-screen OpenGL.
        """
        self._spec, self._motion = spec, motion
        self._model = compose(spec)
        self._model.vis.quality.shadowsize = 2048
        # The scene is lit for training with cameras up close; seen whole, it would be white on white.
        self._model.vis.headlight.ambient[:] = 0.42
        self._model.vis.headlight.diffuse[:] = 0.12
        self._model.vis.headlight.specular[:] = 0.0
        self._model.light_diffuse[:] = 0.45
        self._model.light_specular[:] = 0.05
        self._model.light_dir[:] = np.array([0.25, 0.3, -1.0]) / math.sqrt(1.1525)
        self._data = mujoco.MjData(self._model)
        self._open(*_QUALITIES[0])
        self._camera = _overview(spec)
        self._trails = {
            robot: _coarse(motion, robot, _MAX_TRAIL_GEOMS // len(motion.samples)) for robot in motion.samples
        }

    def close(self) -> None:
        """Let go of OpenGL."""
        self._renderer.close()

    def frame(self, time_s: float) -> np.ndarray:
        """(HEIGHT, WIDTH, 3) uint8: the fleet at a time."""
        for robot in self._motion.samples:
            x, y, yaw = self._motion.poses(robot, np.array([time_s]))[0]
            for joint, value in zip(planar.JOINTS, (x, y, yaw), strict=True):
                self._data.joint(f"{robot_prefix(robot)}{joint}").qpos[0] = value
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        self._add_ground()
        for robot in self._motion.samples:
            self._add_trail(robot, time_s)
        return self._renderer.render()

    def plan(self, budget_s: float) -> tuple[float, list[float]]:
        """Choose the frames, in real time, after rendering a few to see what one costs.

        Args:
            budget_s: seconds that rendering all of them may take; a slow machine gets fewer frames a second.

        Returns:
            The frame rate in Hz and the time of each frame in seconds.
        """
        rate = RATES_HZ[-1]
        for index, quality in enumerate(_QUALITIES):
            if index:
                self._renderer.close()
                self._open(*quality)
            rate = fitting_rate(self._motion.duration_s, self._frame_cost_s(), budget_s)
            if rate == RATES_HZ[0]:
                break
        return rate, frame_times(self._motion.duration_s, rate, HOLD_S).tolist()

    def _open(self, samples: int, shadows: bool) -> None:
        # The renderer takes the number of samples from the model when it is made.
        self._model.vis.quality.offsamples = samples
        self._renderer = mujoco.Renderer(self._model, HEIGHT, WIDTH, max_geom=_MAX_TRAIL_GEOMS + 1000)
        scene = self._renderer.scene
        scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadows
        # Asking the scene for them builds the whole list each time.
        self._geoms = scene.geoms

    def _frame_cost_s(self) -> float:
        # The first frame also pays for textures and shaders.
        self.frame(0.0)
        costs_s = []
        for trial in range(_TRIALS):
            began = time.perf_counter()
            self.frame(self._motion.duration_s * (trial + 1) / _TRIALS)
            costs_s.append(time.perf_counter() - began)
        return _ENCODING * sorted(costs_s)[_TRIALS // 2]

    def _add_ground(self) -> None:
        """Put the arena on a calm ground: the scene ends at its walls, and beyond it is black."""
        scene = self._renderer.scene
        color = np.array([0.78, 0.81, 0.84, 1.0], dtype=np.float32)
        reach = 10.0 * max(self._spec.world.length_m, self._spec.world.width_m)
        size, below = np.array([reach, reach, 0.01]), np.array([0.0, 0.0, -0.02])
        mujoco.mjv_initGeom(self._geoms[scene.ngeom], mujoco.mjtGeom.mjGEOM_BOX, size, below, np.eye(3).ravel(), color)
        scene.ngeom += 1

    def _add_trail(self, robot: str, time_s: float) -> None:
        """Lay a ribbon where the robot has been."""
        scene, trail = self._renderer.scene, self._trails[robot]
        driven = trail[trail[:, 0] <= time_s, 1:3]
        color = np.array(COLORS[self._spec.robot(robot).color], dtype=np.float32)
        for (x0, y0), (x1, y1) in pairwise(driven):
            yaw = math.atan2(y1 - y0, x1 - x0)
            rotation = np.array([math.cos(yaw), -math.sin(yaw), 0, math.sin(yaw), math.cos(yaw), 0, 0, 0, 1])
            half = np.array([0.5 * math.hypot(x1 - x0, y1 - y0) + 0.3 * _TRAIL_WIDTH_M, _TRAIL_WIDTH_M / 2, 0.001])
            middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2, 0.006])
            mujoco.mjv_initGeom(self._geoms[scene.ngeom], mujoco.mjtGeom.mjGEOM_BOX, half, middle, rotation, color)
            scene.ngeom += 1


def _coarse(motion: Motion, robot: str, most: int) -> np.ndarray:
    """A path in at most so many pieces."""
    step_m = _TRAIL_STEP_M
    while len(trail := motion.trail(robot, step_m)) > most:
        step_m *= 1.5
    return trail


def fitting_rate(duration_s: float, frame_cost_s: float, budget_s: float) -> float:
    """The highest frame rate whose frames are all rendered within a budget."""
    for rate in RATES_HZ:
        if len(frame_times(duration_s, rate, HOLD_S)) * frame_cost_s <= budget_s:
            return rate
    return RATES_HZ[-1]


def _overview(spec: TaskSpec) -> mujoco.MjvCamera:
    """A camera from above the south wall, as near as it can be with the whole arena in view."""
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.azimuth, camera.elevation = 90.0, _ELEVATION_DEG
    half_x, half_y = spec.world.length_m / 2, spec.world.width_m / 2
    # Of all points to look at, the one that needs the least distance and leaves equal room above and below.
    shifts = (half_y * np.linspace(-0.5, 0.1, 61)).tolist()
    look_y = min(
        shifts, key=lambda y: _distance(half_x, half_y, y) * (1 + _imbalance(half_y, y, _distance(half_x, half_y, y)))
    )
    camera.distance, camera.lookat[:] = _distance(half_x, half_y, look_y), [0.0, look_y, 0.0]
    return camera


def _imbalance(half_y: float, look_y: float, distance: float) -> float:
    """Difference of the room above and below the arena, as a share of half the frame."""
    angle = math.radians(_ELEVATION_DEG)
    upper, lower = (
        -(y - look_y) * math.sin(angle) / (distance + (y - look_y) * math.cos(angle)) for y in (half_y, -half_y)
    )
    return abs(upper + lower) / math.tan(math.radians(_FOVY_DEG) / 2)


def _distance(half_x: float, half_y: float, look_y: float) -> float:
    """How far a camera that looks at (0, look_y) must be for all corners to be in the frame."""
    angle = math.radians(_ELEVATION_DEG)
    tangent = math.tan(math.radians(_FOVY_DEG) / 2) * (1 - _BORDER)
    needed = 0.0
    for x in (-half_x, half_x):
        for y in (-half_y, half_y):
            ahead, up = (y - look_y) * math.cos(angle), -(y - look_y) * math.sin(angle)
            needed = max(needed, abs(up) / tangent - ahead, abs(x) / (tangent * WIDTH / HEIGHT) - ahead)
    return needed

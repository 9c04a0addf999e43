"""`Stage`: the scene of one simulation in the browser, seen as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
import viser
from mjviser import ViserMujocoScene

from metabot.task import KINDS, TaskSpec
from metabot_sim.batch import BatchedWorld

FOV_RAD = np.radians(40.0)
_ASPECT = 0.95
"""The picture is taken to be so much wider than high: the panel covers a part of the window."""
_ELEVATION_RAD = np.radians(52.0)
_LIGHTS = ((2.1, (-1.0, -2.0, 6.0)), (1.3, (5.0, -2.0, 1.5)), (1.3, (-5.0, -2.0, 1.5)), (0.8, (0.0, 6.0, 1.5)))
"""How strong, and from where."""
_LABEL_HEIGHT_M = 0.32
_FAINT = 0.3
_FLOOR_RGB = (238, 240, 243)
_LINE_RGB = (214, 218, 224)


class Stage:
    """Draws a simulation: its bodies with mjviser, its robots' names above them."""

    def __init__(self, server: viser.ViserServer, world: BatchedWorld, names: Sequence[str]) -> None:
        """Send the scene to the page.

        Args:
            server: of the page.
            world: whose simulation 0 is shown; another one for the same scene can be passed later.
            names: of the robots.
        """
        self._server = server
        self._model = world.batch.get_model(0)
        self._data = mujoco.MjData(self._model)
        _hide_ghosts(self._model)
        self._scene = ViserMujocoScene(server, self._model, num_envs=1)
        # It would keep the first robot in the middle, and move the world instead.
        self._scene.camera_tracking_enabled = False
        self._drawn_sizes = self._model.geom_size.copy()
        self._names = tuple(names)
        floor = world.spec.world
        _light(server.scene)
        # In place of mjviser's endless plane, whose lines hide where the arena ends.
        server.scene.add_grid(
            "/fixed_bodies/world/floor",
            width=floor.length_m,
            height=floor.width_m,
            cell_size=0.5,
            section_size=max(floor.length_m, floor.width_m),
            cell_color=_LINE_RGB,
            section_color=_LINE_RGB,
            plane_color=_FLOOR_RGB,
            plane_opacity=1.0,
            shadow_opacity=0.25,
        )
        self._labels = [
            server.scene.add_label(f"/labels/{name}", name, anchor="bottom-center", font_screen_scale=0.9)
            for name in self._names
        ]
        position, look_at = framed(world.spec)
        server.initial_camera.position = position
        server.initial_camera.look_at = look_at
        server.initial_camera.fov = float(FOV_RAD)

    def show(self, world: BatchedWorld, selected: int | None) -> None:
        """Draw the simulation as it is now.

        Args:
            world: whose simulation 0 is shown.
            selected: number of the robot whose label is marked.
        """
        world.batch.get_model(0, self._model)
        world.batch.get_data(0, self._data)
        if not np.array_equal(self._model.geom_size, self._drawn_sizes):
            # An object has another size in this episode.
            self._drawn_sizes = self._model.geom_size.copy()
            _hide_ghosts(self._model)
            self._scene.rebuild_visual_handles()
        with self._server.atomic():
            self._scene.update_from_mjdata(self._data)
            for index, (label, place) in enumerate(zip(self._labels, world.positions()[0], strict=True)):
                label.position = (place[0], place[1], place[2] + _LABEL_HEIGHT_M)
                text = f"▸ {self._names[index]}" if index == selected else self._names[index]
                if label.text != text:
                    label.text = text


def _hide_ghosts(model: mujoco.MjModel) -> None:
    """Leave out what a model shows only faintly, such as Fetch's hand marker: the page would draw it opaque."""
    model.geom_rgba[model.geom_rgba[:, 3] < _FAINT, 3] = 0.0


def _light(scene: viser.SceneApi) -> None:
    """Plain lights without shadows: colours stay as they are, and a page without a GPU opens in half the time."""
    scene.configure_environment_map(None)
    scene.configure_default_lights(enabled=False)
    # Meshes come without a material, which is to say as rough metal: ambient light would leave them black.
    for index, (intensity, position) in enumerate(_LIGHTS):
        scene.add_light_directional(f"/lights/{index}", intensity=intensity, position=position)


def framed(spec: TaskSpec) -> tuple[np.ndarray, np.ndarray]:
    """Where a camera sees all of a scene: the arena, or what arms can reach where nobody drives.

    Args:
        spec: the scene.

    Returns:
        The camera's position and the point it looks at, in metres.
    """
    if all(KINDS[robot.kind].reach_m for robot in spec.robots):
        bases = np.array([(robot.spawn.x, robot.spawn.y) for robot in spec.robots])
        reach = max(limits[1] for robot in spec.robots if (limits := KINDS[robot.kind].reach_m))
        things = [(pad.x, pad.y) for pad in spec.pads] + [(thing.pose.x, thing.pose.y) for thing in spec.objects]
        points = np.vstack([bases, np.reshape(things, (-1, 2))])
        low, high = points.min(axis=0) - 0.25 * reach, points.max(axis=0) + 0.25 * reach
        height = 0.8 * reach
    else:
        high = np.array([spec.world.length_m, spec.world.width_m]) / 2
        low, height = -high, 0.2
    corners = np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (0.0, height)])
    center = np.array([*(low + high) / 2, height / 2])
    ahead = np.array([0.0, np.cos(_ELEVATION_RAD), -np.sin(_ELEVATION_RAD)])
    up = np.array([0.0, np.sin(_ELEVATION_RAD), np.cos(_ELEVATION_RAD)])
    offsets = corners - center
    slope = np.tan(FOV_RAD / 2)
    away = np.maximum(np.abs(offsets @ up) / slope, np.abs(offsets[:, 0]) / (slope * _ASPECT)) - offsets @ ahead
    return center - ahead * float(away.max()) * 1.08, center

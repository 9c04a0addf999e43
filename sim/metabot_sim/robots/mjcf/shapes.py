"""How far the parts of a robot reach: support functions of MuJoCo's geoms."""

from __future__ import annotations

import mujoco
import numpy as np

_DIRECTIONS = 180
"""Horizontal ones that a robot's reach is looked for in: their largest gap costs a tenth of a thousandth."""


def solid(model: mujoco.MjModel) -> np.ndarray:
    """Ids of the geoms that touch things."""
    return np.flatnonzero(model.geom_contype | model.geom_conaffinity)


def support(model: mujoco.MjModel, data: mujoco.MjData, geom: int, direction: np.ndarray) -> float:
    """How far a geom reaches in a direction from the world's origin, in metres.

    Args:
        model: compiled.
        data: after `mj_forward`.
        geom: its id.
        direction: (3,) of length one.
    """
    along = float(data.geom_xpos[geom] @ direction)
    local = data.geom_xmat[geom].reshape(3, 3).T @ direction
    size, kind = model.geom_size[geom], mujoco.mjtGeom(int(model.geom_type[geom]))
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return along + float(size[0])
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return along + float(size[0] + size[1] * abs(local[2]))
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        return along + float(size[1] * abs(local[2]) + size[0] * np.hypot(local[0], local[1]))
    if kind == mujoco.mjtGeom.mjGEOM_ELLIPSOID:
        return along + float(np.linalg.norm(size * local))
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = int(model.geom_dataid[geom])
        start, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
        return along + float((model.mesh_vert[start : start + count] @ local).max())
    # A box, or the box around whatever else there may be.
    center, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    return along + float(center @ local + half @ np.abs(local))


def lowest(model: mujoco.MjModel, data: mujoco.MjData, geoms: np.ndarray) -> float:
    """Height of the lowest point of some geoms, in metres; infinite if there are none."""
    down = np.array([0.0, 0.0, -1.0])
    return min((-support(model, data, int(geom), down) for geom in geoms), default=np.inf)


def reach(model: mujoco.MjModel, data: mujoco.MjData, geoms: np.ndarray, center: np.ndarray) -> float:
    """Radius of the circle about a point of the floor that contains some geoms, in metres."""
    angles = np.arange(_DIRECTIONS) * (2.0 * np.pi / _DIRECTIONS)
    directions = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    own = directions[:, :2] @ center[:2]
    return max(
        (
            support(model, data, int(geom), direction) - float(offset)
            for geom in geoms
            for direction, offset in zip(directions, own, strict=True)
        ),
        default=0.0,
    )

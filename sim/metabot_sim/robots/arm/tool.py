"""Where the tool of an arm without a gripper ends, and which way it points: `find`."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from metabot_sim.robots.base import subtree
from metabot_sim.robots.mjcf import shapes
from metabot_sim.robots.mjcf.description import Description

RADIUS_M, BEARING_RAD, HEIGHT_M = (0.44, 0.60), (-1.3, 1.3), (0.14, 0.30)
"""Where tasks have points for tools, from an arm's base: nearer ones are out of reach of big arms whose elbow bends by
120 degrees only, and at lower ones the wrist of an arm whose flange is bare would be below the floor."""
CORNERS_M = tuple(
    (radius * math.cos(bearing), radius * math.sin(bearing), height)
    for radius in RADIUS_M
    for bearing in (BEARING_RAD[0], 0.0, BEARING_RAD[1])
    for height in HEIGHT_M
)
"""Ahead, left and up: the outermost of these points."""
ABOVE_M = (0.42, 0.0, 0.34)
"""Where an arm begins whose elbow does not bend far enough for `metabot_sim.robots.arm.HOME_M`: near no such point."""
SITE = "attachment_site"
"""What MuJoCo Menagerie calls the place of an arm's flange where tools are mounted."""
_ON_THE_WAY = 0.001
"""What is less along a joint's axis, in metres or as a cosine, does not say which way a tool points."""


def find(
    model: mujoco.MjModel, data: mujoco.MjData, said: Description, hand: int, last: int
) -> tuple[np.ndarray, np.ndarray]:
    """The point of a tool, and the axes of a hand that points along the last joint's axis.

    The point is what the description calls its tool, else a site ``attachment_site``, else the end of the last body
    along the axis of its joint.

    Args:
        model: of the arm alone.
        data: after `mj_forward`.
        said: of the arm.
        hand: the last body that moves.
        last: its joint, a hinge.

    Returns:
        (3,) the point and (3, 3) the axes as columns, z away from where the tool points, both in the hand's frame.

    Raises:
        ValueError: if nothing says where it ends; one line.
    """
    tree = subtree(model, hand)
    axis, anchor = data.xaxis[last], data.xanchor[last]
    named, side = _named(model, data, said, tree), 0.0
    if named is not None:
        # Frames of flanges look out along z.
        for along in ((named[0] - anchor) @ axis, named[1] @ axis):
            side = side if abs(side) > _ON_THE_WAY else float(along)
    if abs(side) <= _ON_THE_WAY:
        side = _side(model, data, tree, anchor, axis)
        if not side:
            raise ValueError(
                f"nothing says where its tool ends; wanted: a site '{SITE}' at the tip of '{model.body(hand).name}',"
                " looking out along z, or the name of a site or body as tool in a description"
            )
    point = anchor + side * axis if named is None else named[0]
    z = -np.sign(side) * axis
    into = data.xmat[hand].reshape(3, 3).T
    # A tool has no sides: that axis of the hand is ahead which is most across.
    ahead = into[int(np.abs(into @ z).argmin())]
    x = ahead - (ahead @ z) * z
    x /= np.linalg.norm(x)
    return into @ (point - data.xpos[hand]), into @ np.stack([x, np.cross(z, x), z], axis=1)


def _named(
    model: mujoco.MjModel, data: mujoco.MjData, said: Description, tree: list[int]
) -> tuple[np.ndarray, np.ndarray] | None:
    """The point that a description or a site names and its frame's z axis, (3,) both in the world."""
    sites = {model.site(each).name: each for each in range(model.nsite) if model.site_bodyid[each] in tree}
    bodies = {model.body(each).name: each for each in tree}
    name = said.tool if said.tool is not None else SITE
    if name in sites:
        return data.site_xpos[sites[name]].copy(), data.site_xmat[sites[name]][2::3].copy()
    if said.tool is None:
        return None
    if name in bodies:
        return data.xpos[bodies[name]].copy(), data.xmat[bodies[name]][2::3].copy()
    known = ", ".join(each for each in (*sites, *bodies) if each)
    raise ValueError(f"no site or body '{name}' of its description on its last link; there: {known}")


def _side(model: mujoco.MjModel, data: mujoco.MjData, tree: list[int], anchor: np.ndarray, axis: np.ndarray) -> float:
    """How far bodies reach along a joint's axis, where they reach farther; negative: against it; 0 if nowhere."""
    forward, back = (_end(model, data, tree, way) for way in (axis, -axis))
    if forward is None or back is None:
        return 0.0
    forward, back = forward - float(anchor @ axis), back + float(anchor @ axis)
    if abs(forward - back) <= _ON_THE_WAY:
        return 0.0
    return forward if forward > back else -back


def _end(model: mujoco.MjModel, data: mujoco.MjData, tree: list[int], way: np.ndarray) -> float | None:
    """How far bodies reach in a direction from the world's origin; None if they have no shape."""
    geoms = [geom for geom in range(model.ngeom) if model.geom_bodyid[geom] in tree]
    solid = set(shapes.solid(model).tolist()) & set(geoms)
    return max((shapes.support(model, data, geom, way) for geom in solid or geoms), default=None)

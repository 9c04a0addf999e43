"""Elements of a robot's spec by their ids in the compiled model, and names for those that have none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import mujoco


class Parts(NamedTuple):
    """A spec's elements by their ids in the compiled model: a spec that is changed afterwards forgets them."""

    bodies: dict[int, mujoco.MjsBody]
    geoms: dict[int, mujoco.MjsGeom]
    joints: dict[int, mujoco.MjsJoint]
    actuators: dict[int, mujoco.MjsActuator]

    @classmethod
    def of(cls, child: mujoco.MjSpec) -> Parts:
        """Those of a spec that has just been compiled."""
        groups = (child.bodies, child.geoms, child.joints, child.actuators)
        return cls(*({int(each.id): each for each in group} for group in groups))


def fresh(wanted: str, taken: Iterable[Any]) -> str:
    """A name that none of some elements has: the wanted one, or that with a number."""
    names = {each.name for each in taken}
    return next(name for name in (wanted, *(f"{wanted}_{number}" for number in range(2, 999))) if name not in names)

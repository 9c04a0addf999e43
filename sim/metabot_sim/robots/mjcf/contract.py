"""What the simulator has to know of a user's robot beside its model: `Contract`, `Drive`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from metabot_sim.robots.mjcf.posture import Posture


@dataclass(frozen=True)
class Drive:
    """One driven wheel.

    Attributes:
        actuator: its name.
        radius_m: height of its axle above what it rolls on.
        side_m: where it is across the robot from the base's origin, left positive.
        sign: +1 if a positive speed of its joint rolls forward.
        gear: of the actuator: it is told this many times the speed of the joint.
    """

    actuator: str
    radius_m: float
    side_m: float
    sign: float
    gear: float = 1.0

    def told(self, speed_mps: float, yaw_rate_radps: float) -> float:
        """What its actuator is told when the robot is to drive so."""
        return (speed_mps - self.side_m * yaw_rate_radps) / self.radius_m * self.sign * self.gear


@dataclass(frozen=True)
class Planar:
    """A base on two slides and a hinge, by the names in its file.

    Attributes:
        joints: the two slides and the hinge.
        actuators: velocity servos of them, in the same order.
        gears: of the actuators: each is told this many times the speed of its joint.
        axes: (3, 3) takes the joints' positions to x and y in metres and yaw in radians.
    """

    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    gears: tuple[float, ...]
    axes: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Contract:
    """A driving robot as it was found in its file.

    Attributes:
        base: name of the body that holds all of it.
        root: name of its free joint; empty on a planar base.
        chassis: name of the geom that takes the robot's colour.
        height_m: height of the base's origin above the floor when the robot stands.
        attitude: (4,) quaternion of the base when the robot stands at the origin and looks along x.
        max_speed_mps: forward speed at full command.
        max_yaw_rate_radps: yaw rate at full command.
        radius_m: of the circle about where it turns that all of it fits in.
        wheels: the driven wheels, in the order of their actuators.
        planar: what carries it in place of wheels.
        posture: how it holds what else moves on it.
        reached: share of its full speed that the robot really comes to: servos give way to friction.
    """

    base: str
    root: str
    chassis: str
    height_m: float
    attitude: tuple[float, float, float, float]
    max_speed_mps: float
    max_yaw_rate_radps: float
    radius_m: float
    wheels: tuple[Drive, ...]
    planar: Planar | None = None
    posture: Posture = field(default_factory=Posture)
    reached: float = 1.0

    def local(self, direction: tuple[float, float, float]) -> np.ndarray:
        """A direction of the standing robot in the base's own frame, (3,)."""
        w, x, y, z = self.attitude
        # The transpose of the attitude's rotation.
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
                [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
                [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        found: np.ndarray = rotation @ np.array(direction)
        return found

"""Which class simulates which kind of robot."""

from __future__ import annotations

from metabot_sim.robots.ackermann import Ackermann
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.base import RobotGroup
from metabot_sim.robots.diffdrive import DiffDrive
from metabot_sim.robots.fetch import Fetch
from metabot_sim.robots.mjcf import MjcfCar
from metabot_sim.robots.part import Part

ROBOTS: dict[str, type[RobotGroup]] = {
    "diffdrive": DiffDrive,
    "ackermann": Ackermann,
    "mjcf": MjcfCar,
    "arm": Arm,
    "fetch": Fetch,
    "part": Part,
}

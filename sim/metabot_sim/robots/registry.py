"""Which class simulates which kind of robot."""

from __future__ import annotations

from metabot.task import RobotKind
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.base import RobotGroup
from metabot_sim.robots.diffdrive import DiffDrive
from metabot_sim.robots.mjcf import MjcfCar

ROBOTS: dict[RobotKind, type[RobotGroup]] = {"diffdrive": DiffDrive, "mjcf": MjcfCar, "arm": Arm}

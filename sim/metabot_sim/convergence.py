"""Does the physics depend on the time step? Robots under open-loop commands, against steps of 1 ms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from metabot.task import KINDS, TaskSpec
from metabot_sim.batch import BatchedWorld
from metabot_sim.families.base import Family
from metabot_sim.families.registry import family as family_of
from metabot_sim.frames import wrap
from metabot_sim.robots.arm import Arm
from metabot_sim.robots.base import RobotGroup
from metabot_sim.robots.car import CarGroup

REFERENCE_HZ = 1000
SECONDS = 4.0
HELD_S = 0.5
"""How long each random command is held."""
DRAWS = 500
BARS_M = {"diffdrive": 0.05, "ackermann": 0.05, "arm": 0.02}
BARS_RAD = {"diffdrive": 0.1, "ackermann": 0.1, "arm": 0.1}
"""Largest allowed differences at the 95th percentile; kinds that are not named are only measured."""


@dataclass(frozen=True)
class Convergence:
    """How far the poses of one kind of robot are from those with steps of 1 ms, after 4 s.

    Attributes:
        family: whose training dynamics are drawn.
        kind: of robot.
        simulation_hz: physics steps per second as they are.
        draws: of dynamics and commands.
        position_m: median, and 95th percentile, of the distance.
        yaw_rad: the same of the turn; None for robots without a heading.
    """

    family: str
    kind: str
    simulation_hz: int
    draws: int
    position_m: tuple[float, float]
    yaw_rad: tuple[float, float] | None

    @property
    def passed(self) -> bool:
        """Whether the bars of this kind hold."""
        turned = self.yaw_rad is None or self.yaw_rad[1] <= BARS_RAD.get(self.kind, np.inf)
        return self.position_m[1] <= BARS_M.get(self.kind, np.inf) and turned

    @property
    def barred(self) -> bool:
        """Whether there are bars for this kind."""
        return self.kind in BARS_M

    def as_dict(self) -> dict[str, Any]:
        """The row for JSON."""
        return {**asdict(self), "passed": self.passed}


def check_convergence(name: str, *, draws: int = DRAWS, threads: int = 1, seed: int = 0) -> Iterator[Convergence]:
    """Measure every kind of robot of a family, alone and with nothing to touch but the floor.

    Parts of one body are measured together. Contacts with things and other robots are left out: where
    bodies bounce, two computations of the same physics part for good.

    Args:
        name: of the family.
        draws: of training dynamics and commands.
        threads: simulation threads; results do not depend on them.
        seed: of commands.
    """
    family = family_of(name)
    usual = family.spec()
    for kind in dict.fromkeys(robot.kind for robot in usual.robots):
        spec = usual if kind == "part" else _alone(usual, kind)
        yield _measure(family, spec, kind, draws, threads, seed)


def _alone(spec: TaskSpec, kind: str) -> TaskSpec:
    robot = next(robot for robot in spec.robots if robot.kind == kind)
    # Only a car's own pad is kept: a specification may not send it nowhere.
    pads = [pad.model_dump() for pad in spec.pads if pad.color == robot.goal]
    spawn = robot.spawn if KINDS[robot.kind].reach_m else type(robot.spawn)()
    alone = robot.model_copy(update={"spawn": spawn})
    return TaskSpec.parse({**spec.model_dump(), "robots": [alone.model_dump()], "objects": [], "pads": pads})


def _measure(family: Family, spec: TaskSpec, kind: str, draws: int, threads: int, seed: int) -> Convergence:
    # The reference's rate is a whole number of times the control rate.
    reference = spec.control_hz * -(-REFERENCE_HZ // spec.control_hz)
    found = [_drive(family, spec, draws, threads, seed, rate) for rate in (None, reference)]
    (place, yaw), (true_place, true_yaw) = found
    apart = np.linalg.norm(place - true_place, axis=-1)
    turned = None if yaw is None or true_yaw is None else np.abs(wrap(yaw - true_yaw))
    return Convergence(
        family.name, kind, spec.simulation_hz, draws, _spread(apart), None if turned is None else _spread(turned)
    )


def _drive(
    family: Family, spec: TaskSpec, draws: int, threads: int, seed: int, rate: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Places, (draws, robots, 3), and headings, (draws, robots), at the end."""
    world = BatchedWorld(spec, draws, threads=threads, walls=False, simulation_hz=rate)
    family.draw_dynamics(np.arange(draws), "train", world.episodes)
    world.reset()
    rng = np.random.default_rng(seed)
    held = round(HELD_S * spec.control_hz)
    for step in range(round(SECONDS * spec.control_hz)):
        if step % held == 0:
            commands = rng.uniform(-1.0, 1.0, (draws, world.num_robots, max(world.action_sizes)))
        world.step(commands)
    (group,) = world.groups
    return world.positions().copy(), _headings(group)


def _headings(group: RobotGroup) -> np.ndarray | None:
    if isinstance(group, CarGroup):
        return group.poses()[..., 2].copy()
    return group.yaws().copy() if isinstance(group, Arm) else None


def _spread(values: np.ndarray) -> tuple[float, float]:
    median, high = np.percentile(values, (50.0, 95.0))
    return float(median), float(high)

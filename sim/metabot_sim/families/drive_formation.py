"""`drive-formation`: the fleet keeps the formation it starts in while its virtual leader moves."""

from __future__ import annotations

import numpy as np

from metabot.task import COLOR_NAMES, KINDS, Arena, Interval, Pad, Pose, RobotSpec, SpecError, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts import avoid, drive
from metabot_sim.families import driving
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step

CONTROL_POINTS = 3
"""Pads that say where the leader goes: a quadratic Bezier curve from the first to the last."""
SPACING_M = 0.75
HORIZON_S = 14.0
START_S = 2.0
"""How long the leader takes to reach its speed."""
HOLD_S = 2.0
"""How long before the end everybody has to be in place."""
_SPEED_MPS = (0.2, 0.3)
_BEND_RAD = (0.3, 1.1)


class DriveFormation(Family):
    """Keep the formation in which the fleet starts, around a leader that moves on a curve."""

    name = "drive-formation"
    summary = "keep a formation around a virtual leader that moves on a curve"
    mode = "cooperative"
    robots = (2, 3, 16)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=1.0, signed=True),
        "steer_gain": Interval(low=0.8, high=1.3, signed=True),
        "steer_bias": Interval(low=-0.25, high=0.25),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.7, signed=True),
        "steer_bias": Interval(low=0.25, high=0.4, signed=True),
    }
    provides = frozenset({"formation_error_m", "collided"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        places = shapes(robots)[0]
        path = _SPEED_MPS[1] * HORIZON_S
        side = path + 2.0 * np.hypot(*places.T).max() + 1.5
        xs = np.linspace(-path / 2, path / 2, CONTROL_POINTS)
        return TaskSpec(
            family="drive-formation",
            world=Arena(length_m=side, width_m=side),
            robots=tuple(
                RobotSpec(name=f"robot_{i + 1}", spawn=Pose(x=float(xs[0] + x), y=float(y)))
                for i, (x, y) in enumerate(places)
            ),
            pads=tuple(Pad(color=color, x=float(x), y=0.0) for color, x in zip(COLOR_NAMES, xs, strict=False)),
            reward={"formation": -0.1, "success": 1.0, "effort": -0.01, "collision": -0.1},
            team_share=1.0,
            horizon_s=HORIZON_S,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        if len(spec.pads) != CONTROL_POINTS:
            raise SpecError(f"pads: {len(spec.pads)} cannot say where the leader goes; allowed: {CONTROL_POINTS}")

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        n, robots = len(batch), len(spec.robots)
        speed, bend = draws.uniform(*_SPEED_MPS), draws.uniform(*_BEND_RAD) * draws.sign()
        course = draws.uniform(-np.pi, np.pi)
        leg = 0.5 * speed * (spec.horizon_s - START_S / 2)
        directions = course[:, None] + bend[:, None] * np.array([-0.5, 0.5])
        steps = leg[:, None, None] * np.stack([np.cos(directions), np.sin(directions)], axis=-1)
        points = np.concatenate([np.zeros((n, 1, 2)), np.cumsum(steps, axis=1)], axis=1)
        batch.pads[...] = points - 0.5 * (points[:, :1] + points[:, -1:])
        forms = shapes(robots)
        order = draws.permutation(robots)
        places = forms[draws.integers(len(forms))][np.arange(n)[:, None], order]
        start = np.concatenate([batch.pads[:, 0], directions[:, :1]], axis=-1)
        batch.spawns[..., :2] = frames.to_world(start[:, None], places)
        batch.spawns[..., 2] = start[:, None, 2] + draws.uniform(-0.7, 0.7, robots)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveFormationRules(world)


def shapes(robots: int) -> np.ndarray:
    """Places in formations around their middle, (3, robots, 2): ranks, files and a wedge."""
    counts = [[min(robots, 4)], [1 if robots <= 4 else 2], list(range(1, robots + 1))]
    found = []
    for rows in counts:
        places: list[tuple[float, float]] = []
        for row in range(robots):
            width = min(rows[min(row, len(rows) - 1)], robots - len(places))
            places += [(-float(row), column - 0.5 * (width - 1)) for column in range(width)]
        found.append(np.array(places) - np.mean(places, axis=0))
    return SPACING_M * np.array(found)


class DriveFormationRules(Rules):
    """Success, of all or of none: everybody stayed in place and nobody touched another.

    In place is who is within `success.radius_m` of its slot all through the last 2 s, and was
    within half of that on the average of the whole episode, so that who lags behind for a while
    and catches up fails. It is decided in the episode's last step.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n, robots = world.num_sims, world.num_robots
        spec = world.spec
        self._radius = spec.success.radius_m
        self._forbidden = spec.success.contact == "forbidden"
        self._size = max(KINDS[robot.kind].radius_m for robot in spec.robots)
        self._horizon = spec.horizon_steps
        self._hold = min(round(HOLD_S * spec.control_hz), self._horizon)
        self._tick = np.zeros(n, dtype=np.int64)
        self._places = np.zeros((n, robots, 2))
        self._slots, self._next = np.zeros((n, robots, 2)), np.zeros((n, robots, 2))
        self._leader = np.zeros((n, 3))
        self._total, self._kept = np.zeros((n, robots)), np.zeros((n, robots), dtype=np.int64)
        self._spoiled = np.zeros(n, dtype=bool)
        self._poses = world.poses()
        self.task_names = (
            *(f"slot_{axis}" for axis in ("ahead", "left")),
            *(f"slot_velocity_{axis}" for axis in ("ahead", "left")),
            "leader_cos",
            "leader_sin",
            "time_left",
            *driving.neighbour_names(robots),
        )

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._tick[ids] = 0
        self._total[ids] = self._kept[ids] = 0
        self._spoiled[ids] = False
        start = self.leader(np.zeros(len(ids)), ids)
        self._places[ids] = frames.in_frame(start[:, None], self.world.episodes.spawns[ids, :, :2])
        self._poses = self.world.poses()
        self._follow()

    def leader(self, tick: np.ndarray, ids: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Where the virtual leader is after some control steps, (n, 3).

        Args:
            tick: (n,) control steps since the start.
            ids: which simulations.
        """
        time, whole = tick / self.world.spec.control_hz, self.world.spec.horizon_s
        begin = min(START_S, whole)
        way = np.where(time < begin, time**2 / (2.0 * begin), time - begin / 2.0)
        u = np.clip(way / (whole - begin / 2.0), 0.0, 1.0)[:, None]
        first, via, last = np.moveaxis(self.world.episodes.pads[ids], 1, 0)
        point = (1.0 - u) ** 2 * first + 2.0 * u * (1.0 - u) * via + u**2 * last
        ahead = (1.0 - u) * (via - first) + u * (last - via)
        return np.concatenate([point, np.arctan2(ahead[:, 1:], ahead[:, :1])], axis=-1)

    def _follow(self) -> None:
        self._leader = self.leader(self._tick)
        self._slots = frames.to_world(self._leader[:, None], self._places)
        self._next = frames.to_world(self.leader(self._tick + 1)[:, None], self._places)

    @property
    def slots(self) -> np.ndarray:
        """(n, R, 2): where each robot should be now, in metres."""
        return self._slots

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._poses = self.world.poses()
        self._tick += 1
        self._follow()
        offset = self._slots - self._poses[..., :2]
        error = np.hypot(offset[..., 0], offset[..., 1])
        touching = self.world.contacts(self._poses)
        if self._forbidden:
            self._spoiled |= touching.any(axis=1)
        self._total += error
        self._kept = np.where(error < self._radius, self._kept + 1, 0)
        in_place = (self._kept >= self._hold) & (self._total < 0.5 * self._radius * self._tick[:, None])
        # Nobody has kept a formation that another has left.
        done = in_place.all(axis=1) & ~self._spoiled & (self._tick >= self._horizon)
        success = np.repeat(done[:, None], error.shape[1], axis=1)
        return Step(
            actions=actions,
            success=success,
            arrived=success & (self._tick == self._horizon)[:, None],
            ended=np.zeros(len(error), dtype=bool),
            formation_error_m=error,
            collided=touching,
        )

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        poses = self._poses
        slot = frames.in_frame(poses, self._slots)
        moved = (self._next - self._slots) * self.world.spec.control_hz
        turned = np.concatenate([np.zeros_like(poses[..., :2]), poses[..., 2:]], axis=-1)
        heading = self._leader[:, None, 2] - poses[..., 2]
        left = np.broadcast_to(1.0 - self._tick[:, None] / self._horizon, heading.shape)
        return np.concatenate(
            [
                slot,
                frames.in_frame(turned, moved),
                np.stack([np.cos(heading), np.sin(heading), left], axis=-1),
                driving.see_neighbours(poses),
            ],
            axis=-1,
        )

    def expert(self) -> np.ndarray:
        """See `Rules.expert`: the slot's own velocity and a share of what is missing."""
        poses, cars = self._poses, self.world.cars
        wanted = (self._next - self._slots) * self.world.spec.control_hz
        wanted = wanted + 2.0 * (self._slots - poses[..., :2])
        yaw = poses[..., 2]
        speed = np.hypot(wanted[..., 0], wanted[..., 1])
        dynamics = self.world.episodes.robot_dynamics
        error = frames.wrap(np.arctan2(wanted[..., 1], wanted[..., 0]) - yaw)
        error = drive.quickest_turn(error, dynamics)
        # A slot that is hardly missed is no reason to turn.
        turn = 4.0 * error * np.clip(speed / 0.1, 0.0, 1.0) / cars.max_yaw_rate_radps
        limits = avoid.speed_limits(poses, yaw, avoid.nearest(poses), self._size)
        forward = np.minimum(speed * np.clip(np.cos(error), 0.0, 1.0) ** 2, limits) / cars.max_speed_mps
        return drive.undo(forward, turn, dynamics)


FAMILY = DriveFormation()

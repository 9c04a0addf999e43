"""`drive-push`: cars push a box that is too heavy for one of them into a zone."""

from __future__ import annotations

import numpy as np

from metabot.task import Arena, Interval, ObjectSpec, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts import push
from metabot_sim.families import driving
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step

BOX_WIDTH_M = 0.4
PLACE_M = 0.45
"""Length of the box for each robot: they push side by side."""
_BEARING_RAD = 0.3


class DrivePush(Family):
    """Cars push a box that is too heavy for one of them into a zone.

    A healthy car presses with 15 to 20 N before its tyres slip; the box needs 24 to 28 N.
    The more robots, the longer the box, so that all find a place at it.
    """

    name = "drive-push"
    summary = "push a box too heavy for one into a zone"
    mode = "cooperative"
    robots = (2, 2, 6)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=1.0, signed=True),
        "steer_gain": Interval(low=0.8, high=1.3, signed=True),
        "steer_bias": Interval(low=-0.25, high=0.25),
        "object_mass_kg": Interval(low=12.4, high=13.6),
        "object_friction": Interval(low=0.2, high=0.21),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.6, high=0.7, signed=True),
        "steer_bias": Interval(low=0.25, high=0.4, signed=True),
        "object_mass_kg": Interval(low=13.6, high=14.5),
        "object_friction": Interval(low=0.18, high=0.19),
    }
    provides = frozenset({"approach_m", "closing_m", "collided"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        side = 5.0 + 0.5 * robots
        length = PLACE_M * robots
        return TaskSpec(
            family="drive-push",
            world=Arena(length_m=side, width_m=side),
            robots=tuple(
                RobotSpec(name=f"robot_{i + 1}", spawn=Pose(x=-1.0, y=float(y)))
                for i, y in enumerate(push.places(robots, length))
            ),
            pads=(Pad(color="green", x=1.2, y=0.0),),
            objects=(
                ObjectSpec(
                    name="box",
                    color="brown",
                    shape="bar",
                    size_m=BOX_WIDTH_M,
                    length_m=length,
                    mass_kg=13.0,
                    friction=0.2,
                    pose=Pose(yaw=np.pi / 2),
                    goal="green",
                ),
            ),
            reward={"progress": 1.0, "closing": 0.2, "success": 1.0, "effort": -0.01},
            success=Success(radius_m=0.25, contact="allowed"),
            horizon_s=22.0 + 2.0 * robots,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        for field, things in (("objects", spec.objects), ("pads", spec.pads)):
            if len(things) != 1:
                raise SpecError(f"{field}: {len(things)}; allowed: 1")
        thing, least = spec.objects[0], 2.0 * push.CAR_M * len(spec.robots)
        if thing.shape != "bar":
            raise SpecError(f"objects.{thing.name}.shape: {thing.shape}; allowed: bar")
        if thing.length_m < least:
            raise SpecError(f"objects.{thing.name}.length_m: {thing.length_m:g}; allowed: at least {least:g}")

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        robots = len(spec.robots)
        box = draws.uniform(-0.3, 0.3, 2)
        yaw = draws.uniform(-np.pi, np.pi)
        batch.objects[:, 0, :2], batch.objects[:, 0, 2] = box, yaw
        bearing = yaw + draws.sign() * np.pi / 2 + draws.uniform(-_BEARING_RAD, _BEARING_RAD)
        batch.pads[:, 0] = box + frames.polar(draws.uniform(0.9, 1.5), bearing)
        # Around the box, one robot to a sector.
        clear = np.hypot(BOX_WIDTH_M, spec.objects[0].length_m) / 2 + 0.3
        sector = 2.0 * np.pi / robots
        angle = sector * (draws.permutation(robots) + draws.uniform(-0.3, 0.3, robots)) + draws.uniform(0.0, sector, 1)
        batch.spawns[..., :2] = box[:, None] + frames.polar(clear + draws.uniform(0.0, 0.4, robots), angle)
        batch.spawns[..., 2] = draws.uniform(-np.pi, np.pi, robots)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DrivePushRules(world)


class DrivePushRules(Rules):
    """Success, of all robots at once: the box's centre within the zone's radius.

    `approach_m` is the box's way towards the zone, `closing_m` each robot's way towards the
    point behind the box as seen from the zone.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n, robots = world.num_sims, world.num_robots
        thing = world.spec.objects[0]
        self._size = np.array([thing.length_m, thing.size_m])
        self._radius = world.spec.success.radius_m
        self._done = np.zeros(n, dtype=bool)
        self._distance, self._behind = np.zeros(n), np.zeros((n, robots))
        self._look()
        self.task_names = (
            "box_ahead",
            "box_left",
            "box_cos_2yaw",
            "box_sin_2yaw",
            "zone_ahead",
            "zone_left",
            *driving.neighbour_names(robots),
        )

    def _look(self) -> None:
        """Read the state that rules, view and expert share."""
        self._poses = self.world.poses()
        self._box = self.world.object_positions()[:, 0, :2]
        self._zone = self.world.episodes.pads[:, 0]

    def _measure(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) from the box to the zone and (n, R) from the robots to the point behind the box, in metres."""
        way = self._zone - self._box
        distance = np.hypot(way[:, 0], way[:, 1])
        behind = self._box - way * ((self._size[1] / 2 + push.CAR_M) / np.maximum(distance, 1e-6))[:, None]
        offset = behind[:, None] - self._poses[..., :2]
        return distance, np.hypot(offset[..., 0], offset[..., 1])

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._look()
        distance, behind = self._measure()
        self._done[ids] = False
        self._distance[ids], self._behind[ids] = distance[ids], behind[ids]

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._look()
        distance, behind = self._measure()
        before = self._done
        self._done = before | (distance < self._radius)
        shape = behind.shape
        step = Step(
            actions=actions,
            success=np.broadcast_to(self._done[:, None], shape),
            arrived=np.broadcast_to((self._done & ~before)[:, None], shape),
            ended=self._done,
            approach_m=np.broadcast_to((self._distance - distance)[:, None], shape),
            closing_m=self._behind - behind,
            collided=self.world.contacts(self._poses),
        )
        self._distance, self._behind = distance, behind
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        marks = np.stack([self._box, self._zone], axis=1)[:, None]
        seen = frames.in_frame(self._poses[:, :, None], marks) / 2.0
        # Twice the angle: a box turned by half a turn is the same box.
        yaw = 2.0 * (self.world.object_yaws() - self._poses[..., 2])
        return np.concatenate(
            [seen[:, :, 0], np.cos(yaw)[..., None], np.sin(yaw)[..., None], seen[:, :, 1],
             driving.see_neighbours(self._poses)], axis=-1
        )  # fmt: skip

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        return self.expert_at(None)

    def expert_at(self, ranks: np.ndarray | None) -> np.ndarray:
        """The expert's commands, (n, R, 2), where cars are told which places to take, (n, R) from right to left."""
        cars = self.world.cars
        box = np.concatenate([self._box, self.world.object_yaws()], axis=-1)
        size = self._size * self.world.episodes.object_dynamics[:, 0, 1:2]
        return push.push(
            self._poses,
            box,
            size,
            self._zone,
            self.world.episodes.robot_dynamics,
            cars.max_speed_mps,
            cars.max_yaw_rate_radps,
            ranks,
        )


FAMILY = DrivePush()

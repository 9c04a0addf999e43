"""`deliver`: arms load cars, the cars drive, other arms unload them into bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabot.task import (
    COLOR_NAMES,
    KINDS,
    Arena,
    Interval,
    ObjectSpec,
    Pad,
    Pose,
    RobotSpec,
    SpecError,
    Success,
    TaskSpec,
)
from metabot_sim import rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.experts.delivery import Courier, Delivery
from metabot_sim.families import grasping
from metabot_sim.families.base import Family, Rules
from metabot_sim.frames import in_frame, to_world
from metabot_sim.rewards import Step
from metabot_sim.robots.diffdrive import TRAY_HALF_M, TRAY_HEIGHT_M

_WAY_M = 1.6
"""From the loading to the unloading arms: neither reaches what is before the other."""
_LANE_M = 0.42
"""From an arm to the middle of the lane beside it."""
_RADIUS_M = 0.12
_SIZE_M = 0.05
_PLACES_M, _PLACES_RAD = (0.3, 0.5), (-0.6, 0.6)
"""Where objects and bins lie before their arms, on the side that cars do not pass."""
_BIN_COLORS, _STOP_COLORS = COLOR_NAMES[:2], COLOR_NAMES[2:4]
_OBJECT_COLORS = COLOR_NAMES[4:6]
_NEAR_M = 0.66
"""What is so near to an arm's base can be its business."""


@dataclass(frozen=True)
class Roles:
    """Who does what in a fleet of a given size: loading arms, cars, unloading arms, in this order.

    Attributes:
        loaders, cars, unloaders: how many.
        loader, car, unloader: (objects,) positions among all robots of those who move each object.
    """

    loaders: int
    cars: int
    unloaders: int

    @classmethod
    def of(cls, robots: int) -> Roles:
        """The roles of 3 to 6 robots: first come cars, then loading, then unloading arms."""
        cars = 1 if robots == 3 else 2
        loaders = 2 if robots >= 5 else 1
        return cls(loaders, cars, robots - cars - loaders)

    @property
    def loader(self) -> np.ndarray:
        """See the class."""
        return np.arange(self.cars) % self.loaders

    @property
    def car(self) -> np.ndarray:
        """See the class."""
        return self.loaders + np.arange(self.cars)

    @property
    def unloader(self) -> np.ndarray:
        """See the class."""
        return self.loaders + self.cars + np.arange(self.cars) % self.unloaders


class Deliver(Family):
    """Arms load cars, the cars drive, other arms unload them into bins.

    Each car has one object to bring and a lane of its own. An arm that is alone at its end
    stands between the lanes and serves both.
    """

    name = "deliver"
    summary = "an arm loads a car, the car drives, another arm unloads it into a bin"
    mode = "cooperative"
    robots = (3, 3, 6)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.75, high=1.2),
        "steer_gain": Interval(low=0.8, high=1.2, signed=True),
        "steer_bias": Interval(low=-0.25, high=0.25),
        "gripper": Interval(low=0.8, high=1.2),
        "friction": Interval(low=0.8, high=1.2),
        "object_mass_kg": Interval(low=0.05, high=0.2),
        "object_size": Interval(low=0.9, high=1.1),
        "object_friction": Interval(low=0.5, high=1.0),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.75),
        "steer_bias": Interval(low=0.25, high=0.4, signed=True),
        "gripper": Interval(low=0.6, high=0.8),
        "friction": Interval(low=0.6, high=0.8),
        "object_mass_kg": Interval(low=0.2, high=0.35),
        "object_size": Interval(low=0.8, high=0.9),
        "object_friction": Interval(low=0.35, high=0.5),
    }
    provides = frozenset({"approach_m", "grasped", "lifted_m"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`: cars drive along x."""
        roles = Roles.of(robots)
        lanes = _LANE_M * np.array([1.0, -1.0])[: roles.cars]

        def arms(count: int, name: str, x: float, yaw: float) -> list[RobotSpec]:
            sides = 2.0 * lanes if count == 2 else np.zeros(1)
            return [
                RobotSpec(name=f"{name}_{i + 1}", kind="arm", spawn=Pose(x=x, y=float(y), yaw=yaw))
                for i, y in enumerate(sides)
            ]

        loaders = arms(roles.loaders, "loader", -_WAY_M / 2, -np.pi)
        unloaders = arms(roles.unloaders, "unloader", _WAY_M / 2, 0.0)
        bins, stops = _BIN_COLORS[: roles.unloaders], _STOP_COLORS[: roles.cars]
        cars = [
            RobotSpec(name=f"car_{i + 1}", tray=True, goal=stops[i], spawn=Pose(x=-_WAY_M / 2, y=float(y)))
            for i, y in enumerate(lanes)
        ]
        return TaskSpec(
            family="deliver",
            world=Arena(length_m=_WAY_M + 1.5, width_m=2.0 if robots < 5 else 4.0 * _LANE_M + 1.0),
            robots=(*loaders, *cars, *unloaders),
            pads=(
                *(
                    Pad(color=color, x=arm.spawn.x + 0.4, y=arm.spawn.y)
                    for color, arm in zip(bins, unloaders, strict=True)
                ),
                *(Pad(color=color, x=_WAY_M / 2, y=float(y)) for color, y in zip(stops, lanes, strict=True)),
            ),
            objects=tuple(
                ObjectSpec(
                    name=f"box_{k + 1}",
                    color=_OBJECT_COLORS[k],
                    size_m=_SIZE_M,
                    pose=Pose(
                        x=-_WAY_M / 2 - 0.4,
                        y=loaders[roles.loader[k]].spawn.y + (0.1 - 0.2 * k) * (roles.cars > roles.loaders),
                    ),
                    goal=bins[k % roles.unloaders],
                )
                for k in range(roles.cars)
            ),
            reward={"progress": 1.0, "success": 2.0, "lift": 0.1, "effort": -0.005},
            success=Success(radius_m=_RADIUS_M, contact="allowed"),
            horizon_s=15.0 if roles.cars == min(roles.loaders, roles.unloaders) else 20.0,
            control_hz=grasping.CONTROL_HZ,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`: everybody in the order of the template, everything within reach."""
        super().check(spec)
        robots, roles = spec.robots, Roles.of(len(spec.robots))
        for robot, usual in zip(robots, self.template(len(robots)).robots, strict=True):
            if robot.kind != usual.kind:
                raise SpecError(
                    f"robots.{robot.name}.kind: {robot.kind}; allowed: {usual.kind}, since {len(robots)} robots are"
                    f" {roles.loaders} loading arms, {roles.cars} cars and {roles.unloaders} unloading arms, in order"
                )
            if robot.tray != usual.tray:
                raise SpecError(f"robots.{robot.name}.tray: {robot.tray}; allowed: {usual.tray}")
            if robot.kind == "diffdrive" and robot.goal is None:
                raise SpecError(f"robots.{robot.name}.goal: none; allowed: the pad where the car is unloaded")
        if len(spec.objects) != roles.cars:
            raise SpecError(f"objects: {len(spec.objects)}; allowed: {roles.cars}, one for each car, in order")
        pads: dict[str | None, Pad] = {pad.color: pad for pad in spec.pads}
        for k, thing in enumerate(spec.objects):
            if thing.goal is None:
                raise SpecError(f"objects.{thing.name}.goal: none; allowed: the pad that is its bin")
            loader, car, unloader = (robots[each[k]] for each in (roles.loader, roles.car, roles.unloader))
            bin_, stop = pads[thing.goal], pads[car.goal]
            _check_reach(f"objects.{thing.name}.pose", thing.pose, loader)
            _check_reach(f"robots.{car.name}.spawn", car.spawn, loader)
            _check_reach(f"pads.{bin_.color}", bin_, unloader)
            _check_reach(f"pads.{stop.color}", stop, unloader)

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        roles = Roles.of(len(spec.robots))
        bases = np.array([(robot.spawn.x, robot.spawn.y, robot.spawn.yaw) for robot in spec.robots])
        first = roles.loaders + roles.cars
        each = roles.cars // roles.loaders
        things = grasping.scatter(draws, roles.loaders, np.full((each, each), 0.18), _PLACES_M, _PLACES_RAD)
        bins = grasping.scatter(draws, roles.unloaders, np.zeros((1, 1)), _PLACES_M, _PLACES_RAD)
        batch.objects[..., :2] = to_world(bases[: roles.loaders, None], things).reshape(len(draws), roles.cars, 2)
        batch.objects[..., 2] = draws.uniform(-np.pi, np.pi, roles.cars)
        batch.pads[:, : roles.unloaders] = to_world(bases[first:, None], bins)[:, :, 0]
        batch.pads[:, roles.unloaders :] += draws.uniform(-1.0, 1.0, roles.cars, 2) * np.array([0.08, 0.03])
        cars = batch.spawns[:, roles.loaders : first]
        cars += draws.uniform(-1.0, 1.0, roles.cars, 3) * np.array([0.08, 0.03, 0.3])

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DeliverRules(world)


def _check_reach(field: str, place: Pose | Pad, arm: RobotSpec) -> None:
    near, far = KINDS["arm"].reach_m or (0.0, 0.0)
    away = float(np.hypot(place.x - arm.spawn.x, place.y - arm.spawn.y))
    if not near <= away <= far:
        raise SpecError(f"{field}: {away:.2f} m from {arm.name}; allowed: {near:g} to {far:g} m")


class DeliverRules(grasping.GraspRules):
    """Success, for all: every object lies at rest in its bin, held by nobody."""

    task_names = (
        "object_x",
        "object_y",
        "object_z",
        "object_cos_4yaw",
        "object_sin_4yaw",
        "held",
        "aboard",
        "car_x",
        "car_y",
        "car_cos",
        "car_sin",
        "stop_x",
        "stop_y",
        "bin_x",
        "bin_y",
        "loads",
        "drives",
        "unloads",
    )

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n, self._roles = world.num_sims, Roles.of(world.num_robots)
        roles = self._roles
        count, robots = roles.cars, np.arange(world.num_robots)[:, None]
        self._concerns = (robots == roles.loader) | (robots == roles.car) | (robots == roles.unloader)
        self._does = np.stack([(robots == each).any(axis=1) for each in (roles.loader, roles.car, roles.unloader)], -1)
        # Positions among the arms: the loading ones come first in the fleet.
        self._loader, self._unloader = roles.loader, roles.unloader - roles.cars
        self._courier = Courier(self.arm, world.cars, self._loader, self._unloader)
        self._ever = np.zeros((n, 1), dtype=bool)
        self._to_go, self._was_stage = np.zeros((n, count)), np.zeros((n, count), dtype=np.int64)

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self.measure(ids)
        self._ever[ids] = False
        self._courier.reset(ids)
        self.look()
        self._to_go[ids], self._was_stage[ids] = self._potential()[ids], self._stage[ids]

    def look(self) -> None:
        """See `GraspRules.look`."""
        super().look()
        self._poses = self.world.cars.poses()
        points = np.broadcast_to(self.centres[:, None], (*self.tips.shape[:2], *self.centres.shape[1:]))
        self._held = self.arm.holds(points)
        inside = np.abs(in_frame(self._poses, self.centres[..., :2]))
        height = self.centres[..., 2] - TRAY_HEIGHT_M - self.sizes / 2
        self._aboard = (inside < TRAY_HALF_M).all(axis=-1) & (np.abs(height) < grasping.LOW_M)
        self._bins = self.world.episodes.pads[self._rows, self.world.episodes.object_targets]
        away = self.centres[..., :2] - self._bins
        self._away = np.hypot(away[..., 0], away[..., 1])
        self._in_bin = (self._away < self.world.spec.success.radius_m) & (
            self.centres[..., 2] < self.sizes / 2 + grasping.LOW_M
        )
        ready = self.centres[..., :2] - self.arm.bases[self._unloader, :2]
        arrived = np.square(ready).sum(axis=-1) < _NEAR_M**2
        self._stage = np.where(arrived, 2, np.where(self._aboard, 1, 0))

    def _potential(self) -> np.ndarray:
        """(n, K) metres to go for each object: from the arm whose turn it is, and twice to the bin."""
        hand = np.where(self._stage[..., None] == 2, self.tips[:, self._unloader], self.tips[:, self._loader])
        reach = np.sqrt(np.square(hand - self.centres).sum(axis=-1))
        reach = np.where((self._stage == 1) | self._in_bin, 0.0, reach)
        return reach + 2.0 * np.maximum(self._away - self.world.spec.success.radius_m, 0.0)

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self.look()
        done = (self._in_bin & self.lying() & ~self._held.any(axis=1)).all(axis=-1)
        to_go = self._potential()
        # Where the turn changes, the way to the object is another hand's.
        closer = np.where(self._stage == self._was_stage, self._to_go - to_go, 0.0).sum(axis=-1)
        shape = (len(done), self.world.num_robots)
        success = np.broadcast_to(done[:, None], shape)
        grasped, lifted = np.zeros(shape, dtype=bool), np.zeros(shape)
        grasped[:, self.arm.indices] = self._held.any(axis=-1)
        height = np.maximum(self.centres[..., 2] - self.sizes / 2, 0.0)
        lifted[:, self.arm.indices] = (self._held * height[:, None]).max(axis=-1)
        step = Step(
            actions=actions,
            success=success,
            arrived=success & ~self._ever,
            ended=done,
            approach_m=np.broadcast_to(closer[:, None], shape),
            grasped=grasped,
            lifted_m=lifted,
        )
        self._ever |= success[:, :1]
        self._to_go, self._was_stage = to_go, self._stage
        return step

    def _focus(self) -> np.ndarray:
        """(n, R) the object that concerns each robot: the first whose part of the way is not behind it."""
        passed = np.zeros((len(self.tips), *self._concerns.shape), dtype=bool)
        passed |= self._does[:, 0, None] & (self._aboard | (self._stage > 0))[:, None]
        passed |= self._does[:, 2, None] & self._in_bin[:, None]
        return (2 * self._concerns - (passed & self._concerns)).argmax(axis=-1)

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`: as seen from fingertips in the base's frame, or from a car."""
        world, arms, cars, focus = self.world, self.arm.indices, self.world.cars.indices, self._focus()
        n, robots = focus.shape
        frames = np.zeros((n, robots, 4))
        frames[:, arms, :2], frames[:, arms, 2] = self.tips[..., :2], self.arm.bases[:, 2]
        frames[:, arms, 3] = self.tips[..., 2]
        frames[:, cars, :3], frames[:, cars, 3] = self._poses, TRAY_HEIGHT_M
        spots = np.empty((n, robots, 4, 2))
        object_ = self.pick(self.centres, focus)
        car = self.pick(self._poses, focus)
        spots[:, :, 0], spots[:, :, 1] = object_[..., :2], car[..., :2]
        spots[:, :, 2] = self.pick(world.goals[:, self._roles.car], focus)
        spots[:, :, 3] = self.pick(self._bins, focus)
        spots = in_frame(frames[:, :, None, :3], spots) / grasping.POSITION_SCALE_M
        seen = np.empty((n, robots, len(self.task_names)))
        seen[..., :2] = spots[:, :, 0]
        seen[..., 2] = (object_[..., 2] - frames[..., 3]) / grasping.POSITION_SCALE_M
        hand = frames[..., 2].copy()
        hand[:, arms] = self.arm.yaws()
        angle = 4.0 * (self.pick(self.flat_yaws(), focus) - hand)
        seen[..., 3], seen[..., 4] = np.cos(angle), np.sin(angle)
        seen[..., 5] = self.pick(np.asarray(self._held.any(axis=1)), focus)
        seen[..., 6] = self.pick(self._aboard, focus)
        seen[..., 7:9] = spots[:, :, 1]
        heading = car[..., 2] - frames[..., 2]
        seen[..., 9], seen[..., 10] = np.cos(heading), np.sin(heading)
        seen[..., 11:15] = spots[:, :, 2:].reshape(n, robots, 4)
        seen[..., 15:] = self._does
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        delivery = Delivery(
            centres=self.centres,
            yaws=self.flat_yaws(),
            sizes=self.sizes,
            held=self._held,
            aboard=self._aboard,
            poses=self._poses,
            stops=self.world.goals[:, self._roles.car],
            bins=self._bins,
            in_bin=self._in_bin,
        )
        dynamics, arms, cars = self.world.episodes.robot_dynamics, self.arm.indices, self.world.cars.indices
        actions = np.zeros((len(self.tips), self.world.num_robots, 5))
        actions[:, arms], actions[:, cars, :2] = self._courier.act(delivery, dynamics[:, arms], dynamics[:, cars])
        return actions


FAMILY = Deliver()

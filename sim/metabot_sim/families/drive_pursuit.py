"""`drive-pursuit`: hunters catch an evader, or it escapes them until the time is up."""

from __future__ import annotations

import numpy as np

from metabot.task import Arena, Interval, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import DRIVE_GAIN, EpisodeBatch
from metabot_sim.experts import drive, pursuit
from metabot_sim.families import driving, teams
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step

HUNTERS, EVADER = "hunters", "evader"
_APART_M = 2.2
"""Least distance between the evader and a hunter at the start."""
_MARGIN_M = 0.45


class DrivePursuit(Family):
    """Hunters, the first team, catch the evader, the last robot; or it escapes them until the time is up."""

    name = "drive-pursuit"
    summary = "hunters catch an evader, or it escapes until the time is up"
    mode = "competitive"
    robots = (2, 4, 16)
    dynamics = {  # noqa: RUF012
        "drive_gain": Interval(low=0.7, high=1.0, signed=True),
        "steer_gain": Interval(low=0.8, high=1.3, signed=True),
        "steer_bias": Interval(low=-0.25, high=0.25),
    }
    held_out = {  # noqa: RUF012
        "drive_gain": Interval(low=0.55, high=0.7, signed=True),
        "steer_bias": Interval(low=0.25, high=0.4, signed=True),
    }
    provides = frozenset({"closing_m", "scored", "collided"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        side = driving.arena_side_m(robots, 0.5, 4.5)
        across = np.linspace(-side / 2 + 0.6, side / 2 - 0.6, robots + 1)[1:-1]
        hunters = [
            RobotSpec(name=f"hunter_{i + 1}", team=HUNTERS, spawn=Pose(x=1.5, y=float(y))) for i, y in enumerate(across)
        ]
        return TaskSpec(
            family="drive-pursuit",
            world=Arena(length_m=side, width_m=side),
            robots=(*hunters, RobotSpec(name="evader", team=EVADER, spawn=Pose(x=-1.5))),
            reward={"closing": 1.0, "score": 1.0, "success": 1.0, "effort": -0.01},
            success=Success(radius_m=0.45, contact="allowed"),
            horizon_s=13.0 + 0.5 * robots,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        for robot in spec.robots:
            if robot.team not in (HUNTERS, EVADER):
                raise SpecError(f"robots.{robot.name}.team: {robot.team!r}; allowed: {HUNTERS}, {EVADER}")
        evaders = sum(robot.team == EVADER for robot in spec.robots)
        if evaders != 1:
            raise SpecError(f"robots: {evaders} in team {EVADER}; allowed: 1")

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        robots = len(spec.robots)
        evader = [robot.team for robot in spec.robots].index(EVADER)
        hunters = np.delete(np.arange(robots), evader)
        half = np.array([spec.world.length_m, spec.world.width_m]) / 2 - _MARGIN_M
        # The evader at one end of the arena, the hunters over the rest, then either end of either axis.
        strip = min(0.8, half[0])
        places = np.zeros((len(batch), robots, 2))
        places[:, evader, 0] = -half[0] + strip * draws.unit()
        places[:, evader, 1] = draws.uniform(-half[1], half[1])
        room = max(half[0] - (strip + _APART_M) / 2, 0.1)
        places[:, hunters] = driving.scatter(draws, robots - 1, np.array([room, half[1]]), 0.8)
        places[:, hunters, 0] += half[0] - room
        places *= draws.sign(2)[:, None]
        if half[0] == half[1]:
            places = np.where(draws.sign()[:, None, None] > 0.0, places, places[..., ::-1])
        batch.spawns[..., :2] = places
        batch.spawns[..., 2] = draws.uniform(-np.pi, np.pi, robots)

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DrivePursuitRules(world)


class DrivePursuitRules(Rules):
    """Success of the hunters: one of them has come within `success.radius_m` of the evader, centre to centre.

    Success of the evader: the horizon is over and none has. `closing_m` is a hunter's way
    towards the evader, and the evader's away from its nearest hunter.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n, robots = world.num_sims, world.num_robots
        self._evader = [robot.team for robot in world.spec.robots].index(EVADER)
        self._hunters = np.delete(np.arange(robots), self._evader)
        self._half = np.array([world.spec.world.length_m, world.spec.world.width_m]) / 2
        self._radius, self._horizon = world.spec.success.radius_m, world.spec.horizon_steps
        self._role = np.where(np.arange(robots) == self._evader, -1.0, 1.0)
        self._mates = (self._role[:, None] > 0.0) & (self._role > 0.0) & ~np.eye(robots, dtype=bool)
        self._rivals = self._role[:, None] != self._role
        self._caught, self._steps = np.zeros(n, dtype=bool), np.zeros(n, dtype=np.int64)
        self._distance = np.zeros((n, robots))
        self._look()
        self.task_names = (
            "role",
            "time_left",
            "centre_ahead",
            "centre_left",
            "wall_x",
            "wall_y",
            "rival_speed_ahead",
            "rival_speed_left",
            *teams.names("rival", self._rivals),
            *teams.names("mate", self._mates),
        )

    def _look(self) -> None:
        """Read the state that rules, view and expert share."""
        self._poses = self.world.poses()
        self._apart = frames.pairwise(self._poses)
        speed = self.world.twists(self._poses)[..., 0]
        yaw = self._poses[..., 2]
        self._velocity = np.stack([np.cos(yaw) * speed, np.sin(yaw) * speed], axis=-1)

    def _gaps(self) -> np.ndarray:
        """(n, R) metres from each hunter to the evader, and from the evader to its nearest hunter."""
        gaps = self._apart[:, self._evader].copy()
        gaps[:, self._evader] = gaps[:, self._hunters].min(axis=1)
        return gaps

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._look()
        self._distance[ids] = self._gaps()[ids]
        self._caught[ids] = False
        self._steps[ids] = 0

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._look()
        self._steps += 1
        gaps = self._gaps()
        before = self._caught
        self._caught = before | (gaps[:, self._evader] < self._radius)
        over = self._steps >= self._horizon
        success = np.where(self._role > 0.0, self._caught[:, None], (over & ~self._caught)[:, None])
        collided = self.world.contacts(self._poses)
        collided[:, self._evader] = False
        step = Step(
            actions=actions,
            success=success,
            arrived=np.where(self._role > 0.0, (self._caught & ~before)[:, None], success),
            ended=self._caught,
            closing_m=(self._distance - gaps) * self._role,
            scored=(self._caught & ~before)[:, None] * self._role,
            collided=collided,
        )
        self._distance = gaps
        return step

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        poses, n = self._poses, len(self._poses)
        seen = np.empty((*poses.shape[:2], len(self.task_names)))
        seen[..., 0] = self._role
        seen[..., 1] = np.maximum(1.0 - self._steps / self._horizon, 0.0)[:, None]
        seen[..., 2:4] = frames.in_frame(poses, np.zeros(2)) / self._half
        seen[..., 4:6] = poses[..., :2] / self._half
        rival = np.full(poses.shape[:2], self._evader)
        rival[:, self._evader] = self._hunters[np.argmin(self._distance[:, self._hunters], axis=1)]
        resting = poses.copy()
        resting[..., :2] = 0.0
        seen[..., 6:8] = frames.in_frame(resting, self._velocity[np.arange(n)[:, None], rival])
        first = 8 + 2 * teams.shown(self._rivals)
        seen[..., 8:first] = teams.see(poses, self._apart, self._rivals)
        seen[..., first:] = teams.see(poses, self._apart, self._mates)
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        cars, dynamics = self.world.cars, self.world.episodes.robot_dynamics
        speeds = cars.max_speed_mps * np.minimum(np.abs(dynamics[..., DRIVE_GAIN]), 1.0)
        hunters, evader = self._hunters, slice(self._evader, self._evader + 1)
        packs, prey = self._poses[:, hunters], self._poses[:, evader, :2]
        points = pursuit.intercept(packs, speeds[:, hunters], prey, self._velocity[:, evader])
        edge = self._half - 0.2
        points = np.clip(pursuit.surround(packs, prey, points), -edge, edge)
        headings, distance = np.empty(speeds.shape), np.full(speeds.shape, 1.0)
        headings[:, hunters], distance[:, hunters] = pursuit.chase(packs, points)
        headings[:, self._evader] = pursuit.flee(
            self._poses[:, self._evader], speeds[:, self._evader], packs[..., :2], speeds[:, hunters], self._half
        )
        # The one who chases does not slow down where the other might be.
        return drive.towards(self._poses, headings, np.maximum(distance, 0.3), dynamics, cars.max_yaw_rate_radps)


FAMILY = DrivePursuit()

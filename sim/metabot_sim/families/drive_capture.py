"""`drive-capture`: two teams of cars; who first brings the other's token home wins."""

from __future__ import annotations

import numpy as np

from metabot.task import KINDS, Arena, Interval, Pad, Pose, RobotSpec, SpecError, Success, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.batch import BatchedWorld
from metabot_sim.episodes import DRIVE_GAIN, EpisodeBatch
from metabot_sim.experts import capture, drive
from metabot_sim.families import driving, teams
from metabot_sim.families.base import Family, Rules
from metabot_sim.rewards import Step

TAG_M = 0.35
"""A carrier on the opponents' half loses the token to an opponent that comes so near, centre to centre."""
_EDGE_M = 0.6
_APART_M = 1.2
"""Least distance between a team's base and its token."""
_NOBODY = -1


class DriveCapture(Family):
    """Two teams; a robot picks up the other's token by touching it and brings it to its own base.

    The pads are the bases of the first and the second team, then their tokens. A carrier that
    is tagged on the opponents' half loses the token, which is back in its place at once.
    """

    name = "drive-capture"
    summary = "bring the other team's token home before they bring yours"
    mode = "mixed"
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
    provides = frozenset({"approach_m", "closing_m", "scored", "collided"})

    def template(self, robots: int) -> TaskSpec:
        """See `Family.template`."""
        length, width = 6.0 + 0.3 * robots, 4.0 + 0.4 * robots
        first = (robots + 1) // 2
        x, y = length / 2 - _EDGE_M, width / 2 - _EDGE_M
        fleet = []
        for team, count, side in (("blue", first, -1.0), ("orange", robots - first, 1.0)):
            across = np.linspace(-y, y, count + 2)[1:-1]
            fleet += [
                RobotSpec(
                    name=f"{team}_{i + 1}",
                    team=team,
                    spawn=Pose(x=side, y=float(across[i]), yaw=0.0 if side < 0.0 else np.pi),
                )
                for i in range(count)
            ]
        return TaskSpec(
            family="drive-capture",
            world=Arena(length_m=length, width_m=width),
            robots=tuple(fleet),
            pads=(
                Pad(color="blue", x=-x, y=-y / 2),
                Pad(color="orange", x=x, y=y / 2),
                Pad(color="cyan", x=-x, y=y / 2),
                Pad(color="yellow", x=x, y=-y / 2),
            ),
            reward={"progress": 0.5, "closing": 0.2, "score": 1.0, "success": 1.0, "effort": -0.01},
            team_share=0.5,
            success=Success(radius_m=0.3, contact="allowed"),
            horizon_s=24.0 + 1.25 * robots,
        )

    def check(self, spec: TaskSpec) -> None:
        """See `Family.check`."""
        super().check(spec)
        sides = list(dict.fromkeys(robot.team for robot in spec.robots))
        if len(sides) != 2:
            raise SpecError(f"robots: {len(sides)} teams cannot play {self.name}; allowed: 2")
        if len(spec.pads) != 4:
            raise SpecError(f"pads: {len(spec.pads)}; allowed: 4, the bases of both teams and then their tokens")
        for team in range(2):
            if spec.pads[team].x * spec.pads[2 + team].x <= 0.0 or spec.pads[team].x * spec.pads[1 - team].x >= 0.0:
                pad = spec.pads[team]
                raise SpecError(
                    f"pads.{pad.color}: base at x = {pad.x:g}; allowed: on the same side of x = 0 as its token and on"
                    " the other side than the other base"
                )

    def draw_places(self, draws: rng.Draws, batch: EpisodeBatch, spec: TaskSpec) -> None:
        """See `Family.draw_places`."""
        half = np.array([spec.world.length_m, spec.world.width_m]) / 2
        team = _teams(spec)
        reach = half[1] - _EDGE_M
        depth = half[0] - _EDGE_M - draws.uniform(0.0, 0.3, 4)
        base = draws.uniform(-reach, reach, 2)
        # Anywhere across the field but near the base.
        token = (base + reach + draws.uniform(_APART_M, 2.0 * reach - _APART_M, 2)) % (2.0 * reach) - reach
        batch.pads[..., 0] = depth * np.array([-1.0, 1.0, -1.0, 1.0])
        batch.pads[..., 1] = np.concatenate([base, token], axis=1)
        # Between the middle of the field and the strip in which bases and tokens lie.
        near, far = 0.6, half[0] - _EDGE_M - 0.3 - 0.7
        for side in range(2):
            mine = np.flatnonzero(team == side)
            places = driving.scatter(draws, len(mine), np.array([(far - near) / 2, half[1] - 0.45]), 0.55)
            places[..., 0] = (places[..., 0] + (near + far) / 2) * (2.0 * side - 1.0)
            batch.spawns[:, mine, :2] = places
        batch.spawns[..., 2] = draws.uniform(-np.pi, np.pi, len(team))
        flip = draws.sign()
        batch.pads[..., 0] *= flip[:, None]
        batch.spawns[..., 0] *= flip[:, None]

    def rules(self, world: BatchedWorld) -> Rules:
        """See `Family.rules`."""
        return DriveCaptureRules(world)


def _teams(spec: TaskSpec) -> np.ndarray:
    """(R,) 0 for robots of the first team, 1 for those of the second."""
    return np.array([int(robot.team != spec.robots[0].team) for robot in spec.robots])


class DriveCaptureRules(Rules):
    """Success of a robot: its team has brought home more tokens than the other.

    A robot picks up the other team's token, and brings it home, within `success.radius_m` of
    the pad's centre. The episode is decided by the first token that makes a difference.
    `approach_m` is a carrier's way to its base and everybody else's to the other team's token
    while it lies in its place; `closing_m` the way towards the opponent that carries one's own.
    """

    def __init__(self, world: BatchedWorld) -> None:
        """See `Rules`."""
        super().__init__(world)
        n, robots = world.num_sims, world.num_robots
        self._team = _teams(world.spec)
        self._half = np.array([world.spec.world.length_m, world.spec.world.width_m]) / 2
        self._radius = world.spec.success.radius_m
        self._size = max(KINDS[robot.kind].radius_m for robot in world.spec.robots)
        opponents = self._team[:, None] != self._team
        self._opponents, self._mates = opponents, ~opponents & ~np.eye(robots, dtype=bool)
        # Every second robot of a team guards; one that is alone attacks.
        rank = np.array([int((self._team[:i] == team).sum()) for i, team in enumerate(self._team)])
        self._guards = rank % 2 == 1
        self._sims, self._numbers = np.arange(n), np.arange(robots)
        # Who carries the token of the first, the second team.
        self._carrier = np.full((n, 2), _NOBODY)
        self._score = np.zeros((n, 2), dtype=np.int64)
        self._aim, self._goal, self._thief = (
            np.zeros((n, robots)),
            np.zeros((n, robots), dtype=int),
            np.zeros((n, robots)),
        )
        self._tokens = np.zeros((n, 2, 2))
        self._look()
        self.task_names = (
            "carrying",
            "mate_carries",
            "token_stolen",
            "depth",
            *(
                f"{what}_{axis}"
                for what in ("token", "rival_token", "base", "rival_base")
                for axis in ("ahead", "left")
            ),
            *teams.names("mate", self._mates),
            *teams.names("rival", self._opponents),
        )

    def _look(self) -> None:
        """Read the state that rules, view and expert share."""
        self._poses = self.world.poses()
        self._apart = frames.pairwise(self._poses)
        pads = self.world.episodes.pads
        self._bases, self._homes = pads[:, :2], pads[:, 2:]

    def _track(self) -> None:
        """Let carried tokens be where their carriers are, and measure what the rewards need."""
        carried = self._carrier >= 0
        held = self._poses[self._sims[:, None], np.maximum(self._carrier, 0), :2]
        self._tokens = np.where(carried[..., None], held, self._homes)
        mine = self._carrier[:, 1 - self._team] == self._numbers
        aim = np.where(mine[..., None], self._bases[:, self._team], self._tokens[:, 1 - self._team])
        offset = aim - self._poses[..., :2]
        # A mate's token is nobody else's goal: 0 before, during and after.
        self._goal = np.where(mine, 1, np.where(carried[:, 1 - self._team], 0, 2))
        self._aim = np.hypot(offset[..., 0], offset[..., 1])
        offset = self._tokens[:, self._team] - self._poses[..., :2]
        self._thief = np.hypot(offset[..., 0], offset[..., 1])

    def reset(self, ids: np.ndarray) -> None:
        """See `Rules.reset`."""
        self._look()
        self._carrier[ids] = _NOBODY
        self._score[ids] = 0
        self._track()

    def advance(self, actions: np.ndarray) -> Step:
        """See `Rules.advance`."""
        self._look()
        before, points = self._carrier.copy(), self._score.copy()
        aim, goal, thief = self._aim, self._goal, self._thief
        self._pick_up()
        self._tag()
        self._bring_home()
        self._track()
        for token in range(2):
            self.world.move_pad(2 + token, self._tokens[:, token])
        lead, had = (scores[:, self._team] - scores[:, 1 - self._team] for scores in (self._score, points))
        robbed = (self._carrier == before)[:, self._team] & (before >= 0)[:, self._team]
        return Step(
            actions=actions,
            success=lead > 0,
            arrived=(lead > 0) & (had <= 0),
            ended=self._score[:, 0] != self._score[:, 1],
            approach_m=np.where((self._goal == goal) & (goal > 0), aim - self._aim, 0.0),
            closing_m=np.where(robbed, thief - self._thief, 0.0),
            scored=lead - had,
            collided=self.world.contacts(self._poses),
        )

    def _pick_up(self) -> None:
        offset = self._homes[:, 1 - self._team] - self._poses[..., :2]
        distance = np.hypot(offset[..., 0], offset[..., 1])
        for token in range(2):
            reach = np.where(self._team != token, distance, np.inf)
            nearest = np.argmin(reach, axis=1)
            free = (self._carrier[:, token] < 0) & (reach[self._sims, nearest] < self._radius)
            self._carrier[free, token] = nearest[free]

    def _tag(self) -> None:
        for token in range(2):
            carrier = self._carrier[:, token]
            apart = np.where(self._team == token, self._apart[self._sims, carrier], np.inf).min(axis=1)
            away = self._poses[self._sims, carrier, 0] * self._homes[:, token, 0] > 0.0
            self._carrier[away & (apart < TAG_M), token] = _NOBODY

    def _bring_home(self) -> None:
        for token in range(2):
            offset = self._bases[:, 1 - token] - self._poses[self._sims, self._carrier[:, token], :2]
            home = (self._carrier[:, token] >= 0) & (np.hypot(offset[:, 0], offset[:, 1]) < self._radius)
            self._score[:, 1 - token] += home
            self._carrier[home, token] = _NOBODY

    def observe_task(self) -> np.ndarray:
        """See `Rules.observe_task`."""
        poses, team = self._poses, self._team
        seen = np.empty((*poses.shape[:2], len(self.task_names)))
        bearer = self._carrier[:, 1 - team]
        seen[..., 0] = bearer == self._numbers
        seen[..., 1] = (bearer >= 0) & (bearer != self._numbers)
        seen[..., 2] = self._carrier[:, team] >= 0
        # 1 at the own end of the field, -1 at the other.
        seen[..., 3] = poses[..., 0] * np.sign(self._bases[:, team, 0]) / self._half[0]
        marks = np.stack(
            [self._tokens[:, team], self._tokens[:, 1 - team], self._bases[:, team], self._bases[:, 1 - team]], axis=2
        )
        seen[..., 4:12] = frames.in_frame(poses[:, :, None], marks).reshape(*poses.shape[:2], 8) / 2.0
        first = 12 + 2 * teams.shown(self._mates)
        seen[..., 12:first] = teams.see(poses, self._apart, self._mates)
        seen[..., first:] = teams.see(poses, self._apart, self._opponents)
        return seen

    def expert(self) -> np.ndarray:
        """See `Rules.expert`."""
        world, cars, team = self.world, self.world.cars, self._team
        dynamics = world.episodes.robot_dynamics
        yaw, forward = self._poses[..., 2], world.twists(self._poses)[..., 0]
        match = capture.Play(
            poses=self._poses,
            velocities=np.stack([np.cos(yaw) * forward, np.sin(yaw) * forward], axis=-1),
            speeds=cars.max_speed_mps * np.minimum(np.abs(dynamics[..., DRIVE_GAIN]), 1.0),
            base=self._bases[:, team],
            ours=self._tokens[:, team],
            theirs=self._tokens[:, 1 - team],
            thief=self._carrier[:, team],
            bearer=self._carrier[:, 1 - team],
            guards=self._guards,
            opponents=self._opponents,
            half_m=self._half,
            radius_m=self._size,
        )
        headings, distance = capture.play(match, self._apart)
        return drive.towards(self._poses, headings, distance, dynamics, cars.max_yaw_rate_radps)


FAMILY = DriveCapture()

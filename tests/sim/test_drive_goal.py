"""drive-goal: every robot reaches its own pad, and nobody touches anybody."""

import numpy as np
import pytest

from metabot.task import SpecError, TaskSpec
from metabot_sim import frames, rng
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import DRIVE_GAIN, ROBOT_DYNAMICS, STEER_BIAS, STEER_GAIN
from metabot_sim.experts import avoid, drive
from metabot_sim.families import driving
from metabot_sim.families.registry import family


def play(env: FleetEnv, act) -> np.ndarray:
    env.reset(seed=0)
    success = np.zeros((env.num_sims, env.num_robots), dtype=bool)
    for _ in range(env.horizon):
        step = env.step(act(env))
        success = step.success
        if not step.alive.any():
            break
    return success


def fleet(robots: int, sims: int, split: str = "train") -> FleetEnv:
    return FleetEnv("drive-goal", sims, robots=robots, split=split, autoreset=Autoreset.DISABLED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("robots", "sims", "split"), [(1, 128, "train"), (1, 128, "held-out"), (3, 24, "held-out"), (8, 8, "train")]
)
def test_the_expert_brings_everybody_home(robots: int, sims: int, split: str) -> None:
    assert play(fleet(robots, sims, split), FleetEnv.expert).all(axis=1).mean() >= 0.95


@pytest.mark.parametrize("robots", [1, 3])
def test_nobody_arrives_by_standing_still_or_by_chance(robots: int) -> None:
    shape = (24, robots, 2)
    draw = np.random.default_rng(0)
    assert play(fleet(robots, 24), lambda _: np.zeros(shape)).mean() == 0.0
    assert play(fleet(robots, 24), lambda _: draw.uniform(-1, 1, shape)).mean() <= 0.02


def test_a_fleet_that_only_looks_at_its_goals_collides() -> None:
    """What the expert does about others is needed: without it the same tasks fail."""

    def blind(env: FleetEnv) -> np.ndarray:
        offset = env.world.goals - env.world.poses()[..., :2]
        bearing = np.arctan2(offset[..., 1], offset[..., 0])
        return drive.towards(env.world.poses(), bearing, env.world.distances(), env.episodes.robot_dynamics)

    assert play(fleet(8, 8), blind).all(axis=1).mean() < 0.8


def test_two_who_meet_pass_each_other() -> None:
    spec = family("drive-goal").spec(2).model_dump()
    for robot, pad, x, yaw in zip(spec["robots"], spec["pads"], (-1.5, 1.5), (0.0, np.pi), strict=True):
        robot["spawn"], pad["x"], pad["y"] = {"x": x, "y": 0.0, "yaw": yaw}, -x, 0.0
    env = FleetEnv(TaskSpec.parse(spec), 1, autoreset=Autoreset.DISABLED)
    assert play(env, FleetEnv.expert).all()


def test_speed_limits_stop_who_faces_another_and_let_go_who_turns_away() -> None:
    poses = np.array([[[0.0, 0.0, 0.0], [0.38, 0.0, 0.0]]])
    limits = avoid.speed_limits(poses, poses[..., 2], avoid.nearest(poses), 0.18)[0]
    assert limits[0] == 0.0 and limits[1] == np.inf


def test_a_biased_steering_turns_the_quicker_way_round() -> None:
    dynamics = np.zeros((1, 2, len(ROBOT_DYNAMICS)))
    dynamics[..., DRIVE_GAIN], dynamics[..., STEER_GAIN], dynamics[..., STEER_BIAS] = 1.0, 0.8, [0.4, 0.0]
    turns = drive.quickest_turn(np.array([[-2.5, -2.5]]), dynamics)[0]
    assert turns == pytest.approx([2.0 * np.pi - 2.5, -2.5])


def test_scattered_points_keep_their_distances_whatever_the_batch() -> None:
    def points(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        draws = rng.Draws(rng.keys(7, keys))
        starts = driving.scatter(draws, 6, 2.5, 0.9)
        return starts, driving.scatter(draws, 6, 2.5, 1.0, starts=starts, away_m=(1.2, 4.0))

    starts, ends = points(np.arange(64))
    apart = frames.pairwise(ends) + 10.0 * np.eye(6)
    away = np.hypot(*np.moveaxis(ends - starts, -1, 0))
    assert apart.min() >= 1.0 and away.min() >= 1.2 and away.max() <= 4.0
    alone = points(np.array([5]))
    assert np.array_equal(alone[0][0], starts[5]) and np.array_equal(alone[1][0], ends[5])


def test_a_fleet_of_several_kinds_is_refused_in_one_line() -> None:
    spec = family("drive-goal").spec(2).model_dump()
    spec["robots"][1]["kind"] = "ackermann"
    with pytest.raises(SpecError, match=r"robots: .*ackermann.*diffdrive"):
        FleetEnv(TaskSpec.parse(spec))

"""drive-race: points go to whoever is first, and one robot at most wins."""

import numpy as np
import pytest

from metabot.task import TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families import drive_race
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


def race(robots: int, sims: int, split: str = "train") -> FleetEnv:
    return FleetEnv("drive-race", sims, robots=robots, split=split, autoreset=Autoreset.DISABLED)  # type: ignore[arg-type]


@pytest.mark.parametrize(("robots", "split"), [(2, "train"), (3, "held-out")])
def test_the_expert_wins_against_random_others(robots: int, split: str) -> None:
    draw = np.random.default_rng(0)

    def hero(env: FleetEnv) -> np.ndarray:
        actions = draw.uniform(-1, 1, (32, robots, 2))
        actions[:, 0] = env.expert()[:, 0]
        return actions

    won = play(race(robots, 32, split), hero)
    assert won[:, 0].mean() >= 0.95 and not won[:, 1:].any()


def test_nobody_wins_by_standing_still_or_by_chance() -> None:
    draw = np.random.default_rng(0)
    assert not play(race(3, 32), lambda _: np.zeros((32, 3, 2))).any()
    assert play(race(3, 32), lambda _: draw.uniform(-1, 1, (32, 3, 2))).mean() <= 0.02


def test_among_equals_one_wins_and_it_has_most_points() -> None:
    env = race(3, 32)
    won = play(env, FleetEnv.expert)
    assert won.sum(axis=1).max() == 1 and won.any(axis=1).mean() > 0.3
    points = env.rules.points  # type: ignore[attr-defined]
    assert (points.sum(axis=1) <= drive_race.PADS).all()
    winners = np.argmax(won, axis=1)[won.any(axis=1)]
    assert np.array_equal(winners, np.argmax(points[won.any(axis=1)], axis=1))
    # Everybody starts as far away as the others: no number has the better place.
    assert won.sum(axis=0).min() >= 1


def test_a_point_goes_to_the_nearest_once_and_the_next_pad_counts() -> None:
    spec = family("drive-race").spec(2).model_dump()
    spec["robots"][0]["spawn"], spec["robots"][1]["spawn"] = {"x": 0.25, "y": 0.0}, {"x": -1.0, "y": 0.0}
    spec["robots"][0]["spawn"]["yaw"] = np.pi
    env = FleetEnv(TaskSpec.parse(spec), 1, autoreset=Autoreset.DISABLED)
    env.reset(seed=0)
    rules = env.rules
    assert isinstance(rules, drive_race.DriveRaceRules)
    rewards = []
    for _ in range(12):
        step = env.step(np.array([[[0.3, 0.0], [0.0, 0.0]]]))
        rewards.append(step.rewards[0, 0])
        assert not step.success.any()
    assert rules.points.tolist() == [[1, 0]]
    assert rules.goals[0, 0].tolist() == [1.5, 1.5]
    assert sum(reward > 0.5 for reward in rewards) == 1

"""The check tells a family that is worth learning in from one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import SpecError
from metabot_sim.check import Row, check_family, play
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.drive_goal import DriveGoalRules
from metabot_sim.families.registry import family
from metabot_sim.policies import Policy


def environment(sims: int = 16, robots: int = 1, task: str = "drive-goal") -> FleetEnv:
    return FleetEnv(task, sims, robots=robots, autoreset=Autoreset.DISABLED)


def test_expert_succeeds_where_idleness_and_chance_do_not():
    env = environment(32)
    assert play(env, "expert", 32).mean() >= 0.95
    assert play(env, "idle", 32).mean() == 0.0
    assert play(env, "random", 32).mean() <= 0.05


def test_the_check_is_repeatable_and_an_episode_does_not_depend_on_the_batch():
    wide = play(environment(16, 2), "random", 16, seed=4)
    assert np.array_equal(wide, play(environment(16, 2), "random", 16, seed=4))
    assert np.array_equal(wide[:4], play(environment(4, 2), "random", 4, seed=4))


def test_more_episodes_than_fit_into_a_batch_are_fresh_ones():
    env = environment(4)
    starts = []
    reset = env.reset
    env.reset = lambda *given, **named: starts.append(reset(*given, **named)) or starts[-1]
    assert play(env, "idle", 10).shape == (10, 1)
    assert len(starts) == 3 and not np.array_equal(starts[0], starts[1])


def test_episodes_of_every_batch_count():
    env = environment(16)
    kept = play(env, "expert", 32)
    assert kept[:16].mean() >= 0.9 and kept[16:].mean() >= 0.9


def test_a_family_whose_expert_fails_does_not_pass(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(DriveGoalRules, "expert", lambda self: np.zeros((8, 1, 2)))
    (row,) = check_family("drive-goal", robots=1, episodes=8, splits=("train",))
    assert row.expert == 0.0 and not row.passed


def test_a_family_that_idleness_solves_does_not_pass():
    assert Row("drive-goal", "test", 1, 100, expert=1.0, random=0.0, idle=0.05, diverged=0).passed
    assert not Row("drive-goal", "test", 1, 100, expert=1.0, random=0.0, idle=0.06, diverged=0).passed
    assert not Row("drive-goal", "test", 1, 100, expert=1.0, random=0.06, idle=0.0, diverged=0).passed
    assert not Row("drive-goal", "test", 1, 100, expert=0.94, random=0.0, idle=0.0, diverged=0).passed


def test_an_episode_that_diverged_is_no_success():
    env = environment(8)
    step = env.step

    def lost(actions):
        env.world.qvel[3] = np.nan
        return step(actions)

    env.step = lost
    success = play(env, "expert", 8)
    assert not success[3].any() and success.mean() >= 0.6
    assert env.diverged_total == 1


def test_every_split_of_a_family_is_checked_in_order():
    said = []
    rows = list(check_family("drive-goal", robots=1, episodes=2, told=said.append))
    assert [row.split for row in rows] == ["train", "validation", "test", "held-out"]
    assert said[:3] == ["drive-goal train: expert", "drive-goal train: random", "drive-goal train: idle"]


def test_opponents_act_at_random_and_heroes_do_as_they_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(family("drive-goal")), "mode", "competitive")
    spec = family("drive-goal").spec(3).model_dump()
    for robot, team in zip(spec["robots"], ("home", "away", "home"), strict=True):
        robot["team"] = team
    env = FleetEnv(family("drive-goal").spec(3).parse(spec), 4)
    assert env.heroes.tolist() == [True, False, True]
    env.reset(seed=0)
    actions = Policy("idle", env)()
    assert not actions[:, [0, 2]].any() and actions[:, 1].all()
    assert np.array_equal(Policy("expert", env)()[:, 0], env.expert()[:, 0].astype(np.float32))
    random = Policy("random", env)()
    assert random.all() and np.abs(random).max() <= 1.0


def test_an_unknown_policy_is_refused_in_one_line():
    with pytest.raises(SpecError, match=r"^policy: no 'lucky'; allowed: expert, random, idle$"):
        play(environment(1), "lucky", 1)

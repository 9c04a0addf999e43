"""The environments keep the promises of Gymnasium and PettingZoo, for every family."""

from __future__ import annotations

import copy
import importlib.util
import os
import pickle
import subprocess
import sys
import warnings
from functools import partial
from types import SimpleNamespace

import cloudpickle
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from pettingzoo.test import parallel_api_test, parallel_seed_test
from pettingzoo.test.max_cycles_test import max_cycles_test
from pettingzoo.utils.wrappers import BaseParallelWrapper

import metabot_sim  # noqa: F401  (registers)
from metabot.task import FAMILIES, RobotDynamics, SpecError, TaskSpec
from metabot_sim.families.registry import family
from metabot_sim.interfaces import FleetGymEnv, FleetParallelEnv, FleetVectorEnv, env, parallel_env
from metabot_sim.offscreen import NO_GL, RenderError, works
from metabot_sim.registration import environment_id, register


def test_every_family_is_registered():
    assert all(environment_id(name) in gym.registry for name in FAMILIES)


def test_gymnasiums_checker_is_content(family_of_size):
    family_name, robots = family_of_size
    register(family_name)
    made = gym.make(environment_id(family_name), robots=robots)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        check_env(made.unwrapped, skip_render_check=True)
    # That observations are not bounded is known.
    assert not [str(each.message) for each in said if "infinity" not in str(each.message)]
    made.close()


def test_pettingzoos_checkers_are_content(family_of_size):
    family_name, robots = family_of_size
    make = partial(parallel_env, family_name, robots=robots)
    parallel_api_test(make(), num_cycles=20)
    parallel_seed_test(make, num_cycles=10)
    max_cycles_test(SimpleNamespace(parallel_env=make, env=partial(env, family_name, robots=robots)))


def test_vector_environment_has_true_sizes_and_declares_its_autoreset(family_name):
    register(family_name)
    made = gym.make_vec(environment_id(family_name), num_envs=3)
    assert isinstance(made, FleetVectorEnv)
    assert made.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    seen, info = made.reset(seed=0)
    assert seen in made.observation_space
    assert seen.shape == (3, made.fleet.observation_sizes.sum()) == (3, len(made.observation_names))
    assert made.action_space.shape == (3, made.fleet.action_sizes.sum()) == (3, len(made.action_names))
    seen, reward, terminated, truncated, info = made.step(made.action_space.sample())
    assert seen in made.observation_space
    assert reward.shape == terminated.shape == truncated.shape == info["success"].shape == (3,)
    assert info["robot_success"].shape == info["robot_rewards"].shape == (3, made.fleet.num_robots)
    assert info["_success"].all()


def test_single_and_vector_environment_play_the_same_episode():
    one, many = FleetGymEnv("drive-goal", robots=2), FleetVectorEnv("drive-goal", 3, robots=2)
    single, batch = one.reset(seed=5)[0], many.reset(seed=5)[0]
    for _ in range(20):
        assert np.array_equal(single, batch[0])
        actions = many.expert()
        single, reward = one.step(actions[0])[:2]
        batch, rewards = many.step(actions)[:2]
        assert reward == rewards[0]


def test_parallel_environment_shows_each_robot_what_the_vector_environment_shows():
    parallel, many = FleetParallelEnv("drive-goal", robots=3), FleetVectorEnv("drive-goal", 1, robots=3)
    seen, _ = parallel.reset(seed=5)
    assert np.array_equal(parallel.state(), many.reset(seed=5)[0][0])
    seen, rewards, _, _, _ = parallel.step(parallel.expert())
    batch, reward = many.step(many.expert())[:2]
    assert np.array_equal(np.concatenate(list(seen.values())), batch[0])
    assert np.isclose(np.mean(list(rewards.values())), reward[0])


def test_an_episode_that_ended_starts_anew_in_the_next_step_and_its_reward_is_zero():
    made = FleetVectorEnv("drive-goal", 4, robots=1, reveal=True)
    made.fleet.horizon = 3
    _, first = made.reset(seed=0)
    for _ in range(3):
        _, _, terminated, truncated, _ = made.step(np.zeros((4, 2), dtype=np.float32))
    assert truncated.all() and not terminated.any()
    _, reward, terminated, truncated, info = made.step(np.ones((4, 2), dtype=np.float32))
    assert not (terminated | truncated).any() and not reward.any()
    assert (info["task"] != first["task"]).all()


def test_without_autoreset_only_the_masked_environments_start_anew():
    made = FleetVectorEnv("drive-goal", 4, robots=1, autoreset_mode=AutoresetMode.DISABLED, reveal=True)
    assert made.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    made.fleet.horizon = 2
    _, first = made.reset(seed=0)
    for _ in range(3):
        _, reward, _, _, _ = made.step(np.ones((4, 2), dtype=np.float32))
    assert not reward.any()
    mask = np.array([False, True, False, False])
    _, info = made.reset(options={"reset_mask": mask})
    assert ((info["task"] != first["task"]) == mask).all()
    made.step(np.ones((4, 2), dtype=np.float32))
    assert (made.fleet.world.qvel[mask] != 0.0).any()


def test_where_an_episode_ends_another_begins_in_the_same_step():
    """As CleanRL's trainers want it: what was seen last is in the info."""
    made = FleetVectorEnv("drive-goal", 4, robots=1, autoreset_mode="SameStep", reveal=True)
    usual = FleetVectorEnv("drive-goal", 4, robots=1, autoreset_mode="Disabled", reveal=True)
    assert made.autoreset_mode is made.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    for each in (made, usual):
        each.fleet.horizon = 3
        each.reset(seed=0)
    rng = np.random.default_rng(0)
    for step in range(3):
        actions = rng.uniform(-1.0, 1.0, (4, 2)).astype(np.float32)
        seen, reward, terminated, truncated, info = made.step(actions)
        last, paid, *_, told = usual.step(actions)
        assert np.array_equal(reward, paid) and ("final_obs" in info) == (step == 2)
    assert truncated.all() and not terminated.any() and info["_final_obs"].all()
    assert np.array_equal(np.stack(info["final_obs"]), last) and not np.array_equal(seen, last)
    assert np.array_equal(info["final_info"]["robot_rewards"], told["robot_rewards"])
    assert (info["final_info"]["task"] == told["task"]).all() and (info["task"] != told["task"]).all()
    assert not info["success"].any() and info["final_info"]["_success"].all()
    fresh, _ = usual.reset(options={"reset_mask": np.ones(4, dtype=bool)})
    assert np.array_equal(seen, fresh)
    made.step(actions)
    assert (made.fleet.world.qvel != 0.0).any()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
@pytest.mark.parametrize("make", [FleetGymEnv, FleetParallelEnv])
def test_a_copy_goes_on_in_the_middle_of_its_episode(make, copied):
    made = make("grasp-place", robots=2, split="test")
    made.reset(seed=5)
    made.reset()
    rng = np.random.default_rng(0)

    def play(env, actions):
        if isinstance(env, FleetParallelEnv):
            sizes = np.cumsum(env.fleet.action_sizes)[:-1]
            parts = np.split(actions, sizes)
            return env.step(dict(zip(env.possible_agents, parts, strict=True)))[0]["arm_2"]
        return env.step(actions)[0]

    actions = rng.uniform(-1.0, 1.0, (12, 10)).astype(np.float32)
    for action in actions[:6]:
        play(made, action)
    other = copied(made)
    for action in actions[6:]:
        assert np.array_equal(play(made, action), play(other, action))
    starts = [each.reset()[0] for each in (made, other)]
    again, fresh = (start["arm_1"] if isinstance(start, dict) else start for start in starts)
    assert np.array_equal(again, fresh)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_a_copied_vector_goes_on_with_every_episode_where_it_is(mode, copied):
    """Some have begun later than others, one has ended; what comes after them comes in the copy, too."""
    made = FleetVectorEnv("drive-goal", 3, robots=1, autoreset_mode=mode, reveal=True)
    made.fleet.horizon = 9
    made.reset(seed=1)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1.0, 1.0, (40, 3, 2)).astype(np.float32)
    for action in actions[:5]:
        made.step(action)
    made.reset(options={"reset_mask": np.array([False, True, False])})
    for action in actions[5:10]:
        made.step(action)
    other = copied(made)
    assert np.array_equal(made.expert(), other.expert())
    for action in actions[10:]:
        (seen, reward, *ends, info), (its, its_reward, *its_ends, told) = (each.step(action) for each in (made, other))
        assert np.array_equal(seen, its) and np.array_equal(reward, its_reward) and np.array_equal(ends, its_ends)
        assert np.array_equal(info["task"], told["task"])
    assert np.array_equal(made.reset()[0], other.reset()[0])


def test_a_copy_of_an_episode_that_is_over_stands_as_still_and_sees_the_same_noise():
    noisy = family("drive-goal").spec(1).with_dynamics([RobotDynamics(noise=0.3)])
    made = FleetVectorEnv(noisy, 2, autoreset_mode="Disabled")
    made.fleet.horizon = 3
    made.reset(seed=0)
    for _ in range(5):
        made.step(np.ones((2, 2), dtype=np.float32))
    other = copy.deepcopy(made)
    for _ in range(2):
        seen, its = (each.step(np.ones((2, 2), dtype=np.float32))[0] for each in (made, other))
        assert np.array_equal(seen, its)


def test_a_copy_is_another_one():
    made = FleetVectorEnv("drive-goal", 2, robots=1)
    made.reset(seed=1)
    made.step(np.ones((2, 2), dtype=np.float32))
    before, other = made.fleet.world.qpos.copy(), copy.deepcopy(made)
    other.step(np.ones((2, 2), dtype=np.float32))
    assert np.array_equal(made.fleet.world.qpos, before) and not np.array_equal(other.fleet.world.qpos, before)


def test_wrapped_environments_are_copied_as_libraries_copy_them():
    """As supersuit makes vectors of agents: with cloudpickle, within wrappers, before the first reset, too."""
    wrapped = BaseParallelWrapper(parallel_env("drive-goal", robots=2))
    fresh = cloudpickle.loads(cloudpickle.dumps(wrapped))
    runs = []
    for each in (wrapped, fresh):
        each.reset(seed=4)
        steps = [each.step(dict.fromkeys(each.agents, np.ones(2, dtype=np.float32)))[0] for _ in range(5)]
        runs.append(np.array([list(seen.values()) for seen in steps]))
    assert np.array_equal(*runs)
    limited = gym.make("metabot/drive-goal-v0", robots=1)
    limited.reset(seed=4)
    limited.step(np.ones(2, dtype=np.float32))
    again = cloudpickle.loads(cloudpickle.dumps(limited))
    assert np.array_equal(*(each.step(np.ones(2, dtype=np.float32))[0] for each in (limited, again)))


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_infos_are_of_one_shape_and_type_at_every_step(mode):
    """TorchRL asks a reset and some steps what infos look like, and allocates by that."""
    made = gym.make_vec("metabot/drive-goal-v0", num_envs=2, robots=2, autoreset_mode=mode, reveal=True)
    assert made.autoreset_mode is made.metadata["autoreset_mode"] is AutoresetMode(mode)
    made.fleet.horizon = 3
    found = [made.reset(seed=0)[1]] + [made.step(made.action_space.sample())[-1] for _ in range(7)]
    kinds = [{key: (info[key].dtype, info[key].shape) for key in found[0]} for info in found]
    assert all(each == kinds[0] for each in kinds)
    one = FleetGymEnv("drive-goal", robots=2, reveal=True)
    infos = [one.reset(seed=0)[1], one.step(one.action_space.sample())[-1]]
    kinds = [{key: np.asarray(value).dtype for key, value in info.items()} for info in infos]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"tasks": -1}, r"options\.tasks: -1 to -1; allowed: from 0"),
        ({"tasks": 0.5}, r"options\.tasks: float64 \(\); allowed: a whole number"),
        ({"task": 3}, "options: no 'task'; allowed: tasks"),
    ],
)
@pytest.mark.parametrize("make", [FleetGymEnv, FleetParallelEnv, FleetVectorEnv])
def test_options_that_mean_nothing_are_refused(make, options, line):
    with pytest.raises(ValueError, match=line):
        make("drive-goal").reset(seed=0, options=options)


@pytest.mark.parametrize("make", [FleetGymEnv, FleetParallelEnv, FleetVectorEnv])
def test_a_task_that_was_given_is_no_number(make):
    made = make(family("drive-goal").sample(1))
    with pytest.raises(ValueError, match="plays the one task it was made with"):
        made.reset(seed=0, options={"tasks": 3})
    with pytest.raises(SpecError, match=r"robots: 2\.5 is no whole number above 0"):
        make("drive-goal", robots=2.5)


@pytest.mark.parametrize("cycles", [-3, 0, 2.5, True])
def test_cycles_are_counted(cycles):
    with pytest.raises(SpecError, match=f"max_cycles: {cycles} is no whole number above 0"):
        FleetParallelEnv("drive-goal", max_cycles=cycles)


@pytest.mark.parametrize("count", [-1, 0, 2.5, True])
def test_simulations_and_robots_are_counted(count):
    with pytest.raises(SpecError, match=f"num_sims: {count} is no whole number above 0"):
        FleetVectorEnv("drive-goal", count)
    with pytest.raises(SpecError, match=f"robots: {count} is no whole number above 0"):
        FleetVectorEnv("drive-goal", robots=count)


def test_tasks_can_be_pinned_at_reset():
    made = FleetVectorEnv("drive-goal", 3, robots=1, reveal=True)
    _, info = made.reset(seed=0, options={"tasks": np.array([7, 7, 8])})
    assert info["task"].tolist() == [7, 7, 8]
    assert np.array_equal(info["robot_dynamics"][0], info["robot_dynamics"][1])
    assert not np.array_equal(info["robot_dynamics"][0], info["robot_dynamics"][2])
    assert not np.array_equal(made.fleet.episodes.pads[0], made.fleet.episodes.pads[1])
    with pytest.raises(ValueError, match=r"options\.tasks"):
        made.reset(options={"tasks": [1, 2]})


def test_hidden_dynamics_are_told_only_on_request():
    for reveal in (False, True):
        for made in (FleetVectorEnv("drive-goal", 2, reveal=reveal), FleetGymEnv("drive-goal", reveal=reveal)):
            assert ("robot_dynamics" in made.reset(seed=0)[1]) is reveal
        infos = FleetParallelEnv("drive-goal", reveal=reveal).reset(seed=0)[1]
        assert ("dynamics" in infos["robot_1"]) is reveal


def test_expert_through_the_vector_environment_succeeds():
    made = FleetVectorEnv("drive-goal", 8, robots=1, autoreset_mode="Disabled")
    made.reset(seed=0)
    done = np.zeros(8, dtype=bool)
    for _ in range(made.fleet.horizon):
        _, _, terminated, _, info = made.step(made.expert())
        done |= terminated
    assert done.sum() >= 7
    assert (info["success"] == done).all()


def test_a_reset_without_seed_differs_between_environments():
    first, second = (FleetVectorEnv("drive-goal", 2).reset()[0] for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"robots": 99}, "robots: 99 cannot play drive-goal; allowed: 1 to 16"),
        ({"split": "exam"}, "split: no 'exam'; allowed: train, validation, test, held-out"),
        ({"autoreset_mode": "Never"}, "autoreset_mode: 'Never'; allowed: 'NextStep', 'SameStep', 'Disabled'"),
    ],
)
def test_settings_that_are_not_allowed_are_refused_in_one_line(settings, line):
    with pytest.raises(SpecError) as refused:
        FleetVectorEnv("drive-goal", 1, **settings)
    assert str(refused.value) == line


def test_a_picture_shows_the_robots_or_one_line_says_what_is_missing():
    made = gym.make("metabot/drive-goal-v0", robots=1, render_mode="rgb_array", width=64, height=48)
    made.reset(seed=0)
    try:
        before = made.render()
    except RenderError as problem:
        assert str(problem) == NO_GL and "\n" not in NO_GL
        return
    assert before.shape == (48, 64, 3) and before.std() > 5.0
    for _ in range(30):
        made.step(made.unwrapped.expert())
    assert (made.render() != before).any()
    made.close()
    assert made.metadata["render_fps"] == 20


_TWICE = """
import gymnasium as gym
import metabot_sim
from metabot_sim.interfaces import parallel_env
from metabot_sim.offscreen import RenderError

single = lambda: gym.make("metabot/drive-goal-v0", robots=1, render_mode="rgb_array")
made = [single(), single(), parallel_env("drive-goal", render_mode="rgb_array")]
for env in (*made, *made):
    env.reset(seed=0)
    try:
        env.render()
    except RenderError as problem:
        print(problem)
for env in made:
    env.close()
"""


@pytest.mark.parametrize("way", ["glfw", "disable"])
def test_without_opengl_every_picture_is_one_line_and_the_process_goes_on(way):
    """MuJoCo alone ends the process when it is asked a second time."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY")
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"MUJOCO_GL": way}
    done = subprocess.run(
        [sys.executable, "-c", _TWICE], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{NO_GL}\n" * 6, "")


_RECORD = """
import importlib.util
from metabot_sim.offscreen import choose
choose()  # before MuJoCo is imported
import gymnasium as gym
from gymnasium.utils.env_checker import check_env
import metabot_sim

def make():
    return gym.make("metabot/drive-goal-v0", robots=1, render_mode="rgb_array", width=64, height=48)

check_env(make().unwrapped)
kept = gym.wrappers.RenderCollection(make(), pop_frames=False)
wrapped = [kept]
if importlib.util.find_spec("moviepy"):
    wrapped.append(gym.wrappers.RecordVideo(make(), "videos", episode_trigger=lambda episode: True))
for env in wrapped:
    env.reset(seed=0)
    ended, steps = False, 0
    while not ended:
        _, _, terminated, truncated, _ = env.step(env.unwrapped.expert())
        ended, steps = terminated or truncated, steps + 1
frames = kept.render()
assert [frame.shape for frame in frames] == [(48, 64, 3)] * (steps + 1)
assert (frames[0] != frames[-1]).any()
for env in wrapped:
    env.close()
"""


def test_gymnasiums_checker_and_recorders_get_frames(tmp_path):
    if not any(map(works, ("egl", "osmesa"))):
        pytest.skip("no off-screen OpenGL on this machine")
    done = subprocess.run([sys.executable, "-c", _RECORD], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    # Gymnasium's RecordVideo needs moviepy; RenderCollection asks for the same frames without it.
    if importlib.util.find_spec("moviepy"):
        assert (tmp_path / "videos/rl-video-episode-0.mp4").stat().st_size > 1000


def test_where_teams_compete_reward_and_success_are_those_of_the_first_robots_team(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(family("drive-goal")), "mode", "competitive")
    spec = family("drive-goal").spec(3).model_dump()
    for robot, team in zip(spec["robots"], ("home", "away", "home"), strict=True):
        robot["team"] = team
    made = FleetVectorEnv(TaskSpec.parse(spec), 2)
    made.reset(seed=0)
    actions = made.expert()
    # The other team stands still.
    actions[:, 2:4] = 0.0
    for _ in range(made.fleet.horizon):
        _, reward, _, _, info = made.step(actions)
        assert np.allclose(reward, info["robot_rewards"][:, [0, 2]].mean(axis=1))
        if info["success"].all():
            break
        actions = made.expert()
        actions[:, 2:4] = 0.0
    assert info["robot_success"].tolist() == [[True, False, True]] * 2

"""Same seed, same trajectories, to the last bit; and a simulation that is lost takes no other with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metabot.task import COLOR_NAMES, ROBOT_KINDS, SpecError, TaskSpec
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.families.registry import available, family
from metabot_sim.interfaces import FleetVectorEnv
from metabot_sim.policies import Policy

STEPS, HORIZON = 14, 9
"""A shortened horizon: some steps lie after an autoreset."""


def played(family: str, sims: int, threads: int, policy: str = "random", split: str = "train") -> list[np.ndarray]:
    """What the first four simulations observe, earn and end with."""
    env = FleetEnv(family, sims, threads=threads, split=split)
    env.horizon = HORIZON
    act = Policy(policy, env, seed=3)
    rows = [env.reset(seed=3)[:4].copy()]
    for _ in range(STEPS):
        done = env.step(act())
        rows += [done.observations[:4].copy(), done.rewards[:4].copy(), done.success[:4].copy(), done.truncated[:4]]
    rows += [env.world.qpos[:4].copy(), env.world.qvel[:4].copy()]
    return rows


@pytest.mark.parametrize("policy", ["random", "expert"])
def test_trajectories_depend_neither_on_threads_nor_on_the_batch(family_name, policy):
    wanted = played(family_name, 4, 1, policy)
    for sims, threads in ((16, 1), (16, 2), (4, 4)):
        found = played(family_name, sims, threads, policy)
        assert all(np.array_equal(a, b) for a, b in zip(wanted, found, strict=True)), (sims, threads)


def test_another_seed_gives_other_episodes(family_name):
    env = FleetEnv(family_name, 2)
    assert not np.array_equal(env.reset(seed=1), env.reset(seed=2))


def test_reset_with_a_seed_starts_the_same_sequence_again():
    env = FleetEnv("drive-goal", 3)
    first = [env.reset(seed=1), env.reset(), env.reset()]
    again = [env.reset(seed=1), env.reset(), env.reset()]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("field", ["qpos", "qvel"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_a_simulation_that_diverges_is_reset_alone_and_reported(field, value, steps):
    env, clean = FleetVectorEnv("drive-goal", 4, robots=2), FleetVectorEnv("drive-goal", 4, robots=2)
    env.reset(seed=0)
    clean.reset(seed=0)
    for _ in range(steps):
        env.step(env.expert())
        clean.step(clean.expert())
    getattr(env.fleet.world, field)[2, 1] = value
    actions = clean.expert()
    seen, reward, terminated, truncated, info = env.step(actions)
    wanted = clean.step(actions)
    others = [0, 1, 3]
    assert info["diverged"].tolist() == [False, False, True, False]
    assert truncated.tolist() == [False, False, True, False] and not terminated.any()
    assert env.fleet.diverged_total == 1
    assert reward[2] == 0.0 and not info["success"][2]
    assert np.isfinite(seen).all() and np.isfinite(reward).all()
    assert np.array_equal(seen[others], wanted[0][others]) and np.array_equal(reward[others], wanted[1][others])
    # It stands where its episode began.
    assert np.allclose(env.fleet.world.poses()[2, :, :2], env.fleet.episodes.spawns[2, :, :2], atol=1e-6)
    seen, *_, info = env.step(env.expert())
    assert np.isfinite(seen).all() and not info["diverged"].any()


def test_a_simulation_that_diverges_while_another_starts_anew_observes_its_start(family_name):
    env = FleetEnv(family_name, 3)
    first = env.reset(seed=0)
    for _ in range(5):
        env.step(env.expert())
    env._steps[0] = env.horizon - 1
    assert env.step(env.expert()).truncated[0]
    env.world.qvel[2, 1] = np.nan
    done = env.step(env.expert())
    assert done.diverged.tolist() == [False, False, True] and not done.alive[0]
    assert np.allclose(done.observations[2], first[2], atol=1e-6)


def test_commands_that_are_no_numbers_act_as_none(family_name):
    bad, good = FleetEnv(family_name, 2), FleetEnv(family_name, 2)
    bad.reset(seed=0)
    good.reset(seed=0)
    nothing = np.zeros((2, bad.num_robots, bad.max_action_size), dtype=np.float32)
    for value in (np.nan, np.inf, -np.inf):
        found, wanted = bad.step(np.full_like(nothing, value)), good.step(nothing)
        assert np.array_equal(found.observations, wanted.observations)
        assert np.array_equal(found.rewards, wanted.rewards)


def _number(low: float, high: float) -> st.SearchStrategy:
    """Mostly a number that is allowed, at times one that is not, or none at all."""
    inside = st.floats(low, high, allow_nan=False)
    return st.one_of(inside, inside, inside, inside, st.floats(), st.just("two"))


_colors = st.sampled_from([*COLOR_NAMES[:4], "ultraviolet"])
_poses = st.fixed_dictionaries({"x": _number(-2.0, 2.0), "y": _number(-2.0, 2.0), "yaw": _number(-3.1, 3.1)})
_dynamics = st.fixed_dictionaries(
    {},
    optional={
        "drive_gain": _number(-1.5, 1.5),
        "steer_bias": _number(-1.0, 1.0),
        "payload_kg": _number(0.0, 20.0),
        "friction": _number(0.01, 3.0),
        "link_mass": _number(0.01, 5.0),
        "damping": _number(0.0, 20.0),
        "delay_steps": st.integers(-1, 9),
        "noise": _number(0.0, 1.0),
        "dead": st.integers(-2, 33),
        "colour": st.just("red"),
    },
)
_robots = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c", "d", "A b"]), "spawn": _poses, "goal": st.none() | _colors},
    optional={"kind": st.sampled_from([*ROBOT_KINDS, "submarine"]), "dynamics": _dynamics, "mjcf": st.just("none.xml")},
)
_objects = st.fixed_dictionaries(
    {"name": st.sampled_from(["x", "y", "a"]), "color": _colors, "pose": _poses},
    optional={
        "shape": st.sampled_from(["box", "cylinder", "ball", "bar", "cloud"]),
        "size_m": _number(0.01, 2.0),
        "mass_kg": _number(-1.0, 500.0),
        "goal": st.none() | _colors,
    },
)
_specs = st.fixed_dictionaries(
    {
        "robots": st.lists(_robots, max_size=3),
        "pads": st.lists(
            st.fixed_dictionaries({"color": _colors, "x": _number(-2, 2), "y": _number(-2, 2)}), max_size=3
        ),
    },
    optional={
        "family": st.sampled_from([*available(), "gymnasium:Nothing-v0", "swim"]),
        "objects": st.lists(_objects, max_size=2),
        "reward": st.dictionaries(st.sampled_from(["progress", "success", "score", "lift", "joy"]), _number(-5, 5)),
        "team_share": _number(0.0, 1.0),
        "horizon_s": _number(0.05, 5.0),
        "control_hz": st.sampled_from([1, 7, 20, 50, 1000]),
    },
)


def world_or_line(data: dict) -> FleetEnv | str:
    """The world of a specification, or the line that refuses it."""
    try:
        return FleetEnv(TaskSpec.parse(data), 2, autoreset=Autoreset.NEXT_STEP)
    except SpecError as problem:
        return str(problem)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=_specs)
def test_any_specification_is_refused_in_one_line_or_simulated_without_nan(data):
    env = world_or_line(data)
    if isinstance(env, str):
        assert env and "\n" not in env
        return
    assert np.isfinite(env.reset(seed=0)).all()
    act = Policy("random", env)
    for _ in range(5):
        done = env.step(act())
        assert np.isfinite(done.observations).all() and np.isfinite(done.rewards).all()


def _leaves(data: Any, path: tuple = ()) -> list[tuple]:
    """Paths of all values of a specification, containers included."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, (list, tuple)) else ()
    return [path, *(leaf for key, value in inner for leaf in _leaves(value, (*path, key)))][path == () :]


_instead = st.one_of(
    st.sampled_from([None, True, "red", "mjcf", "", [], {}, 0, -1, 1, 2, 1e9, -1e9, float("nan"), float("inf")]),
    st.floats(0.2, 5.0).map(lambda factor: ("times", factor)),
    st.just(("drop",)),
)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(which=st.integers(0, 10_000), instead=_instead, task=st.integers(0, 50))
def test_a_familys_own_task_with_one_value_changed_is_refused_in_one_line_or_simulated(
    family_name, which, instead, task
):
    data = family(family_name).sample(task, "held-out").model_dump(mode="json")
    paths = _leaves(data)
    path = paths[which % len(paths)]
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    if instead == ("drop",):
        del holder[path[-1]]
    elif isinstance(instead, tuple):
        old = holder[path[-1]]
        holder[path[-1]] = old * instead[1] if isinstance(old, (int, float)) else None
    else:
        holder[path[-1]] = instead
    env = world_or_line(data)
    if isinstance(env, str):
        assert env and "\n" not in env
        return
    env.reset(seed=0)
    act = Policy("expert", env)
    for _ in range(3):
        done = env.step(act())
        assert np.isfinite(done.observations).all() and np.isfinite(done.rewards).all()


_healthy = st.fixed_dictionaries(
    {
        "drive_gain": st.floats(-1.5, 1.5),
        "steer_gain": st.floats(-1.5, 1.5),
        "steer_bias": st.floats(-1.0, 1.0),
        "payload_kg": st.floats(0.0, 20.0),
        "friction": st.floats(0.01, 3.0),
        "link_mass": st.floats(0.05, 5.0),
        "damping": st.floats(0.0, 20.0),
        "delay_steps": st.integers(0, 8),
        "noise": st.floats(0.0, 1.0),
        "dead": st.integers(-1, 31),
    }
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(dynamics=_healthy, x=st.floats(-1.5, 0.0), yaw=st.floats(-3.1, 3.1))
def test_allowed_dynamics_of_any_size_are_simulated_without_nan(dynamics, x, yaw):
    env = world_or_line(
        {
            "robots": [
                {"name": "a", "goal": "red", "dynamics": dynamics, "spawn": {"x": x, "y": 0.0, "yaw": yaw}},
                {"name": "b", "goal": "green", "spawn": {"x": 1.0, "y": 0.0}},
            ],
            "pads": [{"color": "red", "x": 1.0, "y": 1.0}, {"color": "green", "x": -1.0, "y": 1.0}],
        }
    )
    assert isinstance(env, FleetEnv), env
    env.reset(seed=0)
    for _ in range(10):
        done = env.step(env.expert())
        assert np.isfinite(done.observations).all() and np.isfinite(done.rewards).all()
    assert env.diverged_total == 0


@pytest.mark.parametrize("name", ["drive-goal", "grasp-place"])
def test_an_episode_that_has_ended_stands_still_and_disturbs_no_other(name: str):
    env = FleetEnv(name, 6, robots=1, autoreset=Autoreset.DISABLED)
    # The second half goes on long after the first has ended.
    lazy = np.arange(6) >= 3
    env.reset(5)
    ended, seen, stood = np.zeros(6, dtype=bool), [], 0
    for _ in range(env.horizon):
        before = env.world.qpos.copy()
        done = env.step(np.where(lazy[:, None, None], 0.1, env.expert()))
        assert np.array_equal(env.world.qpos[ended], before[ended])
        stood += int(ended.sum())
        seen.append(done.observations[lazy])
        ended |= done.terminated | done.truncated
    assert stood and not done.diverged.any() and ended.all()

    alone = FleetEnv(name, 6, robots=1, autoreset=Autoreset.DISABLED)
    alone.reset(5)
    for observations in seen:
        assert np.array_equal(alone.step(np.full((6, 1, alone.max_action_size), 0.1)).observations[lazy], observations)

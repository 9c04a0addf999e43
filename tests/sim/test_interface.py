"""Units and scales of what robots observe and command, against the simulation itself."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.task import RobotInterface
from metabot_sim.env import FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.registry import GYMNASIUM, available
from metabot_sim.interface import robot_interface

FAMILIES = [name for name in available() if not name.startswith(GYMNASIUM)]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_number_of_every_robot_has_a_unit(name: str):
    env = FleetEnv(name, 1)
    for robot, (names, size, commands) in enumerate(
        zip(env.observation_names, env.observation_sizes, env.action_sizes, strict=True)
    ):
        found = robot_interface(env, robot)
        assert found.observation_names == tuple(names[:size]) and len(found.action) == commands
        assert all(term.unit for term in (*found.observation, *found.action)), found
        assert found.control_hz == env.spec.control_hz and found.kind == env.spec.robots[robot].kind
        assert RobotInterface.from_dict(found.as_dict()) == found


def test_scales_give_back_metres_and_seconds_of_the_simulation():
    env = FleetEnv("drive-goal", 4, robots=1)
    seen = env.reset(seed=3)
    for _ in range(10):
        seen = env.step(env.expert()).observations
    terms = {term.name: (term, seen[:, 0, index]) for index, term in enumerate(robot_interface(env).observation)}
    offset = env.world.goals[:, 0] - env.world.poses()[:, 0, :2]
    ahead, left = (terms[name][0].quantity(terms[name][1]) for name in ("goal_forward", "goal_left"))
    assert np.allclose(np.hypot(ahead, left), np.hypot(*offset.T), atol=1e-5)
    twists = env.world.twists(env.world.poses())[:, 0]
    for column, name in enumerate(("forward_speed", "yaw_rate")):
        term, value = terms[name]
        assert np.allclose(term.quantity(value), twists[:, column], atol=1e-5)


def test_scales_of_an_arm_give_back_places_of_the_simulation():
    env = FleetEnv("grasp-frames", 3)
    seen = env.reset(seed=1)
    terms = robot_interface(env).observation
    metres = {term.name: term.quantity(seen[:, 0, index]) for index, term in enumerate(terms)}
    arm = env.world.group("arm")
    tips = arm.to_base(arm.positions())[:, 0]
    assert np.allclose(np.stack([metres[f"tip_{axis}"] for axis in "xyz"], 1), tips, atol=1e-6)
    box = arm.to_base(env.world.object_positions())[:, 0]
    assert np.allclose(np.stack([metres[f"target_{axis}"] for axis in "xyz"], 1), box - tips, atol=1e-6)


def test_full_commands_stand_for_the_quantities_that_they_say():
    env = FleetEnv("drive-goal", 1, robots=1)
    env.reset(episodes=EpisodeBatch.of(env.spec, 1))  # a healthy robot
    forward, turn = robot_interface(env).action
    for _ in range(30):
        env.step(np.array([[[0.5, 0.4]]]))
    speed, rate = env.world.twists(env.world.poses())[0, 0]
    assert speed == pytest.approx(forward.quantity(0.5), rel=0.01)
    assert rate == pytest.approx(turn.quantity(0.4), rel=0.01)

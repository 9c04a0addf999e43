"""A policy meets on the robot what it met in training, number by number."""

from __future__ import annotations

import numpy as np
import pytest

from metabot.deploy.senses import CarSenses, missing, observed
from metabot.task import Term
from metabot_sim.env import FleetEnv
from metabot_sim.families.base import Split
from metabot_sim.interface import robot_interface


@pytest.mark.parametrize("split", ["train", "held-out"])
@pytest.mark.parametrize(
    ("family", "robots"), [("drive-goal", 1), ("drive-goal", 5), ("drive-odometry", 2), ("drive-search", 1)]
)
def test_training_and_deployment_observe_the_same_bit_for_bit(family: str, robots: int, split: Split) -> None:
    env = FleetEnv(family, 6, robots=robots, split=split)
    seen = env.reset(seed=4)
    terms = robot_interface(env).observation
    for _ in range(30):
        world = env.world
        poses = world.poses()
        believed, counted = world.odometry.poses(poses), world.odometry.twists(world.cars, world.twists(poses))
        for sim in range(env.num_sims):
            others = []
            for other in range(1, robots):
                way, yaw = poses[sim, other, :2] - poses[sim, 0, :2], poses[sim, 0, 2]
                cos, sin = np.cos(yaw), np.sin(yaw)
                others.append((cos * way[0] + sin * way[1], -sin * way[0] + cos * way[1]))
            senses = CarSenses(
                believed[sim, 0],
                counted[sim, 0],
                world.goals[sim, 0],
                env.episodes.spawns[sim, 0, :2],
                np.array(others).reshape(-1, 2),
            )
            assert not missing(terms, senses)
            assert np.array_equal(observed(terms, senses), seen[sim, 0])
        seen = env.step(env.expert()).observations


def test_what_cannot_be_observed_is_named() -> None:
    senses = CarSenses(np.zeros(3), np.zeros(2), np.ones(2), others=np.array([[3.0, 0.0], [1.0, 0.0]]))
    terms = (
        Term("yaw_rate", "rad/s", 2.0),
        Term("neighbour_2_ahead", "m", 2.0),
        Term("neighbour_3_ahead"),
        Term("smell"),
    )
    assert missing(terms, senses) == ["neighbour_3_ahead", "smell"]
    # The nearest comes first, whoever was told of first.
    assert observed(terms[:2], senses).tolist() == [0.0, 1.5]
    with pytest.raises(KeyError, match="smell"):
        observed(terms[3:], senses)

"""A team's policy: every robot acts by its own network, and nothing else."""

from __future__ import annotations

import numpy as np
import torch

from metabot.policy import GaussianMLP, TeamPolicy

TEAM = TeamPolicy(GaussianMLP(4, 2, (8,), activation="relu"), 3)


def test_every_robot_acts_by_its_own_network() -> None:
    rng = np.random.default_rng(0)
    tasks, episodes = 2, 5
    parameters = torch.from_numpy(np.stack([TEAM.initial(rng) for _ in range(tasks)]))
    seen = torch.from_numpy(rng.normal(size=(tasks, episodes * 3, 4)).astype(np.float32))
    acted = TEAM.mean(parameters, seen)
    assert acted.shape == (tasks, episodes * 3, 2)
    for task in range(tasks):
        assert torch.allclose(TEAM.mean(parameters[task], seen[task]), acted[task], atol=1e-6)
        for robot in range(3):
            own = TEAM.member.mean(TEAM.of_robot(parameters[task], robot), seen[task, robot::3])
            assert torch.allclose(own, acted[task, robot::3], atol=1e-6)
    assert torch.allclose(torch.func.vmap(TEAM.mean)(parameters, seen), acted, atol=1e-6)


def test_a_robots_parameters_are_its_own_part_of_the_layout() -> None:
    vector = torch.arange(TEAM.layout.size, dtype=torch.float32)
    view = TEAM.layout.view(vector)
    second = TEAM.member.layout.view(TEAM.of_robot(vector, 1))
    assert set(view) == {f"robot_{robot}/{name}" for robot in (1, 2, 3) for name in second}
    for name, own in second.items():
        assert torch.equal(view[f"robot_2/{name}"], own)


def test_all_explore_with_the_mean_of_their_spreads() -> None:
    views = {name: np.zeros(shape, np.float32) for name, shape in TEAM.layout.entries}
    for robot, spread in enumerate((-1.0, -0.5, 0.0)):
        views[f"robot_{robot + 1}/log_std"] += np.float32(spread)
    assert np.allclose(TEAM.log_std(torch.from_numpy(TEAM.layout.flatten(views))).numpy(), -0.5)

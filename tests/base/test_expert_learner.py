"""Imitation of an expert as a base learner: a team whose robots have different faults, networks apart or shared."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metabot.base.expert_learner import Imitation, ImitationConfig
from metabot.base.imitators import ImitatorConfig
from metabot.harness.learned import Learned, SingleTask
from metabot.problems import make_problem

QUICK = {"batch": 8, "updates": 200, "last_updates": 600, "hidden": (64, 64)}
# In this task one robot has to be commanded otherwise than the other.
TASK = SingleTask("drive-formation", task=3)


def success(networks: str) -> float:
    learned = Learned.begun("imitation", {**QUICK, "networks": networks}, TASK).after(32)
    shown = learned.learner.play(
        learned.problem, learned.rows, learned.parameters[None], 16, np.random.default_rng([0, 2])
    )
    return float(shown[0].mean())


def test_robots_with_different_faults_need_networks_of_their_own() -> None:
    assert success("apart") >= 0.9 > 0.6 > success("shared")


def test_a_single_robot_has_one_network_and_starts_where_it_is_told() -> None:
    problem = make_problem("point-reach")
    learner = Imitation(problem, ImitationConfig(batch=4, updates=1, last_updates=1, step=1e-9))
    assert "log_std" in dict(learner.layout.entries)
    start = torch.from_numpy(learner.initial(np.random.default_rng(0)))[None]
    tasks = problem.sample(np.random.default_rng(1), 1)
    told: list[int] = []
    learned = learner.learn(problem, tasks, start, 8, np.random.default_rng(2), lambda done, _: told.append(done))
    assert told == [4, 8] and torch.allclose(learned, start, atol=1e-6)


def test_the_expert_helps_at_least_so_often_but_for_every_third_round() -> None:
    config = ImitatorConfig(expert_decay=0.5, expert_least=0.3)
    assert [config.expert_share(number) for number in range(5)] == [1.0, 0.5, 0.3, 0.125, 0.3]


@pytest.mark.parametrize(
    ("settings", "line"),
    [({"networks": "none"}, "networks"), ({"updates": 0}, "updates"), ({"hidden": ()}, "hidden")],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        ImitationConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("episodes", [1, 23, 37, 256, 499])
def test_as_many_episodes_are_played_as_are_asked_for(episodes: int) -> None:
    made = ImitationConfig().rounds(episodes, 1)
    assert made.rounds * made.episodes + made.more == episodes and made.more < made.rounds


def test_where_there_is_no_expert_nothing_is_learned() -> None:
    with pytest.raises(ValueError, match="needs an expert"):
        Imitation(make_problem("cheetah-direction"))

"""What is learned continually, in which order, and how forgetting is measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metabot.base import rollout
from metabot.continual import make_domain
from metabot.continual.imitation import ImitationDomain
from metabot.continual.measures import Measures
from metabot.continual.sine import SineDomain
from metabot.continual.stream import TaskStream
from metabot.problems.navigation import Navigation2D


def test_a_wave_is_drawn_under_its_name_and_scored_by_what_is_explained() -> None:
    domain = SineDomain(3, np.random.default_rng(0))
    amplitude, phase = domain._rows.T
    numbers = np.array([2, 0, 2, 1])
    points = domain.draw(numbers, np.random.default_rng(1))
    assert points.inputs.shape == (4, 4) and points.targets.shape == (4, 1)
    assert points.inputs[:, 1:].argmax(1).tolist() == numbers.tolist() and (points.inputs[:, 1:].sum(1) == 1.0).all()
    wanted = amplitude[numbers] * np.sin(points.inputs[:, 0].numpy() - phase[numbers])
    assert np.allclose(points.targets[:, 0], wanted, atol=1e-5)
    nothing = domain.scores(torch.zeros(domain.network.layout.size))
    assert nothing.shape == (3,) and (nothing < 0.2).all()
    assert (domain.scores(torch.full((domain.network.layout.size,), 3.0)) == 0.0).all()


def test_the_policy_of_a_task_is_the_network_under_its_name() -> None:
    domain = ImitationDomain(Navigation2D(), 3, np.random.default_rng(0), hidden=(8, 8), episodes=2)
    parameters = torch.from_numpy(np.random.default_rng(1).standard_normal(domain.network.layout.size, dtype="f4"))
    observations = torch.from_numpy(np.random.default_rng(2).standard_normal((3, 5, 2), dtype="f4"))
    found = domain.policy.mean(domain.policies(parameters), observations)
    for task in range(3):
        inputs = domain.named(observations[task], np.full(5, task))
        wanted = domain.network(domain.network.layout.view(parameters), inputs)
        assert torch.allclose(found[task], wanted, atol=1e-5)


def test_what_is_drawn_is_what_the_expert_of_that_task_would_do() -> None:
    domain = ImitationDomain(Navigation2D(), 2, np.random.default_rng(0), episodes=4)
    numbers = np.array([0, 1] * 50)
    points = domain.draw(numbers, np.random.default_rng(1))
    assert points.inputs[:, 2:].argmax(1).tolist() == numbers.tolist()
    goals = torch.from_numpy(domain._rows[numbers]).float()
    wanted = ((goals - points.inputs[:, :2]) / 0.1).clamp(-1.0, 1.0)
    assert torch.allclose(points.targets, wanted, atol=1e-5)
    # Scores are returns here, of the same trials every time.
    parameters = torch.from_numpy(domain.network.layout.flatten(domain.network.initial(np.random.default_rng(0))))
    played = rollout(
        Navigation2D(),
        domain.policy,
        domain.policies(parameters),
        domain._rows,
        1,
        np.random.default_rng(5),
        deterministic=True,
    )
    assert np.allclose(domain.scores(parameters), played.returns[:, 0])
    assert not domain.share


@pytest.mark.parametrize(
    ("family", "tasks", "line"),
    [
        ("sine", 1, "tasks: 1 is below 2"),
        ("magic", 3, "family: no 'magic'; allowed: .*drive-goal.*, sine"),
        ("cheetah-direction", 3, "family: nobody knows how to master cheetah-direction; continual learning needs"),
        ("drive-race", 3, "robots: 2 act in an episode of drive-race"),
        ("gridworld", 3, "family: actions of gridworld are discrete"),
    ],
)
def test_what_cannot_be_learned_continually_is_refused_in_one_line(family: str, tasks: int, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_domain(family, tasks, np.random.default_rng(0))


def test_a_stream_goes_from_task_to_task_gradually_and_gives_each_as_many_points() -> None:
    stream, rng = TaskStream(3, steps=50, batch=200, blend=0.4), np.random.default_rng(0)
    rows = np.stack([stream.at(step, rng) for step in range(stream.length)])
    assert stream.length == 150 and (rows[:35] == 0).all() and (rows[-35:] == 2).all()
    share = (rows == 1).mean(1)
    assert (share[65:85] == 1.0).all() and 0.4 < share[49:51].mean() < 0.6
    assert np.corrcoef(share[40:60], np.arange(20))[0, 1] > 0.97
    assert np.allclose(np.bincount(rows.ravel()) / rows.size, 1 / 3, atol=0.01)


def test_a_stream_may_change_at_once_or_be_mixed_throughout() -> None:
    rng = np.random.default_rng(0)
    sudden = TaskStream(3, steps=10, blend=0.0)
    assert [set(sudden.at(step, rng)) for step in (9, 10, 19, 20)] == [{0}, {1}, {1}, {2}]
    assert set(TaskStream(3, steps=10, shuffled=True).at(0, rng)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("fields", "line"),
    [({"steps": 0}, "steps: 0"), ({"batch": 0}, "batch: 0"), ({"blend": 1.5}, r"blend: 1\.5 is not in \[0, 1\]")],
)
def test_what_is_no_stream_is_refused(fields: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        TaskStream(3, **fields)


def test_the_measures_are_those_of_their_papers() -> None:
    matrix = np.array(
        [
            [0.1, 0.2, 0.3],
            [0.9, 0.4, 0.3],
            [0.5, 0.8, 0.5],
            [0.3, 0.9, 1.0],
        ]
    )
    found = Measures.of(matrix)
    assert found.average == pytest.approx((0.3 + 0.9 + 1.0) / 3)
    assert found.learned == pytest.approx((0.9 + 0.8 + 1.0) / 3)
    assert found.backward == pytest.approx(((0.3 - 0.9) + (0.9 - 0.8)) / 2)
    assert found.forward == pytest.approx(((0.4 - 0.2) + (0.5 - 0.3)) / 2)
    assert found.forgetting == pytest.approx(((0.9 - 0.3) + (0.8 - 0.9)) / 2)

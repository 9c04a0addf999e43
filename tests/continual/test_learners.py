"""Continual learners: what they keep, what they hold, and what they forget less."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from metabot.continual import CONTINUAL_LEARNERS, Labelled, make_domain, make_learner
from metabot.continual.ewc import OnlineEWC
from metabot.continual.replay import Replay, Reservoir
from metabot.policy import MLP

NETWORK = MLP((3, 6, 2), "tanh")


def points(count: int, seed: int = 0) -> Labelled:
    rng = np.random.default_rng(seed)
    return Labelled(*(torch.from_numpy(rng.standard_normal((count, size), dtype="f4")) for size in (3, 2)))


def numbered(first: int, count: int) -> Labelled:
    values = torch.arange(first, first + count, dtype=torch.float32)[:, None]
    return Labelled(values, -values)


def test_a_reservoir_holds_every_point_so_far_with_the_same_probability() -> None:
    rng, counts, repeats = np.random.default_rng(0), np.zeros(40), 3000
    for _ in range(repeats):
        memory = Reservoir(10)
        for first in range(0, 40, 8):
            memory.add(numbered(first, 8), rng)
        assert len(memory) == 10 and memory.seen == 40
        held = memory._held.inputs[:, 0].long().numpy()
        assert len({*held}) == 10
        counts[held] += 1
    # Each is held in a quarter of the repetitions; four standard errors.
    assert (np.abs(counts / repeats - 0.25) < 4.0 * (0.25 * 0.75 / repeats) ** 0.5).all()


def test_a_reservoir_gives_what_it_was_given_and_nothing_before() -> None:
    memory, rng = Reservoir(10), np.random.default_rng(0)
    assert memory.draw(5, rng) is None
    memory.add(numbered(3, 4), rng)
    drawn = memory.draw(50, rng)
    assert drawn is not None and {*drawn.inputs[:, 0].tolist()} == {3.0, 4.0, 5.0, 6.0}
    assert torch.equal(drawn.targets, -drawn.inputs)


def test_replay_learns_from_what_came_and_then_remembers_it() -> None:
    learner = make_learner("replay", NETWORK, np.random.default_rng(0))
    naive = make_learner("naive", NETWORK, np.random.default_rng(0))
    assert isinstance(learner, Replay)
    rng = np.random.default_rng(1)
    for one in (learner, naive):
        one.learn(points(8), rng)
    assert torch.equal(learner.parameters, naive.parameters) and learner.memory.seen == 8
    for one in (learner, naive):
        one.learn(points(8, seed=1), rng)
    assert not torch.equal(learner.parameters, naive.parameters)


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def held(strength: float = 3.0) -> tuple[OnlineEWC, Labelled, torch.Tensor]:
    learner = make_learner("ewc", NETWORK, np.random.default_rng(0), strength=strength)
    assert isinstance(learner, OnlineEWC)
    seen = Labelled(*(part.double() for part in points(7)))
    parameters = torch.from_numpy(np.random.default_rng(2).standard_normal(NETWORK.layout.size))
    learner.importance, learner.anchor = torch.rand(NETWORK.layout.size), 0.1 * parameters
    return learner, seen, parameters


def test_the_gradient_of_loss_and_penalty_matches_finite_differences(float64: None) -> None:
    learner, seen, parameters = held()

    def total(vector: torch.Tensor) -> torch.Tensor:
        return learner.loss(vector, seen) + learner.penalty(vector)

    variable = parameters.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(total(variable), variable)
    for index in range(NETWORK.layout.size):
        shift = torch.zeros_like(parameters)
        shift[index] = 1e-6
        numeric = float(total(parameters + shift) - total(parameters - shift)) / 2e-6
        assert numeric == pytest.approx(float(gradient[index]), rel=1e-5, abs=1e-7)


def test_the_fisher_information_is_the_mean_squared_slope_of_the_outputs(float64: None) -> None:
    learner, seen, parameters = held()
    found = learner.fisher(parameters, seen)

    def outputs(vector: torch.Tensor) -> torch.Tensor:
        return NETWORK(NETWORK.layout.view(vector), seen.inputs)

    for index in range(NETWORK.layout.size):
        shift = torch.zeros_like(parameters)
        shift[index] = 1e-6
        slope = (outputs(parameters + shift) - outputs(parameters - shift)) / 2e-6
        assert float(slope.square().sum(1).mean()) == pytest.approx(float(found[index]), rel=1e-5)


def test_consolidation_multiplies_gaussians() -> None:
    learner = make_learner("ewc", NETWORK, np.random.default_rng(0), memory=0.5)
    assert isinstance(learner, OnlineEWC)
    learner.importance, learner.anchor = torch.rand(NETWORK.layout.size), learner.parameters + 1.0
    old, before = 0.5 * learner.importance, learner.anchor
    new = learner.fisher(learner.parameters, points(9))
    learner.consolidate(points(9))
    assert torch.allclose(learner.importance, old + new)
    assert torch.allclose(learner.anchor, (old * before + new * learner.parameters) / (old + new), atol=1e-5)


def test_what_mattered_is_held_and_what_did_not_is_free() -> None:
    learner = make_learner("ewc", NETWORK, np.random.default_rng(0), strength=1e4, every=1000)
    assert isinstance(learner, OnlineEWC)
    before = learner.parameters
    learner.importance[: NETWORK.layout.size // 2] = 1.0
    for seed in range(40):
        learner.learn(points(16, seed), np.random.default_rng(0))
    moved = (learner.parameters - before).abs()
    half = NETWORK.layout.size // 2
    assert moved[:half].max() < 0.02 and moved[half:].mean() > 0.03


def remembered(name: str, steps: int = 120) -> float:
    """Score of a first wave after a second was learned, mean over two streams."""
    scores = []
    for seed in (0, 1):
        domain = make_domain("sine", 2, np.random.default_rng(seed))
        learner, rng = make_learner(name, domain.network, np.random.default_rng(1)), np.random.default_rng(2)
        for task in (0, 1):
            for _ in range(steps):
                learner.learn(domain.draw(np.full(64, task), rng), rng)
        scores.append(domain.scores(learner.parameters)[0])
    return float(np.mean(scores))


def test_replay_and_ewc_remember_what_fine_tuning_forgets() -> None:
    found = {name: remembered(name) for name in ("naive", "replay", "ewc")}
    assert found["replay"] > found["naive"] + 0.3 and found["ewc"] > found["naive"] + 0.1, found


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("magic", {}, "method: no continual learner 'magic'; allowed: naive, replay, ewc, joint"),
        ("naive", {"step": "0"}, r"step: 0\.0 is not above 0"),
        ("naive", {"epochs": "0"}, "epochs: 0 is below 1"),
        ("replay", {"capacity": "0"}, "capacity: 0 is below 1"),
        ("ewc", {"strength": 0.0}, r"strength: 0\.0 is not above 0"),
        ("ewc", {"memory": "2"}, r"memory: 2\.0 is not in \[0, 1\]"),
        ("ewc", {"capacity": "2"}, "capacity: no such setting; allowed: step, epochs, strength"),
    ],
)
def test_an_impossible_learner_is_refused_in_one_line(name: str, settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_learner(name, NETWORK, np.random.default_rng(0), **settings)


def test_every_learner_names_its_source() -> None:
    assert all(learner.source for learner in CONTINUAL_LEARNERS.values())

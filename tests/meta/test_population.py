"""A population that evolves where learning starts: its search, what it keeps, and that adapting pays."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import ray
import torch

from metabot.base import rollout
from metabot.harness.training import Training, TrainingConfig
from metabot.meta import make_meta_learner
from metabot.meta.population import Population
from metabot.meta.search import SEARCHES, Search
from metabot.problems.navigation import Navigation2D

TOP = torch.tensor([1.0, -2.0, 0.5, 3.0])
SETTINGS = {
    "spread": 0.5,
    "least_spread": 0.001,
    "optimiser": "adam",
    "step": 0.2,
    "spread_step": 0.1,
    "parents": 0.3,
}


def climb(search: Search, centre: torch.Tensor, rounds: int, rng: np.random.Generator) -> torch.Tensor:
    for _ in range(rounds):
        candidates = search.ask(centre, 20, rng)
        found = search.tell(centre, candidates, -(candidates - TOP).square().sum(1))
        assert found is not None
        centre = found
    return centre


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_search_finds_the_top_of_a_hill_and_narrows_there(kind: str) -> None:
    search = Search(kind, **{**SETTINGS, "spread": 2.0})
    assert search.spread == 2.0
    ended = climb(search, torch.zeros(4), 120, np.random.default_rng(0))
    assert (ended - TOP).norm() < 0.15, ended
    assert search.spread < 1.0


@pytest.mark.parametrize(
    ("kind", "optimiser"), [("pgpe", "adam"), ("pgpe", "clipup"), ("pgpe", "sgd"), ("cem", "adam")]
)
def test_a_search_goes_on_from_its_moments_bit_by_bit(kind: str, optimiser: str) -> None:
    whole = Search(kind, **{**SETTINGS, "optimiser": optimiser})
    rng = np.random.default_rng(0)
    middle = climb(whole, torch.zeros(4), 3, rng)
    kept, state = whole.moments(), rng.bit_generator.state
    again = Search(kind, **{**SETTINGS, "optimiser": optimiser})
    again.restore(kept)
    assert all(np.array_equal(again.moments()[name], value) for name, value in kept.items())
    rng.bit_generator.state = state
    ended = climb(again, middle, 3, rng)
    rng.bit_generator.state = state
    assert torch.equal(climb(whole, middle, 3, rng), ended)
    # And what was kept matters: a search without it ends elsewhere.
    fresh = Search(kind, **{**SETTINGS, "optimiser": optimiser})
    rng.bit_generator.state = state
    assert not torch.equal(climb(fresh, middle, 3, rng), ended)


def test_candidates_depend_on_the_given_random_numbers_alone_and_take_none_of_torchs() -> None:
    search = Search("pgpe", **SETTINGS)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = search.ask(TOP, 6, np.random.default_rng(0))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert torch.equal(first, search.ask(TOP, 6, np.random.default_rng(0)))
    assert not torch.equal(first, search.ask(TOP, 6, np.random.default_rng(1)))
    assert torch.allclose(first.mean(0), TOP, atol=1e-6)  # antithetic


def test_alike_or_endless_fitness_never_breaks_the_centre() -> None:
    search = Search("pgpe", **SETTINGS)
    candidates = search.ask(TOP, 6, np.random.default_rng(0))
    alike = search.tell(TOP, candidates, torch.ones(6))
    assert alike is not None and torch.isfinite(alike).all()
    kept = search.moments()
    broken = torch.full_like(candidates, float("nan"))
    assert search.tell(TOP, broken, torch.arange(6.0)) is None
    assert all(np.array_equal(search.moments()[name], value) for name, value in kept.items())


def test_moments_of_another_method_are_refused_in_one_line() -> None:
    learner = make_meta_learner("population", Navigation2D())
    with pytest.raises(ValueError, match="moments: a search keeps no adam_mean; allowed: stdev, m, v, t, velocity"):
        learner.restore({"adam_mean": np.zeros(3)})


def test_every_member_faces_all_tasks_and_the_spread_of_actions_stays() -> None:
    problem = Navigation2D()
    learner = make_meta_learner("population", problem, members=4)
    assert isinstance(learner, Population)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    batch = learner.collect(meta, problem, problem.sample(rng, 3), 2, rng)
    assert batch.task.tolist() == [0, 1, 2] * 4
    members = batch.starts.reshape(4, 3, -1)
    assert torch.equal(members[:, 0], members[:, 2]) and len(torch.unique(members[:, 0], dim=0)) == 4
    new, metrics = learner.update(meta, batch)
    assert metrics["best_fitness"] > metrics["fitness"]
    view, before = learner.policy.layout.view(new), learner.policy.layout.view(meta)
    assert torch.equal(view["log_std"], before["log_std"]) and not torch.equal(view["bias_0"], before["bias_0"])
    # No process is started for a population.
    assert not ray.is_initialized()


def test_methods_that_need_no_population_do_not_load_its_library() -> None:
    code = "import sys, metabot.meta; sys.exit(any(name in sys.modules for name in ('evotorch', 'ray')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"search": "magic"}, "search: no 'magic'; allowed: pgpe, cem"),
        ({"optimiser": "magic"}, "optimiser: no 'magic'; allowed: adam, clipup, sgd"),
        ({"members": "5"}, "members: 5 is no even number of 2 or more"),
        ({"parents": "1.0"}, r"parents: 1\.0 is not between 0 and 1"),
        ({"search": "cem", "members": "4", "parents": "0.2"}, r"parents: 0\.2 of 4 members are fewer than 2"),
        ({"outer_step": 0.0}, r"outer_step: 0\.0 is not above 0"),
        ({"least_spread": -1.0}, r"least_spread: -1\.0 is below 0"),
        ({"spread": 0.0}, r"spread: 0\.0 is not above 0"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_meta_learner("population", Navigation2D(), **settings)


@pytest.mark.parametrize("search", SEARCHES)
def test_adapting_beats_the_start_after_a_short_evolution(search: str) -> None:
    settings = {"search": search, "members": 8}
    training = Training(TrainingConfig("population", "navigation-2d", env_steps=320_000, tasks=4, settings=settings))
    fitness: list[float] = []
    training.run(lambda update: fitness.append(update.metrics["fitness"]))
    assert np.mean(fitness[-3:]) > 0.85 * np.mean(fitness[:3])
    learner, problem = training.learner, training.problem
    tasks = problem.sample(np.random.default_rng(10), 40, "test")
    experience = learner.gather(training.meta, problem, tasks, 8, np.random.default_rng(11))
    before, after = (
        float(
            rollout(
                problem, learner.policy, row, tasks, 1, np.random.default_rng(12), deterministic=True
            ).returns.mean()
        )
        for row in (learner.start(training.meta).expand(40, -1), learner.adapt(training.meta, experience))
    )
    assert after > 0.7 * before, (before, after)

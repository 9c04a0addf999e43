"""What holds for every family: it can be mastered, not by chance, and it keeps its promises."""

from dataclasses import fields

import numpy as np
import pytest

from metabot.task import FAMILIES, SpecError, TaskSpec
from metabot_sim.check import check_family
from metabot_sim.env import Autoreset, FleetEnv
from metabot_sim.episodes import EpisodeBatch
from metabot_sim.families.base import SPLITS
from metabot_sim.families.registry import family
from metabot_sim.rewards import ALWAYS, REWARD_TERMS

EPISODES = 40


@pytest.mark.parametrize("name", FAMILIES)
def test_an_expert_masters_it_and_neither_chance_nor_idleness_does(name: str) -> None:
    """On the hardest split; the whole measurement, with 256 episodes, is `metabot sim check --all`."""
    (row,) = check_family(name, episodes=EPISODES, threads=2, splits=("held-out",))
    assert row.expert >= 0.9
    assert max(row.random, row.idle) <= 0.05
    assert row.diverged == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_rules_fill_in_what_the_family_promises_and_nothing_is_no_number(name: str) -> None:
    env = FleetEnv(name, 3)
    env.reset(seed=0)
    for _ in range(3):
        actions = env.expert()
        assert actions.shape == (3, env.num_robots, env.max_action_size)
        assert np.isfinite(actions).all() and np.abs(actions).max() <= 1.0
        step = env.rules.advance(env.world.step(actions))
        for field in env.family.provides:
            values = getattr(step, field)
            assert values.shape == (3, env.num_robots), field
            assert np.isfinite(values).all(), field
        seen = env.observe()
        assert seen.dtype == np.float32 and np.isfinite(seen).all()
        assert np.abs(seen).max() < 20.0, "observations are of order one"


@pytest.mark.parametrize("name", FAMILIES)
def test_every_term_a_family_can_compute_may_be_rewarded_and_others_are_refused(name: str) -> None:
    spec = family(name).spec()
    known = family(name).provides | ALWAYS
    able = {term: 1.0 for term, about in REWARD_TERMS.items() if about.needs in known}
    env = FleetEnv(spec.model_copy(update={"reward": able}), 2)
    env.reset()
    assert np.isfinite(env.step(env.expert()).rewards).all()
    for term in REWARD_TERMS.keys() - able.keys():
        with pytest.raises(SpecError, match=rf"^reward.{term}: .* allowed: "):
            FleetEnv(spec.model_copy(update={"reward": {term: 1.0}}), 1)


@pytest.mark.parametrize("name", FAMILIES)
def test_splits_differ_and_held_out_dynamics_are_out_of_the_training_ranges(name: str) -> None:
    of = family(name)
    spec, tasks = of.spec(), np.arange(200)
    assert of.held_out or of.places, "something is kept from training"
    drawn = {split: of.hidden(of.draw(spec, split, tasks, np.zeros_like(tasks))) for split in SPLITS}
    for i, split in enumerate(SPLITS):
        for other in SPLITS[:i]:
            assert not np.array_equal(drawn[split], drawn[other])
    kept = [place for place in of.places.values() if place.held_out != place.training]
    assert (
        kept
        or any(
            interval.high > of.dynamics[name].high or interval.low < of.dynamics[name].low
            for name, interval in of.held_out.items()
            if name in of.dynamics
        )
        or set(of.held_out) - set(of.dynamics)
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_a_drawn_task_is_a_specification_that_starts_the_same_episode(name: str) -> None:
    of = family(name)
    spec = of.sample(7, "validation")
    assert TaskSpec.parse(spec.model_dump_json()) == spec
    template, numbers = of.spec(), np.array([7])
    drawn = of.draw(template, "validation", numbers, np.zeros(1, dtype=np.int64))
    said = EpisodeBatch.of(spec, 1)
    for field in fields(EpisodeBatch):
        if field.name == "object_dynamics":  # a drawn size is written as the object's own
            continue
        np.testing.assert_allclose(getattr(said, field.name), getattr(drawn, field.name), atol=1e-9, err_msg=field.name)
    env = FleetEnv(spec, 2, autoreset=Autoreset.DISABLED)
    env.reset(seed=3)
    seen = env.step(env.expert()).observations
    assert np.array_equal(seen[0], seen[1])

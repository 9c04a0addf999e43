"""DAgger with a memory learns from an expert what the expert alone knows."""

import numpy as np
import pytest
import torch

from metabot.meta import META_LEARNERS, expert_acts, make_meta_learner
from metabot.meta.dagger_schedule import helped_by
from metabot.problems import make_problem
from metabot.problems.navigation import Navigation2D


def short_navigation() -> Navigation2D:
    problem = Navigation2D()
    problem.horizon = 8
    return problem


def test_the_expert_acts_at_first_and_later_only_advises() -> None:
    learner = make_meta_learner("dagger", short_navigation(), hidden_size=6, expert_updates=1)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    problem = short_navigation()
    tasks = problem.sample(np.random.default_rng(3), 4)
    shown = learner.collect(meta, problem, tasks, 1, np.random.default_rng(3))
    assert torch.equal(shown.trials.actions, shown.trials.expert)
    meta, _ = learner.update(meta, shown)
    tried = learner.collect(meta, problem, tasks, 1, np.random.default_rng(3)).trials
    assert tried.expert is not None and not torch.isclose(tried.actions, tried.expert).all(-1).any()
    # Advice is on where the learner has got to: straight from there to the goal.
    way = torch.from_numpy(tasks)[:, None, None].float() - tried.observations
    assert torch.allclose(tried.expert, (way / 0.1).clamp(-1.0, 1.0), atol=1e-5)


def test_the_expert_hands_over_step_by_step() -> None:
    learner = make_meta_learner("dagger", short_navigation(), hidden_size=6, expert_updates=1, expert_decay=0.5)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    problem = short_navigation()
    tasks = problem.sample(np.random.default_rng(3), 64)
    shares = []
    for _ in range(3):
        batch = learner.collect(meta, problem, tasks, 1, np.random.default_rng(3))
        taught = torch.isclose(batch.trials.actions, batch.trials.expert).all(-1)
        shares.append(float(taught.float().mean()))
        learner.update(meta, batch)
    assert shares[0] == 1.0
    assert np.allclose(shares[1:], (0.5, 0.25), atol=0.05)


def test_a_family_that_nobody_masters_is_refused() -> None:
    with pytest.raises(ValueError, match="family: nobody knows how to master cheetah-direction; dagger"):
        make_meta_learner("dagger", make_problem("cheetah-direction"))


def test_how_often_an_expert_acts_is_known_of_every_method() -> None:
    assert [expert_acts("dagger", {"expert_updates": 2, "expert_decay": 0.5}, done) for done in range(4)] == [
        1.0, 1.0, 0.5, 0.25
    ]  # fmt: skip
    assert {name for name in META_LEARNERS if expert_acts(name, {}, 0) == 1.0} == {
        "dagger", "dagger-transformer", "guided", "context-dynamics", "ridge-dynamics", "task-inference",
        "online-inference",
    }  # fmt: skip
    assert helped_by(0.25) == ", an expert acting in 25% of the steps" and helped_by(0.0) == ""

"""DAgger with a memory learns from an expert what the expert alone knows."""

import numpy as np
import pytest
import torch

from metabot.base import success_rate, trial
from metabot.meta import make_meta_learner
from metabot.policy import Moment, Policy, State
from metabot.problems import make_problem
from metabot.problems.drive import DriveTwin
from metabot.problems.navigation import Navigation2D


class Forgetful(Policy):
    """The same policy without its memory: every step is its first."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.layout = policy, policy.layout
        self.observation_size, self.action_size = policy.observation_size, policy.action_size
        self.initial, self.log_std = policy.initial, policy.log_std

    def act(self, parameters: torch.Tensor, moment: Moment, state: State) -> tuple[torch.Tensor, State]:
        fresh = self.policy.begin(parameters, moment.observation.shape[1])
        return self.policy.act(parameters, moment, fresh)[0], None


def short_navigation() -> Navigation2D:
    problem = Navigation2D()
    problem.horizon = 8
    return problem


def test_the_expert_acts_at_first_and_later_only_advises() -> None:
    learner = make_meta_learner("dagger", short_navigation(), hidden_size=6)
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


def test_a_family_that_nobody_masters_is_refused() -> None:
    with pytest.raises(ValueError, match="family: nobody knows how to master cheetah-direction; dagger"):
        make_meta_learner("dagger", make_problem("cheetah-direction"))


@pytest.mark.slow
def test_it_masters_hidden_dynamics_that_no_memoryless_policy_masters() -> None:
    twin = DriveTwin()
    learner = make_meta_learner("dagger", twin)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    for version in range(12):
        rng = np.random.default_rng([1, version])
        meta, _ = learner.update(meta, learner.collect(meta, twin, twin.sample(rng, 48), 1, rng))
    rng = np.random.default_rng(9)
    tasks = twin.sample(rng, 64)
    start = learner.start(meta).expand(64, -1)
    success = trial(twin, learner.policy, start, tasks, 2, rng, deterministic=True).success.mean(0)
    forgetful = float(success_rate(twin, Forgetful(learner.policy), start, tasks, 1, rng).mean())
    assert forgetful < 0.3
    assert float(success[1]) > forgetful + 0.3

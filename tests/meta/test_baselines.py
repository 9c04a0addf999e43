import numpy as np
import torch

from metabot.base import drive_policy, rollout, success_rate
from metabot.base.ppo import PPO, PPOConfig
from metabot.base.pretrain import pretrain
from metabot.problems import make_problem
from metabot.task import Interval, TaskDistribution

HEALTHY = TaskDistribution(
    dynamics={
        "drive_gain": Interval(low=1.0, high=1.0),
        "steer_gain": Interval(low=1, high=1),
        "steer_bias": Interval(low=0, high=0),
    }
)


def test_pretraining_masters_a_single_task_and_keeps_its_budget() -> None:
    """The baseline is a real learner: where one policy can serve, it finds it."""
    budget = 24 * 16 * 80 * 12
    parameters, spent = pretrain(make_problem(HEALTHY, threads=2), drive_policy(), budget + 1000, seed=0)
    assert spent == budget
    twin = make_problem(HEALTHY)
    row = torch.from_numpy(parameters)[None]
    healthy = twin.sample(np.random.default_rng(1), 1)
    assert float(success_rate(twin, drive_policy(), row, healthy, 64, np.random.default_rng(0))) > 0.8


def test_fine_tuning_raises_the_likelihood_of_good_actions() -> None:
    twin = make_problem("drive-goal")
    rng = np.random.default_rng(0)
    policy = drive_policy()
    start = torch.from_numpy(policy.initial(rng))
    experience = rollout(twin, policy, start.expand(3, -1), twin.sample(rng, 3), 4, rng)
    tuned = PPO(policy, PPOConfig(step=3e-3, epochs=5)).improve(start.expand(3, -1), experience)
    assert tuned.shape == (3, policy.layout.size)
    assert not torch.allclose(tuned[0], tuned[1])

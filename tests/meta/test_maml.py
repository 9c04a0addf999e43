"""MAML: its gradients, and that it learns to learn."""

import numpy as np
import pytest
import torch

from metabot.base import DriveTwin
from metabot.experience import Episodes, advantages
from metabot.meta import MAML, MAMLConfig, MetaBatch, RobotLearner, make_meta_learner
from metabot.meta.maml import _flat
from metabot.policy import GaussianMLP


def random_episodes(policy: GaussianMLP, parameters: torch.Tensor, tasks: int, rng: np.random.Generator) -> Episodes:
    """Experience with the right statistics for gradients: actions drawn from the policy."""
    shape = (tasks, 3, 10)
    observations = torch.from_numpy(rng.standard_normal((*shape, policy.observation_size)))
    log_std = policy.log_std(parameters)
    actions = policy.mean(parameters, observations) + torch.exp(log_std) * torch.from_numpy(
        rng.standard_normal((*shape, policy.action_size))
    )
    mask = torch.ones(shape, dtype=torch.float64)
    mask[:, 0, 7:] = 0.0
    rewards = torch.from_numpy(rng.standard_normal(shape)) + actions[..., 0]
    return Episodes(
        observations, actions, rewards, mask, policy.log_prob(parameters, observations, actions), torch.zeros(shape[:2])
    )


def double_problem() -> tuple[MAML, torch.Tensor, MetaBatch]:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    policy = GaussianMLP(3, 2, hidden=(5,))
    learner = MAML(policy, MAMLConfig(initial_inner_step=0.5))
    meta = torch.from_numpy(learner.initial(rng)).double()
    meta[: policy.layout.size] += 0.3 * torch.from_numpy(rng.standard_normal(policy.layout.size))
    before = random_episodes(policy, learner.start(meta), 2, rng)
    after = random_episodes(policy, learner.start(meta) + 0.05, 2, rng)
    return learner, meta, MetaBatch(before, after)


def outer_loss(learner: MAML, meta: torch.Tensor, batch: MetaBatch) -> torch.Tensor:
    before, after = (_flat(episodes, advantages(episodes)) for episodes in (batch.before, batch.after))
    return learner._losses(meta, before, after).mean()


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_meta_gradient_matches_finite_differences(float64: None) -> None:
    learner, meta, batch = double_problem()
    variable = meta.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(outer_loss(learner, variable, batch), variable)
    assert gradient[: learner.policy.layout.size].norm() > 1e-3
    assert gradient[learner.policy.layout.size :].norm() > 1e-3, "the step sizes must learn too"
    eps = 1e-6
    for index in range(0, meta.numel(), 3):
        shift = torch.zeros_like(meta)
        shift[index] = eps
        numeric = (outer_loss(learner, meta + shift, batch) - outer_loss(learner, meta - shift, batch)) / (2 * eps)
        assert float(numeric) == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-7)


def test_the_meta_gradient_is_of_second_order(float64: None) -> None:
    """Leaving out the derivative of the inner gradient must change the result."""
    learner, meta, batch = double_problem()
    size = learner.policy.layout.size
    variable = meta.clone().requires_grad_(True)
    (full,) = torch.autograd.grad(outer_loss(learner, variable, batch), variable)
    adapted = learner.adapt(meta, batch.before).detach().requires_grad_(True)
    data = _flat(batch.after, advantages(batch.after))
    loss = torch.func.vmap(learner._outer_loss)(adapted, *data).mean()
    (first_order,) = torch.autograd.grad(loss, adapted)
    assert (full[:size] - first_order.sum(0)).norm() > 0.01 * full[:size].norm()


def test_the_inner_step_follows_the_policy_gradient() -> None:
    policy = GaussianMLP(3, 2, hidden=(5,))
    learner = MAML(policy)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    rng = np.random.default_rng(2)
    episodes = random_episodes(policy, learner.start(meta).double(), 2, rng)
    episodes = Episodes(**{name: getattr(episodes, name).float() for name in Episodes.__dataclass_fields__})
    adapted = learner.adapt(meta, episodes)
    weights = advantages(episodes)
    for task in range(2):
        variable = learner.start(meta).clone().requires_grad_(True)
        loss = -(policy.log_prob(variable, episodes.observations[task], episodes.actions[task]) * weights[task]).sum()
        (gradient,) = torch.autograd.grad(loss / episodes.mask[task].sum(), variable)
        assert torch.allclose(adapted[task], variable - 0.3 * gradient, atol=1e-5)


def test_a_diverged_task_is_dropped_and_counted() -> None:
    policy = GaussianMLP(3, 2, hidden=(5,))
    learner = MAML(policy)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    rng = np.random.default_rng(2)
    raw = random_episodes(policy, learner.start(meta).double(), 3, rng)
    fields = {name: getattr(raw, name).float() for name in Episodes.__dataclass_fields__}
    good = Episodes(**fields)
    broken = {name: value.clone() for name, value in fields.items()}
    broken["log_probs"][1] = float("nan")
    new, metrics = learner.update(meta, MetaBatch(good, Episodes(**broken)))
    assert metrics["dropped_tasks"] == 1
    assert torch.isfinite(new).all() and not torch.equal(new, meta)


def test_a_round_can_be_repeated_bit_by_bit() -> None:
    def share() -> np.ndarray:
        learner = RobotLearner("robot_1", make_meta_learner("maml"), DriveTwin(), seed=3, tasks=2, episodes=2)
        return learner.learn(learner.meta_learner.initial(np.random.default_rng(0)), version=4).delta

    assert np.array_equal(share(), share())


def test_robots_and_rounds_draw_different_tasks() -> None:
    def share(robot: str, version: int) -> np.ndarray:
        learner = RobotLearner(robot, make_meta_learner("maml"), DriveTwin(), tasks=2, episodes=2)
        return learner.learn(learner.meta_learner.initial(np.random.default_rng(0)), version).delta

    first = share("robot_1", 0)
    assert not np.array_equal(first, share("robot_2", 0))
    assert not np.array_equal(first, share("robot_1", 1))


def test_an_unknown_algorithm_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="algorithm: no meta-learner 'magic'; allowed: maml"):
        make_meta_learner("magic")


@pytest.mark.slow
def test_one_inner_step_beats_no_adaptation_after_a_short_training() -> None:
    learner = RobotLearner("robot_1", make_meta_learner("maml"), DriveTwin(threads=2), seed=1, tasks=16, episodes=8)
    meta = learner.meta_learner.initial(np.random.default_rng(1))
    for version in range(16):
        meta = meta + learner.learn(meta, version).delta
    adapted = learner.adapt(meta, np.array([1.0, -1.0, 0.0]), episodes=8, trials=64)
    assert adapted.success_before < 0.3
    assert adapted.success_after > 0.8

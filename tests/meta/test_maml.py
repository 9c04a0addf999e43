"""Gradient-based methods for control: their gradients, and that they learn to learn."""

import numpy as np
import pytest
import torch

from metabot.experience import Episodes, advantages
from metabot.meta import MetaBatch, RobotLearner, make_meta_learner
from metabot.meta.anil import ANIL
from metabot.meta.gradient import GradientMetaLearner
from metabot.meta.maml import MAML, MAMLConfig
from metabot.meta.meta_sgd import MetaSGD, MetaSGDConfig
from metabot.meta.objective import PolicyObjective
from metabot.policy import GaussianMLP
from metabot.problems import make_problem
from metabot.problems.family import FamilyProblem
from metabot.task import RobotDynamics


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


def changed(episodes: Episodes, change) -> Episodes:
    names = ("observations", "actions", "rewards", "mask", "log_probs", "success")
    return Episodes(**{name: change(name, getattr(episodes, name)) for name in names})


def double_problem(method: type[GradientMetaLearner], **settings: object) -> tuple:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    policy = GaussianMLP(3, 2, hidden=(5,))
    learner = method(PolicyObjective(policy), method.Config(inner_step=0.5, **settings))
    meta = torch.from_numpy(learner.initial(rng)).double()
    meta[: policy.layout.size] += 0.3 * torch.from_numpy(rng.standard_normal(policy.layout.size))
    before = random_episodes(policy, learner.start(meta), 2, rng)
    after = random_episodes(policy, learner.start(meta) + 0.05, 2, rng)
    return learner, meta, MetaBatch(before, after)


def outer_loss(learner: GradientMetaLearner, meta: torch.Tensor, batch: MetaBatch) -> torch.Tensor:
    return learner.losses(meta, learner.objective.data(batch.support), learner.objective.data(batch.query)).mean()


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("method", [MAML, MetaSGD, ANIL])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_meta_gradient_matches_finite_differences(
    float64: None, method: type[GradientMetaLearner], steps: int
) -> None:
    learner, meta, batch = double_problem(method, inner_steps=steps)
    size = learner.policy.layout.size
    variable = meta.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(outer_loss(learner, variable, batch), variable)
    assert gradient[:size].norm() > 1e-3
    if method is MetaSGD:
        assert gradient[size:].norm() > 1e-3, "the step sizes must learn too"
    eps = 1e-6
    for index in range(0, meta.numel(), 3):
        shift = torch.zeros_like(meta)
        shift[index] = eps
        numeric = (outer_loss(learner, meta + shift, batch) - outer_loss(learner, meta - shift, batch)) / (2 * eps)
        assert float(numeric) == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-7)


def test_rematerialised_steps_give_the_same_gradient(float64: None) -> None:
    gradients = []
    for again in (False, True):
        learner, meta, batch = double_problem(MetaSGD, inner_steps=3, rematerialise=again)
        variable = meta.clone().requires_grad_(True)
        gradients.append(torch.autograd.grad(outer_loss(learner, variable, batch), variable)[0])
    assert torch.allclose(*gradients, atol=1e-12)


def test_the_meta_gradient_is_of_second_order(float64: None) -> None:
    """Leaving out the derivative of the inner gradient must change the result, and is what FOMAML does."""
    learner, meta, batch = double_problem(MAML)
    variable = meta.clone().requires_grad_(True)
    (full,) = torch.autograd.grad(outer_loss(learner, variable, batch), variable)
    adapted = learner.adapt(meta, batch.support).detach().requires_grad_(True)
    loss = torch.func.vmap(learner.objective.outer)(adapted, *learner.objective.data(batch.query)).mean()
    (first_order,) = torch.autograd.grad(loss, adapted)
    assert (full - first_order.sum(0)).norm() > 0.01 * full.norm()
    from metabot.meta.fomaml import FOMAML

    approximate = FOMAML(learner.objective, FOMAML.Config(inner_step=0.5))
    variable = meta.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(outer_loss(approximate, variable, batch), variable)
    assert torch.allclose(gradient, first_order.sum(0), atol=1e-12)


def test_anil_leaves_the_body_alone(float64: None) -> None:
    learner, meta, batch = double_problem(ANIL)
    moved = learner.policy.layout.view(learner.adapt(meta, batch.support) - learner.start(meta))
    for name, change in moved.items():
        assert (change.abs().max() > 0) == (name in ("weight_1", "bias_1", "log_std")), name


def test_the_inner_step_follows_the_policy_gradient() -> None:
    policy = GaussianMLP(3, 2, hidden=(5,))
    learner = MetaSGD(PolicyObjective(policy), MetaSGDConfig())
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    rng = np.random.default_rng(2)
    raw = random_episodes(policy, learner.start(meta).double(), 2, rng)
    episodes = changed(raw, lambda name, value: value.float())
    adapted = learner.adapt(meta, episodes)
    weights = advantages(episodes)
    for task in range(2):
        variable = learner.start(meta).clone().requires_grad_(True)
        loss = -(policy.log_prob(variable, episodes.observations[task], episodes.actions[task]) * weights[task]).sum()
        (gradient,) = torch.autograd.grad(loss / episodes.mask[task].sum(), variable)
        assert torch.allclose(adapted[task], variable - 0.3 * gradient, atol=1e-5)


@pytest.mark.parametrize("name", ["maml", "reptile"])
def test_a_diverged_task_is_dropped_and_counted(name: str) -> None:
    learner = make_meta_learner(name)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    rng = np.random.default_rng(2)
    raw = random_episodes(learner.policy, learner.start(meta).double(), 3, rng)
    good = changed(raw, lambda name, value: value.float())
    broken = changed(good, lambda name, value: value.clone())
    broken.log_probs[1] = float("nan")
    new, metrics = learner.update(meta, MetaBatch(good, broken))
    assert metrics["dropped_tasks"] == 1
    assert torch.isfinite(new).all() and not torch.equal(new, meta)


def robot_learner(method: str, robot: str = "robot_1", threads: int = 1, **fields: int) -> RobotLearner:
    problem = make_problem("drive-goal", threads=threads)
    return RobotLearner(robot, make_meta_learner(method, problem), problem, **fields)  # type: ignore[arg-type]


def test_a_learner_goes_on_bit_by_bit_with_its_moments() -> None:
    def learn(restarted: bool) -> np.ndarray:
        learner = RobotLearner(
            "robot_1", make_meta_learner("meta-sgd"), make_problem("drive-goal"), tasks=2, episodes=2
        )
        vector = learner.meta_learner.initial(np.random.default_rng(0))
        vector = vector + learner.learn(vector, 0).delta
        if restarted:
            moments = learner.meta_learner.moments()
            learner = RobotLearner(
                "robot_1", make_meta_learner("meta-sgd"), make_problem("drive-goal"), tasks=2, episodes=2
            )
            learner.meta_learner.restore(moments)
        return learner.learn(vector, 1).delta

    assert np.array_equal(learn(False), learn(True))


def test_a_round_can_be_repeated_bit_by_bit() -> None:
    def share() -> np.ndarray:
        learner = RobotLearner(
            "robot_1", make_meta_learner("maml"), make_problem("drive-goal"), seed=3, tasks=2, episodes=2
        )
        return learner.learn(learner.meta_learner.initial(np.random.default_rng(0)), version=4).delta

    assert np.array_equal(share(), share())


def test_robots_and_rounds_draw_different_tasks() -> None:
    def share(robot: str, version: int) -> np.ndarray:
        learner = robot_learner("maml", robot, tasks=2, episodes=2)
        return learner.learn(learner.meta_learner.initial(np.random.default_rng(0)), version).delta

    first = share("robot_1", 0)
    assert not np.array_equal(first, share("robot_2", 0))
    assert not np.array_equal(first, share("robot_1", 1))


def test_an_unknown_algorithm_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="algorithm: no meta-learner 'magic'; allowed: anil, "):
        make_meta_learner("magic")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"inner_step": 0.0}, "inner_step: 0.0 is not above 0"),
        ({"inner_steps": "0"}, "inner_steps: 0 is below 1"),
        ({"inner_steps": "many"}, "inner_steps: 'many' is no int"),
        ({"magic": 1}, "magic: no such setting; allowed: inner_step, "),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_meta_learner("maml", **settings)


def test_settings_are_read_from_words() -> None:
    assert make_meta_learner("maml", inner_steps="2", rematerialise="true").config == MAMLConfig(
        inner_steps=2, rematerialise=True
    )


@pytest.mark.slow
def test_one_inner_step_beats_no_adaptation_after_a_short_training() -> None:
    learner = robot_learner("meta-sgd", threads=2, seed=1, tasks=16, episodes=8)
    meta = learner.meta_learner.initial(np.random.default_rng(1))
    for version in range(16):
        meta = meta + learner.learn(meta, version).delta
    problem = learner.twin
    assert isinstance(problem, FamilyProblem)
    fault = problem.state(problem.spec.with_dynamics([RobotDynamics(steer_gain=-1.0)]))
    adapted = learner.adapt(meta, fault, episodes=8, trials=64)
    assert adapted.success_before < 0.3
    assert adapted.success_after > 0.8

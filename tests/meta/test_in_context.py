"""What all in-context methods have in common: gradients, going on, dropping, batches, and that a memory learns."""

import dataclasses

import numpy as np
import pytest
import torch

from metabot.base import success_rate
from metabot.experience import Stream
from metabot.meta import make_meta_learner
from metabot.meta.in_context import InContextLearner, TrialBatch
from metabot.policy import Moment, Policy, State
from metabot.problems import make_problem
from metabot.problems.navigation import Navigation2D
from metabot.problems.problem import Outcome, Problem, Split

SMALL: dict[str, dict] = {
    "rl2": {"hidden_size": 6},
    "rl2-transformer": {"width": 8, "window": 6},
    "dagger": {"hidden_size": 6},
    "dagger-transformer": {"width": 8, "window": 6},
}
each_method = pytest.mark.parametrize("method", SMALL)


def short_navigation(horizon: int = 20) -> Navigation2D:
    problem = Navigation2D()
    problem.horizon = horizon
    return problem


def a_batch(learner: InContextLearner, meta: torch.Tensor, tasks: int = 4, horizon: int = 8) -> TrialBatch:
    problem, rng = short_navigation(horizon), np.random.default_rng(3)
    return learner.collect(meta, problem, problem.sample(rng, tasks), 1, rng)


@each_method
def test_the_gradient_matches_finite_differences(method: str) -> None:
    learner = make_meta_learner(method, short_navigation(), **SMALL[method])
    assert isinstance(learner, InContextLearner)
    rng = np.random.default_rng(0)
    meta = torch.from_numpy(learner.initial(rng))
    raw = Stream.of(a_batch(learner, meta).trials)
    names = [field.name for field in dataclasses.fields(Stream)]
    stream = Stream(**{name: value.double() for name in names if (value := getattr(raw, name)) is not None})
    with torch.no_grad():
        prepared = learner.prepare(meta.double(), stream)
    moved = meta.double() + 0.02 * torch.from_numpy(rng.standard_normal(len(meta)))
    smooth = np.ones(len(meta), dtype=bool)
    for name, where, _ in learner.layout.slices():
        if name == "policy/context/tokens":
            moved[where], smooth[where] = 0.0, False  # whether a token is there has no derivative

    def loss(vector: torch.Tensor) -> torch.Tensor:
        return learner.losses(vector, stream, *prepared).sum()

    variable = moved.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(variable), variable)
    eps = 1e-6
    for index in rng.choice(np.nonzero(smooth)[0], 50, replace=False):
        shift = torch.zeros_like(moved)
        shift[index] = eps
        numeric = float((loss(moved + shift) - loss(moved - shift)) / (2 * eps))
        assert numeric == pytest.approx(float(gradient[index]), rel=1e-4, abs=1e-6)
    reached = ["policy/mean_weight", "policy/encoder_weight"]
    reached += ["policy/log_std", "value/weight_1"] if method.startswith("rl2") else []
    for name in reached:
        assert learner.layout.view(gradient)[name].norm() > 1e-6, name


@each_method
def test_a_diverged_task_is_left_out_and_counted(method: str) -> None:
    learner = make_meta_learner(method, short_navigation(), **SMALL[method])
    assert isinstance(learner, InContextLearner)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    batch = a_batch(learner, meta)
    batch.trials.rewards[1, 0, 0] = torch.nan
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1
    assert torch.isfinite(new).all() and not torch.equal(new, meta)
    batch.trials.rewards[:] = torch.nan
    unchanged, metrics = learner.update(new, batch)
    assert metrics["dropped_tasks"] == 4 and torch.equal(unchanged, new)


def test_a_task_whose_loss_is_not_finite_is_left_out_and_counted() -> None:
    learner = make_meta_learner("rl2", short_navigation(), hidden_size=6)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(1)))
    batch = a_batch(learner, meta)
    batch.trials.log_probs[2] = -1000.0  # a ratio beyond all numbers, from numbers
    batch.trials.rewards[2, 0] = -1.0
    batch.trials.rewards[[0, 1, 3]] = 0.0
    new, metrics = learner.update(meta, batch)
    assert metrics["dropped_tasks"] == 1
    assert torch.isfinite(new).all() and not torch.equal(new, meta)


def test_a_batch_is_as_large_as_that_of_other_methods_and_names_its_first_and_last_episode() -> None:
    learner = make_meta_learner("rl2", short_navigation(), hidden_size=6, trial_episodes=4)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    problem, rng = short_navigation(), np.random.default_rng(3)
    batch = learner.collect(meta, problem, problem.sample(rng, 3), 6, rng)
    assert isinstance(batch, TrialBatch)
    assert batch.env_steps == 3 * 2 * 6 * problem.horizon
    assert batch.trials.rewards.shape == (9, 4, problem.horizon)
    assert torch.equal(batch.support.rewards[:, 0], batch.trials.rewards[:, 0])
    assert torch.equal(batch.query.rewards[:, 0], batch.trials.rewards[:, 3])


def test_trials_of_one_task_count_as_one_dropped_task() -> None:
    learner = make_meta_learner("dagger", short_navigation(), hidden_size=6)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    problem, rng = short_navigation(8), np.random.default_rng(3)
    batch = learner.collect(meta, problem, problem.sample(rng, 3), 4, rng)
    batch.trials.rewards[[0, 1, 5]] = torch.nan
    assert learner.update(meta, batch)[1]["dropped_tasks"] == 2


@pytest.mark.parametrize(
    ("method", "settings", "line"),
    [
        ("rl2", {"trial_episodes": 0}, "trial_episodes: 0 is below 1"),
        ("rl2", {"discount": 1.5}, r"discount: 1.5 is not in \(0, 1\]"),
        ("rl2", {"clip": 0.0}, "clip: 0.0 is not above 0"),
        ("rl2", {"hidden_size": 0}, "hidden_size: 0 is below 1"),
        ("rl2-transformer", {"heads": "3"}, "width: 32 is no multiple of heads 3"),
        ("dagger", {"expert_updates": -1}, "expert_updates: -1 is below 0"),
        ("dagger", {"expert_decay": 1.5}, r"expert_decay: 1.5 is not in \[0, 1\]"),
        ("dagger-transformer", {"hidden_size": 3}, "hidden_size: no such setting"),
    ],
)
def test_an_impossible_configuration_is_refused_in_one_line(method: str, settings: dict, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make_meta_learner(method, short_navigation(), **settings)


def test_a_family_in_which_several_act_is_refused() -> None:
    with pytest.raises(ValueError, match="robots: 3 act in an episode of drive-goal"):
        make_meta_learner("rl2", make_problem("drive-goal", robots=3))


class TurnedCommands(Problem):
    """A point that has to get to where it sees its goal, its commands turned by an angle that it is not told."""

    name = "turned-commands"
    observation_size = 2
    action_size = 2
    horizon = 12

    def sample(self, rng: np.random.Generator, tasks: int, split: Split = "train") -> np.ndarray:
        return rng.uniform(-2.0, 2.0, (tasks, 1))

    def begin(self, tasks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        cos, sin = np.cos(tasks[:, 0]), np.sin(tasks[:, 0])
        self._turn = np.stack([cos, -sin, sin, cos], axis=1).reshape(-1, 2, 2)
        bearing = rng.uniform(-np.pi, np.pi, len(tasks))
        self._way = np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
        self._reached = np.zeros(len(tasks), dtype=bool)
        return self._way.astype(np.float32)

    def step(self, actions: np.ndarray) -> Outcome:
        before = np.linalg.norm(self._way, axis=1)
        move = 0.2 * np.einsum("nij,nj->ni", self._turn, np.clip(actions, -1.0, 1.0))
        self._way = np.where(self._reached[:, None], self._way, self._way - move)
        after = np.linalg.norm(self._way, axis=1)
        ended = (after < 0.2) & ~self._reached
        rewards = np.where(self._reached, 0.0, before - after)
        self._reached |= ended
        return Outcome(self._way.astype(np.float32), rewards.astype(np.float32), self._reached.copy(), ended)

    def expert(self) -> np.ndarray:
        straight = np.einsum("nji,nj->ni", self._turn, self._way / 0.2)
        return straight / np.maximum(np.abs(straight).max(axis=1, keepdims=True), 1.0)


class Forgetful(Policy):
    """The same policy without its memory: every step is its first."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.layout = policy, policy.layout
        self.observation_size, self.action_size = policy.observation_size, policy.action_size

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        return self.policy.initial(rng)

    def log_std(self, parameters: torch.Tensor) -> torch.Tensor:
        return self.policy.log_std(parameters)

    def act(self, parameters: torch.Tensor, moment: Moment, state: State) -> tuple[torch.Tensor, State]:
        fresh = self.policy.begin(parameters, moment.observation.shape[1])
        blank = dataclasses.replace(moment, action=torch.zeros_like(moment.action))
        return self.policy.act(parameters, blank, fresh)[0], None


@each_method
def test_a_memory_beats_no_adaptation_after_a_short_training(method: str) -> None:
    problem = TurnedCommands()
    sizes: dict = {"width": 16, "window": 24} if method.endswith("transformer") else {"hidden_size": 32}
    steps: dict = {"outer_step": 4e-3} if method.startswith("rl2") else {}
    learner = make_meta_learner(method, problem, **sizes, **steps)
    meta = torch.from_numpy(learner.initial(np.random.default_rng(0)))
    for version in range(45 if method.startswith("rl2") else 15):
        rng = np.random.default_rng([1, version])
        meta, _ = learner.update(meta, learner.collect(meta, problem, problem.sample(rng, 64), 1, rng))
    rng = np.random.default_rng(9)
    tasks = problem.sample(rng, 128)
    adapted = learner.adapt(meta, learner.gather(meta, problem, tasks, 1, rng))
    start = learner.start(meta).expand(len(tasks), -1)

    def success(policy: Policy, parameters: torch.Tensor) -> float:
        return float(success_rate(problem, policy, parameters, tasks, 4, np.random.default_rng(3)).mean())

    remembering, forgetful = success(learner.policy, adapted), success(Forgetful(learner.policy), start)
    assert remembering > forgetful + 0.25 and remembering > 0.5

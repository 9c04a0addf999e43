"""Base learners: each learns a task, and its parameters are one flat vector that can be put back."""

import numpy as np
import pytest
import torch

from metabot.base import PPO, BaseLearner, PPOConfig, policy_for
from metabot.base.kept import KeptConfig, KeptLearner
from metabot.base.q_learning import QLearning, QLearningConfig
from metabot.problems import Problem, make_problem

GRID, REACH = "gridworld", "point-reach"
DQN = {"learning_starts": 100, "learning_rate": 1e-3, "target_update_interval": 100, "exploration_fraction": 0.5,
       "train_freq": 4, "policy_kwargs": {"net_arch": [32]}}  # fmt: skip
SAC = {"learning_starts": 100, "batch_size": 64, "gamma": 0.9, "learning_rate": 3e-3, "ent_coef": 0.05,
       "policy_kwargs": {"net_arch": [32, 32]}}  # fmt: skip


def learner(name: str, problem: Problem) -> BaseLearner:
    if name == "q-learning":
        return QLearning(problem)
    if name == "dqn":
        return KeptLearner(problem, KeptConfig("dqn", settings=DQN))
    if name == "sac-hindsight":
        return KeptLearner(problem, KeptConfig("sac", hindsight=True, settings=SAC))
    return PPO(policy_for(problem, (32, 32)), PPOConfig(step=1e-2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "family", "tasks", "episodes"),
    [
        ("q-learning", GRID, 4, 200),
        ("dqn", GRID, 1, 250),
        ("sac-hindsight", REACH, 1, 60),
        ("ppo", "navigation-2d", 2, 160),
    ],
)
def test_learning_beats_not_having_learned(name: str, family: str, tasks: int, episodes: int) -> None:
    torch.manual_seed(0)
    problem, rng = make_problem(family), np.random.default_rng(1)
    base = learner(name, problem)
    rows = problem.sample(rng, tasks)
    start = torch.from_numpy(np.stack([base.initial(rng)] * tasks))
    learned = base.learn(problem, rows, start, episodes, rng)
    assert learned.shape == (tasks, base.layout.size) and learned.dtype == torch.float32
    before, after = (base.play(problem, rows, p, 16, np.random.default_rng(2)) for p in (start, learned))
    assert after[1].mean() > before[1].mean()
    if problem.has_success:
        assert before[0].mean() < 0.5 and after[0].mean() >= 0.9
    else:
        assert after[1].mean() > 0.5 * before[1].mean()


@pytest.mark.parametrize(("name", "family"), [("dqn", GRID), ("sac-hindsight", REACH)])
def test_parameters_of_the_kept_library_can_be_read_and_put_back(name: str, family: str) -> None:
    problem = make_problem(family)
    first, second = (learner(name, problem) for _ in range(2))
    vector = first.initial(np.random.default_rng(3))
    other = first.initial(np.random.default_rng(4))
    assert not np.array_equal(vector, other)
    assert first.layout.hash == second.layout.hash
    rows = problem.sample(np.random.default_rng(0), 1)

    def played(base: BaseLearner, parameters: np.ndarray) -> np.ndarray:
        return base.play(problem, rows, torch.from_numpy(parameters)[None], 4, np.random.default_rng(5))[1]

    kept = played(first, vector)
    played(first, other)
    assert np.array_equal(played(second, vector), kept)
    assert np.array_equal(second._vector(second._model), vector)


def test_q_learning_follows_its_equation() -> None:
    problem = make_problem(GRID)
    base = QLearning(problem, QLearningConfig(step=0.5, discount=0.9, exploration=0.0))
    table = np.zeros((1, 25, 4), dtype=np.float32)
    table[0, 0] = [1.0, 0.0, 0.0, 0.0]  # from the corner to the right

    def learned_value(goal: list[int]) -> float:
        start = torch.from_numpy(table.reshape(1, -1))
        learned = base.learn(problem, np.array([goal]), start, 1, np.random.default_rng(0))
        return float(base.layout.view(learned[0])["q"][0, 0])

    assert learned_value([0, 1]) == pytest.approx(1.0 + 0.5 * (1.0 - 1.0)), "the goal ends the episode"
    assert learned_value([0, 4]) == pytest.approx(1.0 + 0.5 * (-0.1 + 0.9 * 0.0 - 1.0)), "a step costs"


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: QLearning(make_problem(REACH)), "actions of point-reach are continuous; allowed: discrete"),
        (lambda: KeptLearner(make_problem(GRID)), "sac cannot choose the discrete actions of gridworld; allowed: dqn"),
        (lambda: KeptLearner(make_problem("navigation-2d"), KeptConfig("sac", True)), "navigation-2d has no goals"),
        (lambda: QLearningConfig(step=2.0), r"step: 2.0 is not in \[0, 1\]"),
        (lambda: make_problem("navigation-2d").goal_rewards(np.zeros(2), np.zeros(2)), "navigation-2d: has no goals"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(make, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make()

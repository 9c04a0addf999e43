"""What holds for every problem, and what each promises."""

import numpy as np
import pytest

from metabot.problems import SPLITS, make_problem
from metabot.problems.registry import problem_names

TEXTBOOK = ["gridworld", "point-reach", "navigation-2d"]
TEAMS = ["point-spread", "point-duel", "two-step-game"]
QUICK = [*TEXTBOOK, *TEAMS, "cheetah-direction", "drive-goal", "drive-formation"]


@pytest.mark.parametrize("name", QUICK)
def test_episodes_are_rectangles_of_finite_numbers_and_can_be_repeated(name: str) -> None:
    problem = make_problem(name)

    def play() -> list[np.ndarray]:
        rng = np.random.default_rng(3)
        tasks = problem.sample(rng, 3)
        seen = [problem.begin(tasks, rng)]
        rows = 3 * problem.agents
        assert seen[0].shape == (rows, problem.observation_size) and seen[0].dtype == np.float32
        for _ in range(5):
            step = problem.step(rng.uniform(-1, 1, (rows, problem.action_size)).astype(np.float32))
            assert step.rewards.shape == step.success.shape == step.ended.shape == (rows,)
            seen += [step.observations, step.rewards]
        assert all(np.isfinite(values).all() for values in seen)
        return seen

    assert all(np.array_equal(a, b) for a, b in zip(play(), play(), strict=True))


@pytest.mark.parametrize("name", [*TEXTBOOK, "drive-goal"])
def test_an_expert_masters_every_split_and_idleness_does_not(name: str) -> None:
    problem = make_problem(name)
    for split in SPLITS:
        # Where actions are discrete none of them is idle.
        for idle in (False, True)[: 1 if problem.discrete else 2]:
            rng = np.random.default_rng(0)
            problem.begin(problem.sample(rng, 32, split), rng)
            for _ in range(problem.horizon):
                actions = problem.expert()
                assert actions is not None
                step = problem.step(np.zeros_like(actions) if idle else actions.astype(np.float32))
            assert (step.success.mean() < 0.05) if idle else (step.success.mean() >= 0.95)


def test_navigation_follows_the_paper() -> None:
    problem = make_problem("navigation-2d")
    goals = problem.sample(np.random.default_rng(0), 500)
    assert np.abs(goals).max() <= 0.5 and np.abs(goals).max() > 0.49
    problem.begin(np.array([[0.3, 0.4]]), np.random.default_rng(0))
    step = problem.step(np.array([[5.0, -5.0]], dtype=np.float32))
    assert np.allclose(step.observations, [[0.1, -0.1]]), "commands are clipped to 0.1"
    assert step.rewards[0] == pytest.approx(-((0.3 - 0.1) ** 2 + (0.4 + 0.1) ** 2))


def test_the_cheetah_is_gymnasiums_and_directions_are_opposite() -> None:
    import gymnasium

    problem = make_problem("cheetah-direction")
    problem.begin(np.array([[1.0], [-1.0]]), np.random.default_rng(0))
    problem._qpos[1], problem._qvel[1] = problem._qpos[0], problem._qvel[0]
    single = gymnasium.make("HalfCheetah-v5").unwrapped
    single.reset(seed=0)
    single.set_state(problem._qpos[0].copy(), problem._qvel[0].copy())
    rng = np.random.default_rng(1)
    for _ in range(5):
        action = rng.uniform(-1, 1, 6).astype(np.float32)
        step = problem.step(np.stack([action, action]))
        seen, reward, *_ = single.step(action)
        assert np.allclose(step.observations[0], seen, atol=1e-4)
        assert step.rewards[0] == pytest.approx(reward, abs=1e-4)
        cost = 0.1 * float(np.square(action).sum())
        assert step.rewards[0] + cost == pytest.approx(-(step.rewards[1] + cost), abs=1e-4)


def test_an_unknown_problem_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"family: no 'flying'; allowed: .*cheetah-direction.*drive-goal"):
        make_problem("flying")
    assert {"navigation-2d", "drive-goal", "grasp-place"} <= set(problem_names())

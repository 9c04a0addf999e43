from __future__ import annotations

import numpy as np
import pytest

from metabot.base import policy_for
from metabot.base.actor import Actor
from metabot.base.cross_entropy import cross_entropy
from metabot.base.feedback import Steering, Timed, controller_for
from metabot.base.imitators import ImitatorConfig, imitators
from metabot.base.many_tasks import ManyTasks, ManyTasksConfig, train_on_many
from metabot.base.stacked import StackedFrames
from metabot.harness.measure.drivers import Driver, drive
from metabot.problems import make_problem
from metabot.problems.family import FamilyProblem
from metabot.problems.reach import PointReach
from metabot.task import RobotDynamics


def test_stacked_frames_show_the_last_observations_and_actions_and_no_reward() -> None:
    problem, plain = StackedFrames(PointReach(), 3), PointReach()
    tasks = np.array([[0.0], [1.0]])
    first = problem.begin(tasks, np.random.default_rng(0))
    seen = [plain.begin(tasks, np.random.default_rng(0))]
    assert first.shape == (2, problem.observation_size) == (2, 3 * 4 + 2 * 2)
    assert np.array_equal(first[:, :4], seen[0]) and not first[:, 4:].any()
    actions = np.random.default_rng(1).uniform(-1.5, 1.5, (4, 2, 2)).astype(np.float32)
    for action in actions:
        stacked, single = problem.step(action), plain.step(action)
        seen.append(single.observations)
        assert np.array_equal(stacked.rewards, single.rewards)
    done = np.clip(actions, -1.0, 1.0)
    wanted = np.concatenate([seen[4], done[3], seen[3], done[2], seen[2]], axis=1)
    assert np.array_equal(stacked.observations, wanted)
    again = problem.begin(tasks, np.random.default_rng(2))
    assert not again[:, 4:].any(), "an episode begins with what the one before has left"


def test_one_frame_is_the_problem_itself() -> None:
    problem, plain = StackedFrames(PointReach(), 1), PointReach()
    tasks = np.zeros((3, 1))
    assert np.array_equal(problem.begin(tasks, np.random.default_rng(0)), plain.begin(tasks, np.random.default_rng(0)))
    action = np.ones((3, 2), dtype=np.float32)
    assert np.array_equal(problem.step(action).observations, plain.step(action).observations)
    with pytest.raises(ValueError, match="frames"):
        StackedFrames(PointReach(), 0)


def test_many_tasks_are_fresh_in_every_episode_and_end_in_step() -> None:
    problem = PointReach()
    env = ManyTasks(problem, 5, np.random.default_rng(0))
    env.reset()
    turns = problem._turn.copy()
    assert len(set(turns.tolist())) == 5
    for step in range(problem.horizon):
        _, rewards, over, infos = env.step(np.zeros((5, 2), dtype=np.float32))
        assert rewards.shape == (5,) and over.all() == (step == problem.horizon - 1)
    assert all(info["TimeLimit.truncated"] and info["terminal_observation"].shape == (4,) for info in infos)
    assert not set(turns.tolist()) & set(problem._turn.tolist())


@pytest.mark.parametrize(
    ("algorithm", "settings"), [("ppo", {"n_epochs": 2}), ("sac", {"gradient_steps": 1, "batch_size": 32})]
)
def test_a_kept_learner_gives_its_network(algorithm: str, settings: dict[str, float]) -> None:
    problem = PointReach()
    config = ManyTasksConfig(algorithm, 8, settings=settings)  # type: ignore[arg-type]
    (actor, spent), (again, _) = (train_on_many(problem, config, 500, 3) for _ in range(2))
    assert spent == 400
    observations = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    assert actor(observations).shape == (6, 2) and np.abs(actor(observations)).max() <= 1.0
    assert np.array_equal(actor(observations), again(observations))
    stored = Actor.from_dict(actor.as_dict())
    assert np.allclose(stored(observations), actor(observations))


def test_the_network_of_a_kept_learner_is_the_one_it_acts_with() -> None:
    from stable_baselines3 import PPO, SAC

    env = ManyTasks(PointReach(), 2, np.random.default_rng(0))
    observations = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    ppo = PPO("MlpPolicy", env, policy_kwargs={"net_arch": [64, 64]}, seed=0)
    mine = Actor.of_linear([*ppo.policy.mlp_extractor.policy_net, ppo.policy.action_net], "tanh", squashed=False)
    assert np.allclose(mine(observations), ppo.predict(observations, deterministic=True)[0], atol=1e-5)
    sac = SAC("MlpPolicy", env, policy_kwargs={"net_arch": [64, 64]}, seed=0)
    mine = Actor.of_linear([*sac.actor.latent_pi, sac.actor.mu], "relu", squashed=True)
    assert np.allclose(mine(observations), sac.predict(observations, deterministic=True)[0], atol=1e-5)


def test_imitators_of_different_tasks_do_not_mix() -> None:
    problem, rng = PointReach(), np.random.default_rng(0)
    policy = policy_for(problem)
    groups = [np.array([[0.0]]), np.array([[np.pi]])]
    config = ImitatorConfig(rounds=3, episodes=8, updates=200)
    rows, spent = imitators(problem, policy, groups, rng, config)
    assert spent == 3 * 2 * 8 * problem.horizon
    for row, own in zip(rows, groups, strict=True):
        driver = Driver(1, Actor.of(policy, row))
        success, _ = driver.drive(problem, np.array([[0.0], [np.pi]]), 16, rng)
        assert success[int(own[0, 0] > 1.0)] >= 0.9 and success.min() == 0.0


def test_the_cross_entropy_method_finds_the_least_and_breaks_ties_by_the_next_column() -> None:
    wanted = np.array([0.3, -0.7])

    def score(candidates: np.ndarray) -> np.ndarray:
        wrong = np.square(candidates - wanted).sum(1)
        return np.stack([wrong < 1e-9, -wrong], axis=1)

    low, high = -np.ones(2), np.ones(2)
    best = cross_entropy(score, low, high, 15, np.random.default_rng(0))
    assert np.abs(best[0] - wanted).max() < 0.1


def test_a_steering_controller_drives_a_healthy_robot_to_its_goal() -> None:
    problem = make_problem("drive-goal")
    controller = controller_for(problem.observation_names, problem.horizon)
    assert isinstance(controller, Steering)
    quiet = [2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 10.0, 0.0]
    rows = np.tile([1.0, 0.0, *quiet], (16, 1))
    assert isinstance(problem, FamilyProblem)
    healthy, reversed_drive = (
        problem.state(problem.spec.with_dynamics([RobotDynamics(drive_gain=gain)]))[None] for gain in (1.0, -1.0)
    )
    success, _ = drive(problem, lambda seen, step: controller(rows, seen, step), healthy, 16, np.random.default_rng(0))
    assert success[0] == 1.0
    # Somebody who is not told that the drive is reversed drives away.
    rng = np.random.default_rng(0)
    assert drive(problem, lambda seen, step: controller(rows, seen, step), reversed_drive, 16, rng)[0][0] < 0.5


def test_a_robot_that_is_told_once_has_a_controller_with_a_clock_and_an_arm_has_none() -> None:
    assert isinstance(controller_for(("goal_distance", "goal_bearing", "forward_speed"), 72), Timed)
    assert controller_for(("joint_1", "joint_2"), 80) is None
    timed = Timed(0, 1, 10)
    numbers = np.array([[0.3, 0.8, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
    does = [timed(numbers, np.array([[0.5, -0.5]]), step)[0].tolist() for step in (0, 5, 9)]
    assert does == [[0.0, -0.5], [0.5, 0.0], [0.0, 0.0]]
